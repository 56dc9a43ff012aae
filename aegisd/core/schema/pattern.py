"""Patterns as automata that are made while a text is read, each state when it is first reached.

A text costs a step for each character, and what its states cost to make. How often a state was
made before, for other values, changes what a search takes but never what is counted for it.
"""

from collections.abc import Iterable

from msgspec import Struct

from aegisd.core.errors import ManifestInvalid
from aegisd.core.schema.expression import (
    Choice,
    Class,
    Edge,
    Expression,
    Repeat,
    Sequence,
    is_word,
    parse,
)
from aegisd.core.schema.steps import Steps, TooCostly

# Instructions and characters of all patterns of one manifest, repetitions written out: reading
# them takes a tenth of a second, and 200 bytes each.
INSTRUCTIONS_MAX = 32_768

# Characters that a pattern reads for one value before the value gets an automaton of its own.
SHARED_CHARACTERS_MAX = 64

# Moves that the patterns of one manifest keep between values, some 300 bytes each, and what is as
# large: four places of a state, or 32 instructions that it looks at.
KEPT_MOVES_MAX = 16_384
_PLACES, _LOOKED = 4, 32

# Characters read between two looks at the steps left.
_PIECE = 512

# Steps of making a move, and of each instruction that is looked at for it.
_MOVE_STEPS = 16
_INSTRUCTION_STEPS = 5


class _One(Struct, frozen=True):
    """An instruction: go on where the next character matches."""

    matches: Class
    then: int


class _Any(Struct, frozen=True):
    """An instruction: go on at each of these."""

    then: tuple[int, ...]


class _At(Struct, frozen=True):
    """An instruction: go on at this place between characters."""

    kind: str
    then: int


_Instruction = _One | _Any | _At | None


class _State(dict[str, "_State"]):
    """Where a text may stand in a pattern, and the state behind each character read so far.

    `leaves` are the instructions that look at the next character, None where which they are
    depends on it. `cost` is what making a move from here takes, in steps, and `size` what keeping
    it takes, in moves.
    """

    __slots__ = ("cost", "leaves", "pending", "size", "word")

    def __init__(self, pending: frozenset[int], word: bool | None) -> None:  # noqa: FBT001  # None: a text begins
        super().__init__()
        self.pending = pending
        self.word = word
        self.leaves: list[_One | None] | None = None
        self.cost = 0
        self.size = 0


_FOUND = _State(frozenset(), None)
_LOST = _State(frozenset(), None)


class _Graph(dict[tuple[frozenset[int], bool | None], _State]):
    """The states of one pattern so far, by where they stand."""


class Patterns:
    """The patterns of one manifest, each text once, and what they keep together."""

    def __init__(self) -> None:
        self._patterns: dict[str, Pattern] = {}
        self._instructions = 0
        self._moves = 0

    def pattern(self, text: str) -> "Pattern":
        """The pattern for a text. Raises `ManifestInvalid` for one that cannot be applied."""
        found = self._patterns.get(text)
        if found is None:
            program = _Program(INSTRUCTIONS_MAX - self._instructions - len(text))
            program.bound()
            tree, lengths = _lengths(parse(text))
            start = program.add_tree(tree, 0)
            self._instructions += program.spent + len(text)
            found = self._patterns[text] = Pattern(program.instructions, start, lengths, self)
        return found

    def keep(self, moved: _State) -> None:
        """Count a move that is kept, and a state that is new; past the bound, all are dropped."""
        self._moves += 1 if moved else 1 + moved.size
        if self._moves > KEPT_MOVES_MAX:
            self._moves = 0
            for pattern in self._patterns.values():
                pattern.graph = _Graph()


def _lengths(tree: Expression) -> tuple[Expression, tuple[int, int | None]]:
    """Characters of one class from end to end, so many of them: any number, and a length."""
    match tree:
        case Sequence(
            parts=[
                Edge(kind="^"),
                Repeat(part=Class() as each, least=least, most=most),
                Edge(kind="$"),
            ]
        ):
            whole = Sequence([Edge("^"), Repeat(each, 0, None), Edge("$")])
            return whole, (least, most)
    return tree, (0, None)


class _Program:
    """Instructions, each behind what it goes on to; the first says that the text matches."""

    def __init__(self, left: int) -> None:
        self.instructions: list[_Instruction] = [None]
        self.spent = 0
        self._left = left

    def add_tree(self, tree: Expression, then: int) -> int:
        """Add what matches a tree and goes on at `then`; answers where it begins."""
        self.spent += 1
        self.bound()
        match tree:
            case Class():
                return self._add(_One(tree, then))
            case Edge(kind=kind):
                return self._add(_At(kind, then))
            case Sequence(parts=parts):
                for part in reversed(parts):
                    then = self.add_tree(part, then)
                return then
            case Choice(parts=parts):
                # Branches that say nothing go on at the same place, which is looked at once.
                found = dict.fromkeys(self.add_tree(part, then) for part in parts)
                return self._add(_Any(tuple(found)))
        return self._repeat(tree, then)

    def bound(self) -> None:
        """Raise `ManifestInvalid` where the patterns have become too many."""
        if self.spent > self._left:
            raise ManifestInvalid(
                f"the patterns of the manifest take more than INSTRUCTIONS_MAX = "
                f"{INSTRUCTIONS_MAX} characters and instructions, repetitions written out; write "
                "fewer repetitions, or maxLength in their place"
            )

    def _repeat(self, tree: Repeat, then: int) -> int:
        start = then
        if tree.most is None:
            start = self._add(None)
            self.instructions[start] = _Any((self.add_tree(tree.part, start), then))
        else:
            for _ in range(tree.most - tree.least):
                start = self._add(_Any((self.add_tree(tree.part, start), then)))
        for _ in range(tree.least):
            start = self.add_tree(tree.part, start)
        return start

    def _add(self, instruction: _Instruction) -> int:
        self.instructions.append(instruction)
        return len(self.instructions) - 1


