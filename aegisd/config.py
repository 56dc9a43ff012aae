"""Settings: strict, typed, read once. Flags win, then `AEGIS_*`, then the file.

A setting that is not here is an error, and so is one that this version cannot honour: nothing that
is configured is silently ignored.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import msgspec
import yaml
from msgspec import Meta, Struct

from aegisd.core.errors import ConfigInvalid
from aegisd.core.nearest import nearest
from aegisd.core.quoting import is_private_key, misshapen, named, unquoted

DSN_DEFAULT = "aegis.db"
ADDRESS_DEFAULT = "127.0.0.1:8080"
# TCP's own, RFC 9293 section 3.1.
PORT_MAX = 65_535

_PORT = re.compile(r"[0-9]{1,5}\Z")

# Milliseconds: a day between checkpoints protects little; what is meant is 0, only when asked.
CHECKPOINT_INTERVAL_MS_MAX = 86_400_000

# Events that no checkpoint covers, at most: what a start may have to read again without them.
CHECKPOINT_EVENTS_MAX = 1_000_000

# What the design names and this version does not have; each is refused by name.
_LATER = {
    "tls": "TLS is not part of this version",
    "behind_proxy": "serving other machines needs authentication, which is not in this version",
    "api_key": "authentication is not part of this version",
    "auth": "authentication is not part of this version",
    "rate_limit": "a rate limit is not part of this version",
    "mcp_addr": "the MCP proxy is not part of this version",
    "telemetry": "telemetry is not part of this version",
}


class Address(Struct, frozen=True, kw_only=True):
    """Where to listen. `assumed` tells that a bare `:PORT` was read as loopback."""

    host: str
    port: int
    assumed: bool = False


class Settings(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={
        "policy_engine": "policy.engine",
        "signing_key": "signing.key",
        "signing_command": "signing.command",
        "signing_public_key": "signing.public_key",
        "snapshot_key": "snapshot.key",
        "checkpoints_path": "checkpoints.path",
        "checkpoints_interval_ms": "checkpoints.interval_ms",
        "checkpoints_events": "checkpoints.events",
        "log_level": "log.level",
        "log_requests": "log.requests",
    },
):
    """Everything the daemon can be told. Paths are as given; nothing is opened here.

    `signing_key` and `checkpoints_path` are beside the database where nobody names them, and
    `snapshot_key` beside the signing key. An interval of 0 signs only when asked.
    """

    dsn: str = DSN_DEFAULT
    addr: str = ADDRESS_DEFAULT
    manifest: str | None = None
    policy: str | None = None
    policy_engine: Literal["auto", "regorus", "regopy"] = "auto"
    signing_key: str | None = None
    signing_command: str | None = None
    signing_public_key: str | None = None
    snapshot_key: str | None = None
    checkpoints_path: str | None = None
    checkpoints_interval_ms: Annotated[int, Meta(ge=0, le=CHECKPOINT_INTERVAL_MS_MAX)] = 1000
    checkpoints_events: Annotated[int, Meta(ge=1, le=CHECKPOINT_EVENTS_MAX)] = 256
    trust_mode: Literal["dev", "prod"] = "dev"
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_requests: bool = False

    def address(self) -> Address:
        """`addr` parsed. Raises `ConfigInvalid` for anything but a loopback address."""
        return _address(self.addr)


def read(
    flags: Mapping[str, str | bool | None], environment: Mapping[str, str], file: Path | None
) -> Settings:
    """Merge the three sources. Raises `ConfigInvalid`, naming the source and the setting."""
    merged: dict[str, object] = {}
    if file is not None:
        merged.update(_known(_load(file), str(file)))
    prefix = "AEGIS_"
    variables = {
        _spelled(name.removeprefix(prefix).lower()): value
        for name, value in environment.items()
        if name.startswith(prefix) and not name.startswith(_OTHERS_VARIABLES)
    }
    merged.update(_known(variables, "the environment (AEGIS_*)"))
    merged.update({_spelled(name): value for name, value in flags.items() if value is not None})
    for name, value in merged.items():
        if is_private_key(str(value)):
            raise ConfigInvalid(f"{name}: found a private key itself; name its file")
    try:
        # Not strict: a variable has only text, also where a number is meant.
        settings = msgspec.convert(merged, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigInvalid(_wanted(error)) from None
    if settings.trust_mode == "prod":
        raise ConfigInvalid(
            "trust_mode: prod needs signed manifests, which this version cannot verify; use dev"
        )
    if (settings.signing_command is None) != (settings.signing_public_key is None):
        raise ConfigInvalid(
            "signing.command and signing.public_key come together: the program that signs, and the "
            "verifier key its signatures are checked with"
        )
    if settings.signing_command is not None and settings.signing_key is not None:
        raise ConfigInvalid("signing.key, signing.command: give one, since only one can sign")
    settings.address()
    return settings


# How a setting is spelled in a file, by its name here. Flags and variables have no dots.
NAMES = {field.name: field.encode_name for field in msgspec.structs.fields(Settings)}


_FIELDS = {field.encode_name: field.type for field in msgspec.structs.fields(Settings)}
_PLACE = re.compile(r" - at `\$\.([^`]+)`")


def _wanted(error: msgspec.ValidationError) -> str:
    """What a setting may be, where the answer is short; else what is wrong with it."""
    place = _PLACE.search(str(error))
    name = place[1] if place else ""
    kind = _FIELDS.get(name)
    if kind is bool:
        return f"{name}: expected true or false, 1 or 0"
    if get_origin(kind) is Literal:
        return f"{name}: expected one of {', '.join(get_args(kind))}"
    return misshapen(error).replace("$.", "")


def _spelled(name: str) -> str:
    return NAMES.get(name, name)


# Read by aegisctl and by the tests, not by the daemon.
_OTHERS_VARIABLES = ("AEGIS_SERVER", "AEGIS_TENANT", "AEGIS_TEST_")


def _load(file: Path) -> Mapping[str, object]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigInvalid(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise ConfigInvalid(f"{file}: expected text in UTF-8") from None
    try:
        loaded = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader subclass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigInvalid(f"{file}, line {line}: {unquoted(str(error.problem))}") from None
    except yaml.YAMLError:
        raise ConfigInvalid(f"{file}: holds a character that no YAML may") from None
    except RecursionError:
        raise ConfigInvalid(f"{file}: nested far deeper than any setting is") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigInvalid(f"{file}: expected a mapping of settings")
    settings: dict[str, object] = {}
    for name, value in _dotted(loaded):
        if name in settings:
            raise ConfigInvalid(f"{file}: {named(name)} is given twice, nested and with a dot")
        settings[name] = value
    return settings


def _dotted(nested: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    """Settings by their names: `policy: {engine: regopy}` is `policy.engine: regopy`."""
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _known(values: Mapping[str, object], source: str) -> dict[str, object]:
    for name in values:
        if name in _LATER:
            raise ConfigInvalid(f"{source}: {name}: {_LATER[name]}, so it is refused")
        if name not in NAMES.values():
            guess = nearest(str(name), tuple(NAMES.values()))
            raise ConfigInvalid(
                f"{source}: unknown setting {named(str(name))}; the nearest is {guess!r}"
            )
    return dict(values)


def _address(text: str) -> Address:
    host, colon, digits = text.rpartition(":")
    if not colon or not _PORT.match(digits) or int(digits) > PORT_MAX:
        raise ConfigInvalid(f"addr: expected HOST:PORT with a port up to {PORT_MAX}")
    if not host:
        return Address(host="127.0.0.1", port=int(digits), assumed=True)
    bare = host.removeprefix("[").removesuffix("]")
    if bare != "localhost" and not _is_loopback(bare):
        raise ConfigInvalid(
            "addr: expected a loopback address, since this version has neither authentication nor "
            "TLS; whoever reaches the port can act as agent and as operator"
        )
    return Address(host="127.0.0.1" if bare == "localhost" else bare, port=int(digits))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses a key given twice, which plain YAML lets the last one win."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[object, object]:
    pairs = [
        (loader.construct_object(key), loader.construct_object(value, deep=True))
        for key, value in node.value
    ]
    if not all(isinstance(key, str) for key, _ in pairs):
        raise yaml.constructor.ConstructorError(
            None, None, "the name of a setting is not text", node.start_mark
        )
    if len({key for key, _ in pairs}) != len(pairs):
        raise yaml.constructor.ConstructorError(
            None, None, "a setting is given twice", node.start_mark
        )
    return dict(pairs)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
