"""What was expected beside what was found. Nothing here trusts the shape of an answer."""

import json
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import UNSET, Struct

from aegisd.audit.verification.result import Verification
from aegisd.conformance.filling import Names, fill
from aegisd.conformance.step import Answered, Json, Received, Replayed, Saves, Verified
from aegisd.conformance.target import Refusal, Reply

# Characters of a value that a report repeats: a decision fits, a payload does not fill the page.
VALUE_CHARACTERS_MAX = 2_000

# Breaks or differences named in a finding; the first shows where to look.
TOLD_MAX = 3

_REFUSED = 400
_ACCEPTED = "accepted"

# How a reason's members are told of all reasons at once.
_OF_REASONS = {"reasons": "code", "rules": "rule", "where": "where"}
_OF_DECISION = frozenset({"outcome", "reason", "constraints", "obligations", "advice"})


class Mismatch(Struct, frozen=True, kw_only=True):
    """One difference, as texts for a person: values are JSON."""

    field: str
    expected: str
    found: str


def told(value: object) -> str:
    """A value as JSON, cut to `VALUE_CHARACTERS_MAX`."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 1] + "…"


def differing(expected: Mapping[str, object], found: object, at: str = "") -> Iterator[Mismatch]:
    """The named members that an object does not have so."""
    for name, wanted in expected.items():
        yield from _unequal(f"{at}{name}", wanted, _member(found, name))


def answer(expect: Answered, reply: Reply, names: Names) -> Iterator[Mismatch]:
    """Where a gate's answer is not the one expected. Without expectations it must be accepted."""
    wanted = _filled(expect, names)
    status = wanted.pop("status", None)
    if status is not None and reply.status is not None:
        yield from _unequal("status", status, reply.status)
    refused = "code" in wanted or (isinstance(status, int) and status >= _REFUSED)
    if reply.refusal is not None:
        yield from _refusal(wanted, reply.refusal, expected=refused)
        return
    if refused:
        code = told(wanted["code"]) if "code" in wanted else "refused"
        yield Mismatch(field="code", expected=code, found=_summary(reply))
        return
    replayed = wanted.pop("replayed", None)
    if replayed is not None and reply.replayed is not None:
        yield from _unequal("replayed", replayed, reply.replayed)
    found = receipts(reply)
    if "same_as" in wanted:
        yield from receipt({"same_as": wanted.pop("same_as")}, whole(reply), names)
    items = wanted.pop("items", None)
    if isinstance(items, list):
        yield from _items(items, found, names)
    if wanted:
        if len(found) != 1:
            yield Mismatch(field="answer", expected="one receipt", found=f"{len(found)} receipts")
            return
        yield from receipt(wanted, found[0], names)


def receipts(reply: Reply) -> list[object]:
    """The receipts of an answer: one, or those of a batch."""
    return reply.value if isinstance(reply.value, list) else [reply.value]


def whole(reply: Reply) -> object:
    """What "." names: the receipt where there is one, else the list of them."""
    found = receipts(reply)
    return found[0] if len(found) == 1 else found


def receipt(
    wanted: Mapping[str, object], found: object, names: Names, at: str = ""
) -> Iterator[Mismatch]:
    """Where one receipt is not the one expected."""
    for name, value in wanted.items():
        if name == "same_as":
            earlier = names.get(str(value))
            yield from _unequal(f"{at}same_as", _lasting(earlier), _lasting(found))
        else:
            yield from _unequal(f"{at}{name}", value, _of_receipt(found, name))


def _lasting(value: object) -> object:
    """An answer without the checkpoint that goes out with it: the answer to a retry has none."""
    if isinstance(value, list):
        return [_lasting(each) for each in value]
    if isinstance(value, dict) and "seq" in value:
        return {name: member for name, member in value.items() if name != "checkpoint"}
    return value


def save(
    names: dict[str, object], saves: Saves, whole: object, members: Mapping[str, object]
) -> Iterator[Mismatch]:
    """Keep members of an answer under their names, "." being the whole; what is absent is told."""
    for name, path in saves.items():
        try:
            names[name] = saved(whole if path == "." else members, path)
        except KeyError:
            yield Mismatch(field=f"save.{name}", expected=path, found="absent")


def saved(reply_value: object, path: str) -> object:
    """The member of an answer that a dotted path names; "." is the whole.

    Raises `KeyError` with the path where the answer has none.
    """
    value = reply_value
    for name in [] if path == "." else path.split("."):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            raise KeyError(path)
    return value


def _filled(expect: Received, names: Names) -> dict[str, object]:
    wanted = fill(msgspec.to_builtins(expect), names)
    if isinstance(wanted, dict) and "same_as" in wanted:
        # A name of what was saved, and not the text that stands for it.
        wanted["same_as"] = expect.same_as
    return wanted if isinstance(wanted, dict) else {}


