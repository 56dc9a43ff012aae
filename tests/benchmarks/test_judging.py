"""The family of schemas and arguments is the same for everybody, and is judged within its bound."""

from itertools import islice

import jsonschema_rs
import pytest

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import encode, parse
from aegisd.core.manifest.arguments import ARGUMENT_ERRORS_MAX, TOO_COSTLY, pointer
from aegisd.core.manifest.cost import parameters
from benchmarks.judging import Family, checks, run
from tests.effort import times

# Milliseconds of processor time and megabytes: ten times what is promised, since others run beside.
_GENEROUS_MS, _GENEROUS_MB = 500, 320


def test_any_call_of_the_family_is_judged_within_its_bound() -> None:
    found = run(times(80, 10_000), seed=7)
    assert found.milliseconds < _GENEROUS_MS
    assert found.megabytes < _GENEROUS_MB
    assert 0 < found.invalid < found.pairs
    assert 0 < found.too_costly < found.invalid
    assert 0 < found.refused < found.schemas


def test_a_seed_gives_the_same_pairs() -> None:
    schemas = [Family(3).schema() for _ in range(2)]
    assert schemas[0] == schemas[1] != Family(4).schema()


@pytest.mark.parametrize("seed", range(times(3, 400)))
def test_what_is_judged_is_judged_as_the_validator_judges_it(seed: int) -> None:
    family = Family(seed)
    schema = parse(encode(family.schema()))
    assert isinstance(schema, dict)
    try:
        arguments, cost = checks(schema), parameters(schema)
    except ManifestInvalid:
        return
    validator = jsonschema_rs.validator_for(
        schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )
    for args in family.arguments(schema):
        body = encode(args)
        errors = arguments.check("t", parse(body), len(body))
        if errors == (TOO_COSTLY,):
            continue
        assert (errors == ()) == validator.is_valid(parse(body))
        if not cost.recursive and len(body) < 256:  # small enough to tell it all
            told = islice(validator.iter_errors(parse(body)), ARGUMENT_ERRORS_MAX)
            known = {(pointer(error.instance_path), str(error.schema_path[-1])) for error in told}
            assert {(error.where, error.rule) for error in errors} <= known | {("/args", "")}