class Pattern:
    """One pattern, found anywhere in a text unless it says where."""

    def __init__(
        self,
        program: list[_Instruction],
        start: int,
        lengths: tuple[int, int | None],
        kept: Patterns,
    ) -> None:
        self._shortest, self._longest = lengths
        self._program = program
        self._start = start
        self._kept = kept
        self._knows_words = any(isinstance(at, _At) and at.kind in "bB" for at in program)
        self._restart = (start,) if self._reached((start,), word=False)[0] else ()
        self.graph = _Graph()

    def search(self, text: str, steps: Steps) -> bool:
        """Whether the text holds it. Raises `TooCostly`."""
        longest = self._longest
        if len(text) < self._shortest or (longest is not None and len(text) > longest):
            return False
        read = steps.read.get(self, 0) + len(text) + 1
        steps.read[self] = read
        if read > SHARED_CHARACTERS_MAX:
            graph = steps.graphs.get(self)
            if graph is None:
                graph = steps.graphs[self] = _Graph()
            return self._search_apart(graph, text, steps)
        graph = self.graph
        state = self._first(graph)
        for character in text:
            steps.left -= state.cost
            if steps.left < 0:
                raise TooCostly
            move = state.get(character)
            if move is None:
                move = self._move(graph, state, character)
                self._kept.keep(move)
            if move is _FOUND or move is _LOST:
                return move is _FOUND
            state = move
        steps.spend(state.cost)
        end = state.get("")
        if end is None:
            end = self._move(graph, state, "")
        return end is _FOUND

    def _search_apart(self, graph: _Graph, text: str, steps: Steps) -> bool:
        state = self._first(graph)
        for at in range(0, len(text), _PIECE):
            piece = text[at : at + _PIECE]
            steps.spend(len(piece))
            for character in piece:
                move = state.get(character)
                if move is None:
                    steps.spend(state.cost)
                    move = self._move(graph, state, character)
                if move is _FOUND or move is _LOST:
                    return move is _FOUND
                state = move
        steps.spend(state.cost)
        return self._move(graph, state, "") is _FOUND

    def _first(self, graph: _Graph) -> _State:
        return self._state(graph, frozenset((self._start,)), None)

    def _state(self, graph: _Graph, pending: frozenset[int], word: bool | None) -> _State:  # noqa: FBT001  # as above
        state = graph.get((pending, word))
        if state is None:
            state = _State(pending, word)
            leaves, looked, at_edges = self._reached(pending, word=word)
            state.leaves = None if at_edges else leaves
            looked += sum(leaf.matches.weight for leaf in leaves if leaf is not None)
            state.cost = _MOVE_STEPS + _INSTRUCTION_STEPS * looked * (1 + at_edges)
            state.size = len(pending) // _PLACES + len(leaves) // _LOOKED
            # Last: another thread may ask meanwhile.
            graph[pending, word] = state
        return state

    def _move(self, graph: _Graph, state: _State, character: str) -> _State:
        """The state behind one more character, "" for the end of the text."""
        leaves = state.leaves
        if leaves is None:
            leaves, _, _ = self._reached(state.pending, word=state.word, following=character)
        if None in leaves:
            move = _FOUND
        else:
            pending = frozenset(
                leaf.then
                for leaf in leaves
                if leaf is not None and character and leaf.matches.matches(character)
            ).union(self._restart)
            word = self._knows_words and is_word(character)
            move = self._state(graph, pending, word) if pending and character else _LOST
        state[character] = move
        return move

    def _reached(
        self, pending: Iterable[int], *, word: bool | None, following: str | None = None
    ) -> tuple[list[_One | None], int, bool]:
        """What may match next, None for the end of the pattern; how much was looked at for it.

        The last is whether an edge was met: without a `following` character it is passed if any
        character lets it.
        """
        stack = list(pending)
        seen = set(stack)
        leaves: list[_One | None] = []
        at_edges = False
        while stack:
            at = self._program[stack.pop()]
            then: tuple[int, ...] = ()
            if isinstance(at, _Any):
                then = at.then
            elif isinstance(at, _At):
                at_edges = True
                then = (at.then,) if _holds(at.kind, word, following) else ()
            else:
                leaves.append(at)
            for to in then:
                if to not in seen:
                    seen.add(to)
                    stack.append(to)
        return leaves, len(seen), at_edges


def _holds(kind: str, word: bool | None, following: str | None) -> bool:  # noqa: FBT001  # as above
    if kind == "^":
        return word is None
    if following is None:
        return True
    if kind == "$":
        return not following
    return (bool(word) != is_word(following)) == (kind == "b")
