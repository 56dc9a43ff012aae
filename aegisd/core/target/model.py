"""The shapes the room hands on, and the list of everything it refuses to read."""

from collections.abc import Mapping

from msgspec import Struct

# Findings of one kind that one call may have. A person cannot review more, and each costs policy
# time; a call that needs more is several calls.
TARGETS_MAX = 256


# Characters of a program's name beside what its words are refused for.
PROGRAM_CHARS_MAX = 40


class Host(Struct, frozen=True, kw_only=True, order=True):
    """One machine a call would talk to.

    `host` is lower case ASCII without a trailing dot (`kind` name), a dotted quad (ipv4) or RFC
    5952 text without brackets (ipv6). `port` is 0 when none is given or the scheme's own is.
    `scheme` is "" when the text has none. `where` is an RFC 6901 pointer into the payload. `plain`
    says that an entry of the host alone allows it; a service's URL that is an argument needs one
    with its scheme, unlike one that stands in a program's words.
    """

    host: str
    kind: str
    port: int
    scheme: str
    where: str
    plain: bool = True


class PathTarget(Struct, frozen=True, kw_only=True, order=True):
    """One file a call would touch: POSIX text without `.`, `..`, `//`; relative stays relative.

    `access` is read, write or delete. Text only: what a symlink hides, the PEP alone can see.
    """

    path: str
    access: str
    where: str


class Command(Struct, frozen=True, kw_only=True, order=True):
    """One program a call would run. `binary` is exactly as written, `args` is all after it."""

    binary: str
    args: tuple[str, ...]
    where: str


class Recipient(Struct, frozen=True, kw_only=True, order=True):
    """One that a message or a payment goes to.

    `recipient` is an address in lower case or an exact text; `domain` is `@` and the address's
    host, or "". `field` names the list of the manifest's recipients that holds the parameter, ""
    where none does.
    """

    recipient: str
    domain: str
    field: str
    where: str


class Problem(Struct, frozen=True, kw_only=True, order=True):
    """A text that is not read as a target, because two readers could read it differently.

    `target` is host, path, command or recipient; `code` is a key of `PROBLEMS` and never changes
    meaning. `program` is whose word it is, and `option` that word, where it is an option's name.
    """

    target: str
    code: str
    where: str
    program: str = ""
    option: str = ""


class Targets(Struct, frozen=True, kw_only=True):
    """All that one call reaches for: each tuple sorted, without doubles."""

    hosts: tuple[Host, ...] = ()
    paths: tuple[PathTarget, ...] = ()
    commands: tuple[Command, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    problems: tuple[Problem, ...] = ()


PROBLEMS: Mapping[str, str] = {
    # any target
    "not_text": "a number stands where a text is expected; send a string",
    "too_long": "longer than any system takes, or than can be judged; shorten it",
    "too_many": f"more than {TARGETS_MAX} findings of one kind; split the call",
    "control": "a control, format or space character inside; remove it",
    "backslash": "a backslash, which some readers take for a slash; use a slash",
    "percent_encoded": "percent-encoding hides part of the target; write it plainly",
    # hosts
    "scheme": "a URL scheme that no entry of `net.domains` can name; use https",
    "service": "more around or in a service's URL than scheme://user@host:port/name; write that",
    "slashes": "a scheme without exactly two slashes after it; write scheme://host",
    "userinfo": "an @ that some readers take for the end of userinfo; leave it out",
    "host_empty": "no host where one is expected; name one",
    "host_invalid": "not a host name of RFC 1123 or IDNA 2008; spell it plainly",
    "international": "more characters of international names than one call may have; split it",
    "port": "a port that is not 1 to 65535 in at most five digits; correct it",
    "ipv4_spelling": "an IPv4 address that is not a plain dotted quad; write a.b.c.d",
    "ipv4_invalid": "ends in a number and is not an IPv4 address; correct it",
    "ipv4_mapped": "an IPv4 address inside an IPv6 one; write a.b.c.d",
    "ipv6_invalid": "not an IPv6 address in brackets; correct it",
    "ipv6_zone": "an IPv6 zone, which means something on one machine only; leave it out",
    # paths
    "escape": "`..` climbs above where the path starts; write the path it means",
    "home": "a leading ~, which only a shell can resolve; write the path it means",
    "variable": "a variable that a shell would fill in; write the path it means",
    "path_scheme": "a scheme, drive or host before a colon; write a path, ./a:b for a name",
    "alias": "a name that some disks or servers take for another one; write that one",
    "look_alike": "letters that look like or fold to others; write the plain ones",
    "file_url": "a file URL with a host, query, fragment or odd slashes; use file:///path",
    # recipients
    "address": "not plain addresses, each with a display name without an @ at most; write a@b.c",
    "header": "a line end in a line of a mail's header; remove it",
    # commands
    "shell_syntax": "shell syntax beyond words, quotes, && || ; | > and <; write plain commands",
    "code": "code in a word or in a file that is not here; put it into a file of the project",
    "input": "a program that would read code from its standard input; name a file",
    "option": "an option that is not described here, or lacks its value; leave it out",
    "setting": "a setting that may start a program or reach a host; leave it out",
    "several": "a pattern where one name is expected; write the name",
    "subcommand": "a subcommand that is not described here; use another one",
    "transport": "a transport that starts a program; use https:// or ssh://",
    "undeclared": "nothing says how it reaches the net; declare `net` of it in exec.binaries",
    "unknown": "a name that only the shell knows when it runs; write it out",
    "variable_name": "a variable that is not known to be harmless; leave it out",
    "word": "a word that is not described here; leave it out",
    "nesting": "commands inside commands too deep to read; run the inner one itself",
    "no_command": "the tool runs a program and no program is named; name it",
}
