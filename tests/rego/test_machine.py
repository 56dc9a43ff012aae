"""rego-cpp through its C interface: what goes in comes out, or nothing does."""

import ctypes
import json
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.rego import machine as machines
from aegisd.rego.machine import NESTING_MAX, Machine
from tests.patience import PATIENCE_S
from tests.table import each

HEAD = "package a\n\nimport rego.v1\n\n"


def machine(rules: str, data: bytes = b"{}") -> Machine:
    return Machine({"a.rego": HEAD + rules}, data, ["a/result"])


def ask(rules: str, document: bytes = b"{}", data: bytes = b"{}") -> object:
    return json.loads(machine(rules, data).ask("a/result", document))


ECHO = machine('result := {"x": input.x}')
DATA_ECHO = 'result := {"x": data.x}'

numbers = st.integers(-(2**53) + 1, 2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda below: (
        st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below, max_size=4)
    ),
    max_leaves=12,
)

SPECIAL = [
    "\0", "a\0b", "\x01\x1f\x7f", '"', "\\", '\\"', "\\u0041", "\\n", "\n", "%s%n%d%v", "`", "${x}",
    "\u2028\u2029", "\ufeff", "\uffff", "\U0010ffff", "\ud7ff", "undefined", "<error>", '"}]}',
    '{"expressions":[1]}', "a" * 100_000, "", 2**53 - 1, -(2**53) + 1, [], {}, {"": ""}, {'"': 1},
]  # fmt: skip


@each("value", SPECIAL)
def test_special_values_survive_as_input_and_as_data(value: object) -> None:
    document = encode({"x": value})
    assert json.loads(ECHO.ask("a/result", document)) == {"x": value}
    assert ask(DATA_ECHO, data=document) == {"x": value}


@given(value=values)
def test_any_value_survives(value: object) -> None:
    assert json.loads(ECHO.ask("a/result", encode({"x": value}))) == {"x": value}


@given(key=st.text(max_size=8), other=st.text(max_size=8))
def test_keys_are_compared_whole(key: str, other: str) -> None:
    rules = MACHINE_KEYS.ask("a/result", encode({"o": {key: 1}, "k": other}))
    assert json.loads(rules) == {"found": key == other}


MACHINE_KEYS = machine(
    'default found := false\n\nfound if input.o[input.k]\n\nresult := {"found": found}'
)


@pytest.mark.parametrize(
    ("rules", "document"),
    [
        ("result := 1 / 0", b"{}"),
        ('result := to_number("a")', b"{}"),
        ("result := startswith(input.x, 1)", b'{"x":1}'),
        ("result := count(input.x)", b'{"x":1}'),
        ("result := input.x + 1", b'{"x":"a"}'),
        ("result := f(1)\n\nf(x) := x\n\nf(x) := x + 1", b"{}"),
        ("result := nosuch(1)", b"{}"),
        ("result := input.nosuch", b"{}"),
        ("result := 1 if false", b"{}"),
        ("result := upper(input.x)", b'{"x":"\\n"}'),
        ("result := input.x", b'{"x":1.5}'),
        ("result := {1: [input.x]}", b'{"x":1e-7}'),
        ("result := 1", b"{"),
        ("result := 1", b""),
        ("result := 1", b'{"x":1} {"x":2}'),
        ("result := 1", b'{"x":"\0"}'),
        ("result := input.x", b'{"x":"\xff"}'),
    ],
)
def test_what_fails_is_a_failure_and_never_an_answer(rules: str, document: bytes) -> None:
    with pytest.raises(EvaluatorFailed):
        machine(rules).ask("a/result", document)


def test_a_failure_does_not_repeat_the_input() -> None:
    with pytest.raises(EvaluatorFailed) as caught:
        machine("result := regex.match(`\\x00`, input.x)").ask("a/result", b'{"x":"hunter2"}')
    assert "hunter2" not in str(caught.value)


def test_a_failure_is_over_with_the_next_input() -> None:
    rules = machine('result := {"n": input.x + 1}')
    for _ in range(3):
        with pytest.raises(EvaluatorFailed):
            rules.ask("a/result", b'{"x":"a"}')
        assert json.loads(rules.ask("a/result", b'{"x":1}')) == {"n": 2}


def test_sets_leave_as_arrays_and_keys_as_strings() -> None:
    assert ask('result := {"s": {2, 1}, 3: true, null: 4}') == {"s": [1, 2], "3": True, "null": 4}


def test_nesting_is_bounded_at_the_engine() -> None:
    def nested(depth: int) -> bytes:
        return b'{"x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    assert ECHO.ask("a/result", nested(NESTING_MAX))
    with pytest.raises(EvaluatorFailed, match="NESTING_MAX"):
        ECHO.ask("a/result", nested(NESTING_MAX + 1))
    with pytest.raises(PolicyInvalid, match="NESTING_MAX"):
        machine("result := 1", nested(NESTING_MAX + 1))


def test_brackets_in_text_are_not_nesting() -> None:
    document = encode({"x": '[{"' * NESTING_MAX, "y": [[]] * NESTING_MAX})
    assert ECHO.ask("a/result", document)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("result := {", r"^a\.rego:5: "),
        ("result := 1\n\nx := input.(y)", r"^a\.rego:7: "),
        ("result := 1\n\nresult contains 1 if true", "defined twice"),
        ("result := 1\0", "NUL"),
    ],
)
def test_what_does_not_compile_says_where(rules: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=says):
        machine(rules)


def test_an_entry_point_that_is_not_there_gives_no_answer() -> None:
    with pytest.raises((EvaluatorFailed, PolicyInvalid)):
        Machine({"a.rego": HEAD + "x := 1"}, b"{}", ["a/result"]).ask("a/result", b"{}")


def test_data_that_would_be_cut_short_does_not_compile() -> None:
    with pytest.raises(PolicyInvalid, match="NUL"):
        machine("result := 1", b'{"x":1}\0{"x":2}')


def test_a_null_pointer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "_query", lambda *_: None)
    with pytest.raises(EvaluatorFailed, match="no answer"):
        ECHO.ask("a/result", b'{"x":1}')


def test_other_threads_run_while_rules_do() -> None:
    """The lock of the interpreter is free during a call: a counter goes on counting."""
    slow = machine("result := count([1 | some x in input.x; some y in input.x; x == y])")
    document = encode({"x": list(range(400))})
    counted, asked = 0, threading.Event()
    stop = threading.Event()

    def count() -> None:
        nonlocal counted
        asked.wait(PATIENCE_S)
        while not stop.is_set():
            counted += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    asked.set()
    slow.ask("a/result", document)
    before = counted
    stop.set()
    counter.join(PATIENCE_S)
    # Were the lock held, it could count once before and once after.
    assert before > 10


def test_evaluations_leave_no_memory_behind() -> None:
    def resident_bytes() -> int:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - no file to name
            return int(statm.read().split()[1]) * 4096

    document = encode({"x": ["text"] * 20})
    for _ in range(500):
        ECHO.ask("a/result", document)
    before = resident_bytes()
    for _ in range(4_000):
        ECHO.ask("a/result", document)
    assert resident_bytes() - before < 8 * 1024 * 1024


def test_the_engine_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EvaluatorFailed):
        machine("result := 1 / 0").ask("a/result", b"{}")
    with pytest.raises(PolicyInvalid):
        machine("result := {")
    ctypes.CDLL(None).fflush(None)
    assert capfd.readouterr() == ("", "")
