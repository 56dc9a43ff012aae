"""Recipients as people, mail programs and attackers write them."""

from aegisd.core.target.extract import extract
from aegisd.core.target.host import INTERNATIONAL_CHARS_MAX
from aegisd.core.target.model import Targets
from aegisd.core.target.node import NODES_MAX
from aegisd.core.target.recipient import ADDRESS_CHARACTERS_MAX, Limits
from tests.table import each

LIMITS = Limits(lists=frozenset({"to", "send.cc", "*"}))


def read(args: object, roles: dict[str, str] | None = None, *effects: str) -> Targets:
    return extract(
        args,
        tool="send",
        effects=effects or ("message",),
        roles={"to": "recipient"} if roles is None else roles,
        limits=LIMITS,
    )


NAMED: list[tuple[object, list[str]]] = [
    ("Ann@Acme.dev", ["ann@acme.dev"]),
    ("Ann Lee <ann@acme.dev>", ["ann@acme.dev"]),
    ('"Lee, Ann" <ann@acme.dev>; bob@acme.dev,', ["ann@acme.dev", "bob@acme.dev"]),
    ("Ann \U0001f469\u200d\U0001f4bb <ann@acme.dev>", ["ann@acme.dev"]),
    ("boss@acme.dev, drop@evil.example", ["boss@acme.dev", "drop@evil.example"]),
    ("a@\u0430cme.dev", ["a@xn--cme-5cd.dev"]),
    ("o'brien@acme.dev", ["o'brien@acme.dev"]),
    ("+49 30 1234", ["+49 30 1234"]),
    ("C1;#general", ["#general", "C1"]),
    ("@ann", ["@ann"]),
    (-100123, ["-100123"]),
    (["a@b.c", {"name": "x@y.z", "address": "d@e.f"}], ["a@b.c", "d@e.f"]),
    ({"emailAddress": {"address": "a@b.c"}}, ["a@b.c"]),
    ({"a@b.c": "Ann"}, ["a@b.c"]),
    ({"name": "ann"}, ["ann"]),
    ("", []),
    (None, []),
]


@each(("to", "named"), NAMED)
def test_everybody_who_is_named_is_read(to: object, named: list[str]) -> None:
    found = read({"to": to})
    assert [each.recipient for each in found.recipients] == named
    assert found.problems == ()


REFUSED: list[tuple[object, str]] = [
    ('"boss@acme.dev" <drop@evil.example>', "address"),
    ("boss@acme.dev <drop@evil.example>", "address"),
    ("<boss@acme.dev> drop@evil.example", "address"),
    ("boss@acme.dev drop@evil.example", "address"),
    ("boss@acme.dev (drop@evil.example)", "address"),
    ("boss@acme.dev@evil.example", "address"),
    ("drop%evil.example@acme.dev", "address"),
    ("evil.example!drop@acme.dev", "address"),
    ("@evil.example:boss@acme.dev", "address"),
    ("all: boss@acme.dev;", "address"),
    ("mailto:boss@acme.dev?cc=drop@evil.example", "address"),
    ('"boss@acme.dev', "address"),
    ("<boss@acme.dev", "address"),
    ("boss@[192.0.2.7]", "address"),
    ("-f@acme.dev", "address"),
    ("@acme.dev", "address"),
    ("*", "address"),
    ("boss@acme.dev\r\nBcc: drop@evil.example", "control"),
    ("boss@acme.dev\u2028drop@evil.example", "control"),
    ("boss@acme.dev\u200b", "control"),
    ("boss@ac\u00adme.dev <>", "address"),
    ("<!channel>", "address"),
    ('"Ann"', "address"),
    ("=?utf-8?q?x?= <boss@acme.dev>", "control"),
    (True, "not_text"),
    (1.5, "not_text"),
    ("a" * (ADDRESS_CHARACTERS_MAX - 6) + "@acme.d", "address"),
]


@each(("to", "code"), REFUSED)
def test_what_two_mail_programs_could_send_to_two_people_is_refused(to: object, code: str) -> None:
    found = read({"to": to})
    assert [(each.target, each.code, each.where) for each in found.problems] == [
        ("recipient", code, "/args/to")
    ]
    assert found.recipients == ()


def test_as_much_of_international_names_is_read_as_of_hosts_and_no_more() -> None:
    most = INTERNATIONAL_CHARS_MAX // 16
    many = [f"{n:05}@bücher.org" for n in range(most + 1)]
    assert read({"to": many[:-1]}).problems == ()
    assert [each.code for each in read({"to": many}).problems] == ["international"]


def test_a_parameter_without_a_role_is_read_by_its_name_at_any_depth() -> None:
    args = {"message": {"toRecipients": ["a@b.c"], "body": "see d@e.f"}, "Reply-To": "g@h.i"}
    found = read(args, {})
    assert [each.where for each in found.recipients] == [
        "/args/message/toRecipients/0",
        "/args/Reply-To",
    ]
    assert read({"to": "a@b.c"}, {"to": "content"}).recipients == ()


def test_the_most_exact_list_of_the_manifest_holds_a_parameter() -> None:
    found = read({"to": "a@b.c", "cc": "d@e.f", "bcc": "g@h.i"})
    assert {each.recipient: each.field for each in found.recipients} == {
        "a@b.c": "to",
        "d@e.f": "send.cc",
        "g@h.i": "*",
    }


def test_a_header_takes_no_line_end_whatever_its_role() -> None:
    found = read({"subject": "report\nBcc: drop@evil.example"}, {"subject": "content"})
    assert [(each.code, each.where) for each in found.problems] == [("header", "/args/subject")]


def test_only_messages_and_payments_name_anybody_and_only_where_there_are_lists() -> None:
    assert read({"to": "a@b.c"}, None, "spend").recipients
    assert read({"to": "a@b.c"}, None, "read", "net") == Targets()
    assert extract({"to": "a\nb"}, effects=("message",), roles={"to": "recipient"}) == Targets()


def test_as_many_values_are_looked_at_as_are_read_of_a_call_and_no_more() -> None:
    most = [""] * (NODES_MAX - 2)
    assert read({"x": most}).problems == ()
    assert [each.code for each in read({"x": [*most, ""]}).problems] == ["too_many"]
