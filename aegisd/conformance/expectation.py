"""A verification or a replay beside what was expected of it."""

from collections.abc import Iterator

from msgspec import UNSET

from aegisd.audit.verification.result import Verification
from aegisd.conformance.comparison import Mismatch, differing, told
from aegisd.conformance.step import Json, Replayed, Verified

# Breaks or differences named in a finding; the first shows where to look.
TOLD_MAX = 3


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
        why = "; ".join(verified.unknown)
        yield Mismatch(field="level", expected=wanted, found=f"{', '.join(found)} ({why})")


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
