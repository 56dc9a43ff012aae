"""Settings: every one honoured or refused, and each refusal says where and why."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.config import (
    CHECKPOINT_EVENTS_MAX,
    CHECKPOINT_INTERVAL_MS_MAX,
    PORT_MAX,
    Address,
    Settings,
    read,
)
from aegisd.core.errors import ConfigInvalid
from tests.table import each


def refusal(
    flags: dict[str, str | None] | None = None,
    environment: dict[str, str] | None = None,
    file: Path | None = None,
) -> str:
    with pytest.raises(ConfigInvalid) as raised:
        read(flags or {}, environment or {}, file)
    return raised.value.message


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    return tmp_path / "aegis.yaml"


def test_without_any_setting_there_is_a_file_here_and_a_loopback_port() -> None:
    settings = read({}, {}, None)
    assert settings == Settings()
    assert settings.dsn == "aegis.db"
    assert settings.address() == Address(host="127.0.0.1", port=8080)
    assert (settings.manifest, settings.policy, settings.trust_mode) == (None, None, "dev")


def test_flags_win_over_the_environment_and_that_over_the_file(yaml: Path) -> None:
    yaml.write_text("dsn: file.db\nmanifest: file.json\npolicy: file-rules\n")
    environment = {"AEGIS_DSN": "environment.db", "AEGIS_MANIFEST": "environment.json"}
    settings = read({"dsn": "flag.db", "manifest": None}, environment, yaml)
    assert (settings.dsn, settings.manifest, settings.policy) == (
        "flag.db",
        "environment.json",
        "file-rules",
    )


def test_what_other_programs_of_ours_read_is_left_alone() -> None:
    environment = {"AEGIS_SERVER": "http://x", "AEGIS_TENANT": "t"}
    assert read({}, environment | {"HOME": "/root", "aegis_dsn": "x"}, None) == Settings()


@pytest.mark.parametrize("name", ["dsnn", "manifests", "trust-mode"])
def test_an_unknown_setting_is_refused_with_the_nearest_one(name: str, yaml: Path) -> None:
    yaml.write_text(f"{name}: x\n")
    assert name in refusal(file=yaml)
    assert "nearest" in refusal(file=yaml)
    assert str(yaml) in refusal(file=yaml)
    assert "AEGIS_" in refusal(environment={f"AEGIS_{name.upper()}": "x"})


@pytest.mark.parametrize(
    "name",
    ["tls", "behind_proxy", "auth", "rate_limit", "mcp_addr", "telemetry"],
)
def test_a_setting_for_what_is_not_there_yet_is_refused_and_not_ignored(
    name: str, yaml: Path
) -> None:
    yaml.write_text(f"{name}: true\n")
    assert "version" in refusal(file=yaml)
    assert "version" in refusal(environment={f"AEGIS_{name.upper()}": "1"})


def test_signed_manifests_cannot_be_asked_for_before_they_can_be_verified() -> None:
    assert "signed manifests" in refusal({"trust_mode": "prod"})
    assert "trust_mode" in refusal({"trust_mode": "none"})


@pytest.mark.parametrize(
    "text",
    [
        "dsn: a\ndsn: b\n",
        "dsn: 5\n",
        "manifest: true\n",
        "- dsn\n",
        "just text\n",
        "5: x\n",
        "? [a, b]\n: x\n",
        "? {a: b}\n: x\n",
        "dsn: [a\n",
        "dsn: !!python/object/apply:os.system [echo]\n",
        "dsn: &a {x: *a}\n",
        "a: &a [x]\nb: *a\n",
        "<<: {dsn: x}\n",
        "\tdsn: x\n",
        "dsn: a\n---\ndsn: b\n",
        "dsn: {dsn: a, dsn: b}\n",
    ],
)
def test_a_file_that_is_not_a_plain_mapping_of_settings_is_refused(text: str, yaml: Path) -> None:
    yaml.write_text(text)
    refusal(file=yaml)


def test_an_empty_file_sets_nothing(yaml: Path) -> None:
    yaml.write_text("# nothing yet\n")
    assert read({}, {}, yaml) == Settings()


def test_a_file_that_cannot_be_read_is_refused(yaml: Path) -> None:
    assert str(yaml) in refusal(file=yaml)
    yaml.write_bytes(b"dsn: \xff\n")
    assert str(yaml) in refusal(file=yaml)
    assert "cannot be read" in refusal(file=yaml.parent)


@pytest.mark.parametrize(
    ("text", "host", "port", "assumed"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, False),
        ("127.9.9.9:0", "127.9.9.9", 0, False),
        ("localhost:80", "127.0.0.1", 80, False),
        ("[::1]:443", "::1", 443, False),
        (":9000", "127.0.0.1", 9000, True),
        (f":{PORT_MAX}", "127.0.0.1", PORT_MAX, True),
    ],
)
def test_an_address_is_loopback(text: str, host: str, port: int, assumed: bool) -> None:
    settings = read({"addr": text}, {}, None)
    assert settings.address() == Address(host=host, port=port, assumed=assumed)


@each(
    "text",
    [
        *["0.0.0.0:8080", "[::]:8080", "192.168.1.5:80", "example.com:80", "10.0.0.1:1"],
        *["8080", "localhost", "", ":", "127.0.0.1:", f":{PORT_MAX + 1}", ":-1", ":80a"],
        *[":８０", ": 80", ":80\n", ":+80", "127.1:80", "2130706433:80", ":" + "9" * 5000],
        *["localhost.evil.example:80", "http://127.0.0.1:80", "127.0.0.1:80:80"],
    ],
)
def test_any_other_address_is_refused(text: str) -> None:
    assert "addr" in refusal({"addr": text})


@given(st.text(max_size=20))
def test_no_address_is_an_odd_error(text: str) -> None:
    try:
        address = read({"addr": text}, {}, None).address()
    except ConfigInvalid:
        return
    assert 0 <= address.port <= PORT_MAX


def test_checkpoints_are_set_by_numbers_in_every_source(yaml: Path) -> None:
    yaml.write_text("checkpoints.interval_ms: 250\ncheckpoints.events: 7\nsigning.key: a.key\n")
    settings = read({}, {"AEGIS_CHECKPOINTS_EVENTS": "9"}, yaml)
    assert (settings.checkpoints_interval_ms, settings.checkpoints_events) == (250, 9)
    assert settings.signing_key == "a.key"
    assert read({"signing_key": "b.key"}, {}, yaml).signing_key == "b.key"
    assert (Settings().checkpoints_interval_ms, Settings().checkpoints_events) == (1000, 256)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("checkpoints.interval_ms", CHECKPOINT_INTERVAL_MS_MAX),
        ("checkpoints.events", CHECKPOINT_EVENTS_MAX),
    ],
)
def test_how_often_is_bounded(name: str, most: int, yaml: Path) -> None:
    yaml.write_text(f"{name}: {most}\n")
    read({}, {}, yaml)
    for wrong in (most + 1, -1, "often", 1.5):
        yaml.write_text(f"{name}: {wrong}\n")
        assert name in refusal(file=yaml)
    yaml.write_text("checkpoints.interval_ms: 0\n")
    read({}, {}, yaml)
    yaml.write_text("checkpoints.events: 0\n")
    assert "checkpoints.events" in refusal(file=yaml)


@pytest.mark.parametrize(
    "given",
    [
        {"signing.command": "vault"},
        {"signing.public_key": "key"},
        {"signing.command": "vault", "signing.public_key": "key", "signing.key": "a.key"},
    ],
)
def test_what_signs_is_named_once_and_whole(given: dict[str, str], yaml: Path) -> None:
    yaml.write_text("".join(f"{name}: {value}\n" for name, value in given.items()))
    assert "signing." in refusal(file=yaml)


def test_a_nested_setting_is_the_one_with_a_dot_and_may_not_be_given_both_ways(
    tmp_path: Path,
) -> None:
    file = tmp_path / "aegis.yaml"
    file.write_text("policy: {engine: regopy}\nlog:\n  level: info\n  requests: true\n")
    settings = read({}, {}, file)
    assert (settings.policy_engine, settings.log_level) == ("regopy", "info")
    assert settings.log_requests
    file.write_text("policy.engine: regopy\npolicy: {engine: regorus}\n")
    with pytest.raises(ConfigInvalid, match="given twice"):
        read({}, {}, file)
    file.write_text("policy: {enginge: regopy}\n")
    with pytest.raises(ConfigInvalid, match=r"nearest is 'policy\.engine'"):
        read({}, {}, file)


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("AEGIS_LOG_LEVEL", "INFO", "expected one of debug, info, warning, error"),
        ("AEGIS_POLICY_ENGINE", "opa", "expected one of auto, regorus, regopy"),
        ("AEGIS_LOG_REQUESTS", "yes", "expected true or false, 1 or 0"),
    ],
)
def test_a_setting_of_a_few_values_says_which(variable: str, value: str, wanted: str) -> None:
    with pytest.raises(ConfigInvalid, match=wanted) as caught:
        read({}, {variable: value}, None)
    assert value not in caught.value.message


def test_a_file_that_is_not_there_is_named_once_and_without_a_number(tmp_path: Path) -> None:
    file = tmp_path / "nope.yaml"
    with pytest.raises(ConfigInvalid) as caught:
        read({}, {}, file)
    assert caught.value.message == f"{file}: cannot be read: No such file or directory"
