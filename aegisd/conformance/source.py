"""A pack's text as values, and the line of each: YAML that says the same to every reader.

YAML 1.1 reads `no` as false and 1.2 as a word; people read it as what they meant. Whatever the two
disagree about is refused with its line, and so is what a pack never needs: anchors, tags, keys
given twice, a second document. What is left is JSON with comments.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from aegisd.core.errors import ConfigInvalid
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.core.quoting import named, unquoted

# Levels of lists and mappings in a pack: a payload past the gate's own bound of 64, within a step.
PACK_NESTING_MAX = 128

# libyaml where it is built in: ten times as fast, and a pack is read at every run.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
_CONSTANTS = {"true": True, "false": False, "null": None}

_SURROGATE = re.compile("[\ud800-\udfff]")

# Plain words that YAML 1.1, YAML 1.2 or a reader of either takes for something else than text.
_AMBIGUOUS = re.compile(
    r"""(?ix) (?: yes | no | on | off | true | false | null | ~ | = | <<
      | [-+]? \. (?:inf|nan) | [-+]? 0 [box]? [0-9a-f_]+ | [-+]? [0-9][0-9_]*
      | [-+]? [0-9][0-9_]* (?: : [0-5]?[0-9] )+ (?: \.[0-9_]* )?
      | [-+]? (?: [0-9][0-9_]* \. [0-9_]* | \. [0-9][0-9_]* ) (?: e [-+]? [0-9]+ )?
      | [-+]? [0-9][0-9_]* (?: \.[0-9_]* )? e [-+]? [0-9]+
      | [0-9]{4} - [0-9]{1,2} - [0-9]{1,2} .*
    ) \Z"""
)

Path = tuple[str | int, ...]
Value = object


class Fault(NamedTuple):
    """What is wrong with a pack, and where. `case` and `step` are empty outside of one."""

    file: str
    line: int
    sentence: str
    case: str = ""
    step: int | None = None

    def __str__(self) -> str:
        """`egress.yaml:31: EG-004: step 2: expected …`; the first step is 1."""
        place = [f"{self.file}:{self.line}"]
        place += [self.case] if self.case else []
        place += [] if self.step is None else [f"step {self.step}"]
        return ": ".join([*place, self.sentence])


class PackInvalid(ConfigInvalid):
    """Packs that cannot be taken as written; nothing of any of them was run."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class Source(NamedTuple):
    """What a pack's text holds. `lines` has the line of each key and item by its path."""

    value: Value
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read(text: str, file: str) -> Source:
    """Read one YAML document. Raises `PackInvalid`, naming the line."""
    reading = _Reading()
    try:
        value = reading.document(yaml.parse(text, Loader=_LOADER))
    except _Refused as refused:
        raise PackInvalid([Fault(file, refused.line, refused.sentence)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise PackInvalid(
            [Fault(file, line, f"not YAML: {unquoted(str(error.problem))}")]
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        sentence = f"the character U+{code:04X} cannot stand in a pack; write it as an escape"
        raise PackInvalid([Fault(file, line, sentence)]) from None
    return Source(value, reading.lines)


class _Refused(Exception):
    def __init__(self, event: yaml.Event, sentence: str) -> None:
        super().__init__(sentence)
        self.line, self.sentence = _line(event), sentence


class _Reading:
    """Values out of the parser's events."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {(): 1}

    def document(self, events: Iterator[yaml.Event]) -> Value:
        """The only document. Raises `_Refused`."""
        next(events)
        begin = next(events)
        if not isinstance(begin, yaml.DocumentStartEvent):
            raise _Refused(begin, "expected a pack, found an empty file")
        value = self._value(events, next(events), ())
        next(events)
        after = next(events)
        if isinstance(after, yaml.DocumentStartEvent):
            raise _Refused(after, "expected one document, found a second one")
        return value

    def _value(self, events: Iterator[yaml.Event], event: yaml.Event, path: Path) -> Value:
        self.lines.setdefault(path, _line(event))
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) or event.anchor:
            raise _Refused(event, "anchors and aliases are not read; write the value again")
        if event.tag is not None:
            raise _Refused(event, "tags are not read; remove it")
        if len(path) > PACK_NESTING_MAX:
            raise _Refused(event, f"nested past PACK_NESTING_MAX = {PACK_NESTING_MAX} levels")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(events, path)
        return self._members(events, path)

    def _items(self, events: Iterator[yaml.Event], path: Path) -> list[Value]:
        found: list[Value] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            found.append(self._value(events, event, (*path, len(found))))
        return found

    def _members(self, events: Iterator[yaml.Event], path: Path) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            name = self._value(events, event, (*path, ""))
            self.lines.pop((*path, ""), None)
            if not isinstance(name, str):
                raise _Refused(event, "the name of a member is not text; write it in quotes")
            if name in found:
                raise _Refused(event, f"{named(name)} is given twice")
            self.lines[(*path, name)] = _line(event)
            found[name] = self._value(events, next(events), (*path, name))
        return found


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 1 if mark is None else mark.line + 1


def _scalar(event: yaml.ScalarEvent) -> Value:
    text: str = event.value
    if _SURROGATE.search(text):
        raise _Refused(event, "half of a surrogate pair is no character; write it in `raw`")
    # libyaml tells of a plain scalar by an empty style, PyYAML's own parser by none.
    if event.style:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.match(text):
        return _integer(event, text)
    if _FRACTION.match(text):
        number = float(text)
        if math.isinf(number):
            raise _Refused(event, "a number past what JSON readers keep; write it in `raw`")
        return number
    if not text:
        raise _Refused(event, 'expected a value, found nothing; write null, "" or {}')
    if _AMBIGUOUS.match(text):
        raise _Refused(event, f"YAML readers disagree about {named(text)}; write it in quotes")
    return text


def _integer(event: yaml.ScalarEvent, text: str) -> int:
    if len(text) > len(str(-INTEGER_MAX)) or abs(int(text)) > INTEGER_MAX:
        raise _Refused(event, "a number past what JSON readers keep; write it in `raw`")
    return int(text)
