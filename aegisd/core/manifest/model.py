"""The capability manifest v0.2 as data, and the normal form that policy reads.

A field exists here only when something enforces it. Fields of parts this version does not have are
refused by `parse`, because a rule that is written down and not enforced is worse than none.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from aegisd.core.log.canonical import INTEGER_MAX

SCHEMA_V2 = "aegis.dev/manifest/v0.2"
SCHEMA_V1 = "aegis.dev/manifest/v0.1"

Effect = Literal["read", "write", "delete", "exec", "net", "spend", "message", "auth"]
Risk = Literal["low", "medium", "high", "critical"]
Role = Literal["recipient", "url", "path", "command", "amount", "control", "content"]

Text = Annotated[str, Meta(min_length=1, max_length=256)]

# Whom messages and payments may go to; read by `manifest.recipient`.
Recipients = tuple[Text, ...] | dict[Text, tuple[Text, ...]]

Sensitivity = Literal["personal", "secret"]

Limit = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Position = Annotated[int, Meta(ge=1, le=64)]

# What a session may use where its manifest does not say: one careful task's worth. `null` in a
# manifest lifts a limit on purpose; leaving it out does not.
STEPS_DEFAULT = 24
TOOL_CALLS_DEFAULT = 12
WALL_TIME_MS_DEFAULT = 120_000
TIMEOUT_MS_DEFAULT = 30_000
OUTPUT_BYTES_DEFAULT = 1_048_576


class Closed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of every object in a manifest: what it does not name is an error."""


class Tool(Closed, frozen=True, kw_only=True):
    """One tool. `args` is the JSON Schema of its arguments; `roles` says what a parameter steers.

    `effects` may be empty: the tool then changes nothing and reaches nothing. `server` binds the
    declaration to one server's tool of that name. `approval` sends every call to a human.
    `sensitive` and `result_sensitive` name what of the arguments and of the answer is kept out of
    the events; see `manifest.sensitive`.
    """

    effects: tuple[Effect, ...] = ()
    risk: Risk = "medium"
    args: dict[str, object] | None = None
    roles: dict[str, Role] = msgspec.field(default_factory=dict)
    approval: bool = False
    server: Text | None = None
    description: str = ""
    sensitive: dict[str, Sensitivity] = msgspec.field(default_factory=dict)
    result_sensitive: dict[str, Sensitivity] = msgspec.field(default_factory=dict)


class FileSystem(Closed, frozen=True, kw_only=True):
    """Roots as POSIX text. A path must lie inside one, segment by segment; none means none."""

    read_roots: tuple[Text, ...] = ()
    write_roots: tuple[Text, ...] = ()


class Net(Closed, frozen=True, kw_only=True):
    """Hosts that may be reached: `api.example.com`, `*.example.com` (subdomains only), `*`."""

    domains: tuple[Text, ...] = ()


class Binary(Closed, frozen=True, kw_only=True):
    """One program, spelled exactly as calls spell it. Each argument must match one pattern.

    In a pattern `*` stands for any run of characters within one argument; the rest is literal.
    `net` says how one reaches the net that Aegis has no description of: not at all, anywhere, or
    the hosts at its positions: an option's name, or the number of a word that is no option.
    """

    name: Text
    args: tuple[str, ...] = ()
    net: Literal["none", "any"] | tuple[Text | Position, ...] | None = None


class Exec(Closed, frozen=True, kw_only=True):
    """Programs that may be run."""

    binaries: tuple[Binary, ...] = ()


class Budgets(Closed, frozen=True, kw_only=True):
    """Limits per session; N allows exactly N. `null` is no limit. Wall time is in milliseconds."""

    steps: Limit | None = STEPS_DEFAULT
    tool_calls: Limit | None = TOOL_CALLS_DEFAULT
    model_calls: Limit | None = None
    wall_time_ms: Limit | None = WALL_TIME_MS_DEFAULT


class Constraints(Closed, frozen=True, kw_only=True):
    """What the PEP must hold each allowed call to. `null` leaves a constraint out."""

    timeout_ms: Limit | None = TIMEOUT_MS_DEFAULT
    max_output_bytes: Limit | None = OUTPUT_BYTES_DEFAULT


class Sandbox(Closed, frozen=True, kw_only=True):
    """Where calls must run. The PEP is told in an obligation; Aegis cannot see a container."""

    required: bool = False
    image: str = ""
    mounts: tuple[str, ...] = ()


class Terms(Closed, frozen=True, kw_only=True):
    """What policy reads of a manifest as it is written.

    `zone` is an IANA time zone name in which rules read weekdays and dates.
    """

    name: Text
    version: Text
    publisher: Text
    zone: Text = "UTC"
    fs: FileSystem = FileSystem()
    net: Net = Net()
    budgets: Budgets = Budgets()
    constraints: Constraints = Constraints()
    sandbox: Sandbox = Sandbox()


class Manifest(Terms, frozen=True, kw_only=True):
    """A capability manifest v0.2. `sensitive` is by event type; see `manifest.sensitive`.

    `recipients` are those that tools with the effects message and spend may name: one list, or
    lists by parameter, `tool.parameter` or `*`. Where it is left out nobody is looked for.
    """

    schema: Literal["aegis.dev/manifest/v0.2"] = "aegis.dev/manifest/v0.2"
    description: str = ""
    agents: tuple[Text, ...] = ("*",)
    tools: dict[Text, Tool] = msgspec.field(default_factory=dict)
    exec: Exec = Exec()
    recipients: Recipients | None = None
    sensitive: dict[str, dict[str, Sensitivity]] = msgspec.field(default_factory=dict)


UNREGISTERED = Manifest(name="none", version="0", publisher="none")


class ToolForm(Struct, frozen=True, kw_only=True):
    """One tool as policy reads it. `typed` tells whether its arguments have a schema."""

    effects: tuple[str, ...]
    risk: str
    typed: bool
    approval: bool
    server: str
    roles: dict[str, str]


class ExecForm(Struct, frozen=True, kw_only=True):
    """The names of the programs that may be run."""

    binaries: tuple[str, ...]


class NormalForm(Terms, frozen=True, kw_only=True):
    """The manifest as policy reads it, under `data.manifest`: every default filled in.

    JSON Schemas, argument patterns and what is sensitive are left out: core applies them itself.
    """

    registered: bool
    tools: dict[str, ToolForm]
    exec: ExecForm
    recipients: dict[str, tuple[str, ...]]


def recipient_lists(manifest: Manifest) -> dict[str, tuple[str, ...]] | None:
    """The lists of recipients by parameter, one list being that of every parameter (`*`)."""
    written = manifest.recipients
    return {"*": written} if isinstance(written, tuple) else written


def normal_form(manifest: Manifest, *, registered: bool = True) -> NormalForm:
    """A manifest's normal form; `registered` tells that somebody put it in force."""
    return NormalForm(
        **{name: getattr(manifest, name) for name in Terms.__struct_fields__},
        registered=registered,
        tools={
            name: ToolForm(
                effects=tuple(sorted(tool.effects)),
                risk=tool.risk,
                typed=tool.args is not None,
                approval=tool.approval,
                server=tool.server or "",
                roles=dict(tool.roles),
            )
            for name, tool in manifest.tools.items()
        },
        exec=ExecForm(binaries=tuple(binary.name for binary in manifest.exec.binaries)),
        recipients=recipient_lists(manifest) or {},
    )
