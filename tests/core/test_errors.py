"""Codes are API: what callers may have read is repeated here."""

import inspect
import re

from aegisd.core import errors
from aegisd.core.errors import AegisError, Conflict, InvalidRequest, Unavailable
from tests.table import each

CLASSES = [
    shape
    for shape in vars(errors).values()
    if inspect.isclass(shape) and issubclass(shape, AegisError)
]

REQUEST = [
    "request_invalid",
    "json_invalid",
    "json_duplicate_key",
    "json_number_range",
    "json_too_deep",
    "too_large",
    "body_too_slow",
    "media_type_unsupported",
    "field_invalid",
    "field_unknown",
    "field_unsupported",
    "event_type_unknown",
    "event_type_reserved",
    "id_reserved",
    "origin_refused",
    "hash_mismatch",
    "idempotency_conflict",
    "manifest_invalid",
    "policy_invalid",
    "note_invalid",
    "export_invalid",
]
CONFLICT = [
    "conflict",
    "head_mismatch",
    "session_exists",
    "session_terminated",
    "call_id_reused",
    "not_covered",
]
UNAVAILABLE = [
    "unavailable",
    "log_unavailable",
    "queue_full",
    "stopping",
]
REST = [
    "internal",
    "not_found",
    "session_unknown",
    "method_not_allowed",
    "position_conflict",
    "store_failed",
    "store_broken",
    "log_corrupt",
    "evaluator_failed",
    "rule_failed",
    "evaluator_stuck",
    "config_invalid",
    "file_wrong",
    "version_unknown",
    "checkpoint_unknown",
    "event_unknown",
    "commit_unknown",
    "signing_failed",
    "log_rolled_back",
]


def codes(root: type[AegisError]) -> set[str]:
    return {shape.code for shape in CLASSES if issubclass(shape, root)}


def test_no_code_goes_away_or_changes_what_it_asks_of_the_caller() -> None:
    assert set(REQUEST) <= codes(InvalidRequest)
    assert set(CONFLICT) <= codes(Conflict)
    assert set(UNAVAILABLE) <= codes(Unavailable)
    assert set(REST) <= codes(AegisError) - codes(InvalidRequest) - codes(Unavailable)


@each("shape", CLASSES)
def test_every_error_has_a_code_of_its_own_and_says_what_it_means(
    shape: type[AegisError],
) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", shape.code)
    assert [other for other in CLASSES if other.code == shape.code] == [shape]
    assert shape.__doc__


@each("shape", CLASSES)
def test_an_error_carries_its_sentence_and_its_details(shape: type[AegisError]) -> None:
    error = shape("expected a, found b", field="seq", limit=3, again=True, nearest=None)
    assert str(error) == error.message == "expected a, found b"
    assert error.details == {"field": "seq", "limit": 3, "again": True, "nearest": None}
