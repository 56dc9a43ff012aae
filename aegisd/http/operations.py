"""Every operation of the door, in the order in which `/openapi.json` lists them."""

from msgspec import Struct

from aegisd.http.events import FILTERS


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path. `asks` and `answers` name schemas; None answers any JSON."""

    method: str
    path: str
    summary: str
    query: tuple[str, ...] = ()
    asks: str | None = None
    answers: str | None = None
    status: int = 200


_TENANT = ("tenant_id",)
_PAGE = ("limit", "page_token")
_FILTERS = (*_TENANT, *FILTERS)

OPERATIONS = (
    Operation(
        method="post",
        path="/v1/events",
        summary="Judge and record one event, or a batch of one tenant; 201 for every outcome.",
        asks="EventRequest",
        answers="EventReceipt",
        status=201,
    ),
    Operation(
        method="get",
        path="/v1/events",
        summary="A tenant's events in position order, or one session's.",
        query=(*_FILTERS, "session_id"),
        answers="EventPage",
    ),
    Operation(
        method="post",
        path="/v1/sessions",
        summary="Open a session before its first event.",
        asks="SessionOpening",
        answers="SessionOpenedReceipt",
        status=201,
    ),
    Operation(
        method="get",
        path="/v1/sessions",
        summary="A tenant's sessions by id.",
        query=(*_TENANT, *_PAGE),
        answers="SessionPage",
    ),
    Operation(
        method="get",
        path="/v1/sessions/{session_id}",
        summary="How many events a session has, and the newest.",
        query=_TENANT,
        answers="SessionSummary",
    ),
    Operation(
        method="get",
        path="/v1/sessions/{session_id}/snapshot",
        summary="The fold of a session's events, with its digest.",
        query=_TENANT,
        answers="SessionSnapshot",
    ),
    Operation(
        method="get",
        path="/v1/sessions/{session_id}/verify",
        summary="Hash a session again from stored bytes.",
        query=_TENANT,
        answers="SessionVerification",
    ),
    Operation(
        method="get",
        path="/v1/sessions/{session_id}/events",
        summary="A session's events in seq order.",
        query=_FILTERS,
        answers="EventPage",
    ),
    Operation(
        method="post",
        path="/v1/sessions/{session_id}/check",
        summary="Judge an event on the session's live state and record nothing.",
        asks="Question",
        answers="CheckAnswer",
    ),
    Operation(
        method="post",
        path="/v1/policy/decide",
        summary="Judge the caller's own event, counters and manifest; records nothing.",
        asks="Simulation",
        answers="SimulatedDecision",
    ),
    Operation(
        method="post",
        path="/v1/manifests",
        summary="Put a capability manifest in force for a tenant.",
        asks="ManifestRegistration",
        answers="ActReceipt",
        status=201,
    ),
    Operation(
        method="get",
        path="/v1/manifests",
        summary="The manifests in force for a tenant.",
        query=_TENANT,
        answers="ManifestList",
    ),
    Operation(
        method="get",
        path="/v1/manifests/{digest}",
        summary="The RFC 8785 bytes of a manifest that is or was in force.",
    ),
    Operation(
        method="post",
        path="/v1/policies",
        summary="Put an operator's rules in force for a tenant.",
        asks="PolicyActivation",
        answers="ActReceipt",
        status=201,
    ),
    Operation(
        method="get",
        path="/v1/policies",
        summary="The policy bundle in force for a tenant.",
        query=_TENANT,
        answers="PolicyList",
    ),
    Operation(
        method="get",
        path="/v1/policies/{digest}",
        summary="The RFC 8785 bytes of a bundle that is or was in force.",
    ),
    Operation(
        method="post",
        path="/v1/imports",
        summary="Keep an export's events under an archive tenant, to be verified and replayed.",
        query=(*_TENANT, "author", "reason"),
        asks="Export",
        answers="ImportReceipt",
        status=201,
    ),
    Operation(
        method="post",
        path="/v1/checkpoints",
        summary="Sign now what is durable and not covered by a checkpoint yet.",
        asks="CheckpointRequest",
        answers="SignedCheckpoint",
    ),
    Operation(
        method="get",
        path="/v1/checkpoints",
        summary="A tenant's signed checkpoints, by size.",
        query=(*_TENANT, "from_size", *_PAGE),
        answers="CheckpointPage",
    ),
    Operation(
        method="get",
        path="/v1/checkpoints/latest",
        summary="The newest signed checkpoint.",
        query=_TENANT,
        answers="SignedCheckpoint",
    ),
    Operation(
        method="get",
        path="/v1/checkpoints/keys",
        summary="The verifier keys that sign now.",
        answers="SigningKeys",
    ),
    Operation(
        method="get",
        path="/v1/proofs/inclusion",
        summary="Prove that an event is in a signed tree; wait_ms waits for one that covers it.",
        query=(*_TENANT, "position", "size", "wait_ms"),
        answers="InclusionProof",
    ),
    Operation(
        method="get",
        path="/v1/proofs/consistency",
        summary="Prove that the log of one size continues the log of another.",
        query=(*_TENANT, "from", "to"),
        answers="ConsistencyProof",
    ),
    Operation(
        method="post",
        path="/v1/erasures",
        summary="Delete the values kept beside a subject's events; every hash and proof stays.",
        asks="Erasure",
        answers="ErasureReceipt",
        status=201,
    ),
    Operation(method="get", path="/healthz", summary="The process answers.", answers="Health"),
    Operation(
        method="get",
        path="/readyz",
        summary="The gate takes events and the log can be read.",
        answers="Health",
    ),
    Operation(method="get", path="/openapi.json", summary="This document."),
)
