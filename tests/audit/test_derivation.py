"""A log that the gate wrote is derived without a difference, whichever way it is read."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from aegisd.audit import derivation, log, rules
from aegisd.core.errors import ManifestInvalid, SessionUnknown

NO_READS = """package aegis.rules

deny contains {"message": "no reads", "rule": "no_reads"} if input.call.tool == "read_file"
"""


def derive(path: Path, session_id: str | None = None) -> derivation.Derivation:
    with log.opened(str(path)) as source:
        judge = rules.judge(source.document)
        return derivation.derive(source, source.tenants(), session_id, judge)


def test_a_database_and_its_export_derive_alike(recorded: Path, export: Path) -> None:
    whole, one = derive(recorded), derive(export)
    assert (whole.differences, one.differences) == ([], [])
    assert whole.tenants[0] == one.tenants[0]
    assert [tenant.whole for tenant in whole.tenants] == [True, True]
    assert whole.tenants[0].equal == whole.tenants[0].decisions > 0
    assert derivation.document({"regopy": one})["holds"] is True


def test_a_session_that_is_nowhere_is_unknown(recorded: Path) -> None:
    assert derive(recorded, "s1").tenants[0].sessions == 1
    with pytest.raises(SessionUnknown, match="s9"):
        derive(recorded, "s9")


def test_another_bundle_changes_the_calls_it_denies(recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "no_reads.rego").write_text(NO_READS)
    with rules.Supposition(tmp_path, "auto") as supposed, log.opened(str(recorded)) as source:
        bundle, judge = supposed.bundle(), supposed.judge(source.document)
        told = derivation.what_if(source, ["acme"], None, judge, bundle)
        again = derivation.what_if(source, ["acme"], None, rules.judge(source.document), bundle)
    assert told == again, "what is recalled is what is answered"
    assert {change.outcome for _, change in told.changes} == {"deny"}
    assert 0 < len(told.changes) < told.decisions
    assert told.unjudged == 0


def test_an_offset_is_held_to_this_machines_data_for_the_manifests_zone(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert derive(export).is_certain
    for found in (3600, ManifestInvalid("zone: unknown")):
        looked = Mock(
            side_effect=found if isinstance(found, Exception) else None, return_value=found
        )
        monkeypatch.setattr(derivation, "utc_offset_s", looked)
        told = derive(export)
        assert (told.is_certain, set(told.by_class())) == (False, {"zone"})
        assert told.tenants[0].equal == told.tenants[0].compared == told.by_class()["zone"]