def _items(wanted: list[object], found: list[object], names: Names) -> Iterator[Mismatch]:
    if len(wanted) != len(found):
        yield Mismatch(
            field="items", expected=f"{len(wanted)} receipts", found=f"{len(found)} receipts"
        )
        return
    for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
        if isinstance(one, dict):
            yield from receipt(one, other, names, f"items.{number}.")


def _refusal(
    wanted: Mapping[str, object], refusal: Refusal, *, expected: bool
) -> Iterator[Mismatch]:
    said = f"refused {refusal.code or 'without a code'}: {refusal.message}"[:VALUE_CHARACTERS_MAX]
    if not expected:
        yield Mismatch(field="answer", expected=_ACCEPTED, found=said)
        return
    if "code" in wanted and wanted["code"] != refusal.code:
        yield Mismatch(field="code", expected=told(wanted["code"]), found=said)
    if "index" in wanted:
        yield from _unequal("index", wanted["index"], refusal.index)


def _summary(reply: Reply) -> str:
    outcomes = [_of_receipt(each, "outcome") for each in receipts(reply)]
    decided = ", ".join(str(each) for each in outcomes if isinstance(each, str))
    return f"{_ACCEPTED}: {decided}" if decided else _ACCEPTED


def _of_receipt(found: object, name: str) -> object:
    """A member of a receipt, or of the decision in it."""
    if name not in _OF_DECISION and name not in _OF_REASONS:
        return _member(found, name)
    decision = _member(found, "decision")
    if decision is None and name == "outcome":
        return None
    if name in _OF_REASONS:
        reasons = _member(decision, "reasons")
        if not isinstance(reasons, list):
            return UNSET
        return [_member(reason, _OF_REASONS[name]) for reason in reasons]
    return _member(decision, name)


def _member(value: object, name: str) -> object:
    return value.get(name, UNSET) if isinstance(value, dict) else UNSET


def _unequal(field: str, expected: object, found: object) -> Iterable[Mismatch]:
    if found is UNSET or (isinstance(found, list) and UNSET in found):
        return [Mismatch(field=field, expected=told(expected), found="absent")]
    # As JSON texts, because Python takes 1, 1.0 and True for one value.
    if told_whole(expected) == told_whole(found):
        return []
    return [Mismatch(field=field, expected=told(expected), found=told(found))]


def told_whole(value: object) -> str:
    """A value as JSON with its members sorted: equal texts are equal values."""
    return json.dumps(value, sort_keys=True)


def holds(*, found: bool, expected: bool, why: str = "") -> Iterator[Mismatch]:
    """Whether something holds, and why not, where it was to."""
    if found is not expected:
        said = f"{told(found)} ({why})" if why else told(found)
        yield Mismatch(field="holds", expected=told(expected), found=said)


def breaks(expect: Verified, verified: Verification) -> Iterator[Mismatch]:
    """Whether an export holds; where not, by which rule and where."""
    why = "; ".join(f"{found.rule}: {found.detail}" for found in verified.breaks[:TOLD_MAX])
    yield from holds(found=verified.holds, expected=expect.holds, why=why)
    rules = sorted({found.rule for found in verified.breaks})
    if expect.rule is not UNSET and expect.rule not in rules:
        yield Mismatch(field="rule", expected=told(expect.rule), found=told(rules))
    places = sorted({found.seq for found in verified.breaks if expect.rule in (UNSET, found.rule)})
    if expect.place is not UNSET and expect.place not in places:
        yield Mismatch(field="place", expected=told(expect.place), found=told(places))


def level(expect: Verified, verified: Verification, *, keyed: bool) -> Iterator[Mismatch]:
    """What a log that holds rests on: with a key, on a signature, unless something else is said."""
    if not verified.holds:
        return
    wanted = expect.level
    if wanted is UNSET and keyed:
        wanted = "SIGNED"
    found = sorted({tenant.level for tenant in verified.tenants})
    if wanted is not UNSET and found != [wanted]:
        yield Mismatch(field="level", expected=wanted, found=", ".join(found))


def replay(expect: Replayed, found: Json) -> Iterator[Mismatch]:
    """How many decisions came out again, and how many did not; in which classes."""
    if expect.decisions is not UNSET:
        yield from differing({"decisions": expect.decisions}, found)
    count = found["differences"]
    if expect.differences == "some":
        if not count:
            yield Mismatch(field="differences", expected="some", found="0")
    elif expect.differences is not UNSET:
        yield from differing({"differences": expect.differences}, found)
    classes = found["classes"]
    if expect.klass is not UNSET and isinstance(classes, list) and expect.klass not in classes:
        yield Mismatch(field="class", expected=told(expect.klass), found=told(classes))
