"""What two engines read differently, refused in a bundle that is about to come into force.

Bundles of old logs were taken before there was a second engine, so they load without this.
"""

from collections.abc import Iterator, Sequence

from aegisd.core.errors import PolicyInvalid
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.rego import builtins
from aegisd.rego.module import Module, Reference
from aegisd.rego.tokens import Kind, Token

_CLOSING = {"(": ")", "[": "]", "{": "}"}

# Signs and words before which a value on the left of `in` can start.
_BOUNDARIES = frozenset({":=", "==", "=", ";", "|", ":", "not", "if", "some", "every"})


def check(modules: Sequence[Module]) -> None:
    """Raise `PolicyInvalid`, naming file and line, for the first difference that is found."""
    segments = frozenset(segment for module in modules for segment in module.package)
    kinds: dict[tuple[str, ...], bool] = {}
    for module in modules:
        _check_module(module)
        _check_kinds(module, kinds)
        if module.path.startswith(OPERATOR_PREFIX):
            package = [other for other in modules if other.package == module.package]
            _check_variables(module, segments.difference(*(other.rules for other in package)))


def _check_module(module: Module) -> None:
    aliases = {item.alias for item in module.imports}
    for reference in module.references:
        if reference.called:
            _check_call(module, reference, aliases)
    for start, end in module.spans():
        if module.tokens[start].text not in ("package", "import"):
            _check_name(module, module.head(start))
            _check_head(module, start, end)
    _check_memberships(module)


def _check_kinds(module: Module, kinds: dict[tuple[str, ...], bool]) -> None:
    """Of a set and a value with one name, one engine keeps either. `kinds` has what came before."""
    found = module.tokens
    for start, end in module.spans():
        head = module.head(start)
        if found[start].text in ("package", "import") or head + 1 >= end:
            continue
        is_set = found[head + 1].text == "contains"
        if kinds.setdefault((*module.package, found[head].text), is_set) is not is_set:
            raise PolicyInvalid(
                f"{module.path}:{found[head].line}: {found[head].text} is a set in one place and a "
                "value in another"
            )


def _check_call(module: Module, reference: Reference, aliases: set[str]) -> None:
    place, name = f"{module.path}:{reference.line}", reference.dotted
    if name in builtins.DIFFERING:
        raise PolicyInvalid(f"{place}: {name} may not be called: {builtins.DIFFERING[name]}")
    if name in aliases:
        raise PolicyInvalid(
            f"{place}: {name} is an imported function, which one engine cannot call; import its "
            f"package and call it there, such as package.{name}(…)"
        )
    if name == "sprintf":
        _check_format(module, reference)
    if name == "walk" and _items(module.tokens, reference.end) != 2:  # noqa: PLR2004 - see below
        raise PolicyInvalid(
            f"{place}: expected walk(value, [path, leaf]): engines differ where its pairs are "
            "taken as a value"
        )


def _check_variables(module: Module, segments: frozenset[str]) -> None:
    """A variable that only a pattern gives its value, and that has the name of a package.

    rego-cpp takes it for the package, and the rule does not hold.
    """
    names = segments - {item.alias for item in module.imports}
    places = {reference.token: reference for reference in module.references}
    for start, end in module.spans():
        unknown = names - declared(module, start, end)
        for index in range(start, end):
            reference = places.get(index)
            if reference is None or reference.called or reference.root not in unknown:
                continue
            raise PolicyInvalid(
                f"{module.path}:{reference.line}: rename the variable {reference.root}: a "
                "package has that name, and rego-cpp takes the one for the other"
            )


def declared(module: Module, start: int, end: int) -> frozenset[str]:
    """The names a statement gives to values by `:=`, `some … in`, `every` or a parameter."""
    found = module.tokens
    head = module.head(start)
    parameters = found[head + 1].text == "(" if head + 1 < end else False
    names: set[str] = set()
    for index in range(start, end):
        if found[index].kind is not Kind.WORD:
            continue
        before = [token.text for token in found[max(start, index - 3) : index]]
        after = found[index + 1].text if index + 1 < end else ""
        loops = "some" in before or "every" in before
        inside = parameters and found[index].depth == found[head + 1].depth + 1
        if inside or (loops and after in ("in", ",")) or (after == ":=" and before[-1:] != [","]):
            names.add(found[index].text)
    return frozenset(names)


def _check_format(module: Module, reference: Reference) -> None:
    """One engine ignores a value that no `%v` takes, the other fails; both need them listed."""
    found = module.tokens
    opening = reference.end + 3
    listed = len(found) > opening and found[opening].text == "[" and found[opening - 1].text == ","
    verbs = found[reference.end + 1].text.replace("%%", "").count("%v")
    values = _items(found, opening) if listed else -1
    if values != verbs:
        raise PolicyInvalid(
            f"{module.path}:{reference.line}: expected sprintf with a list of {verbs} values, as "
            f"many as its format has %v, found {values if listed else 'something else'}"
        )


def _items(found: Sequence[Token], opening: int) -> int:
    """How many items there are in the brackets that open at an index."""
    inside = found[opening].depth + 1
    commas = 0
    last = found[opening]
    for token in found[opening + 1 :]:
        if token.depth < inside:
            break
        commas += token.text == "," and token.depth == inside and token.kind is Kind.SIGN
        last = token
    if last is found[opening]:
        return 0
    return commas + (last.text != ",")


def _check_name(module: Module, head: int) -> None:
    """Engines merge rules such as `a[b].c` and `a[b] contains` in different ways."""
    found = module.tokens
    behind = head + 1
    while behind + 1 < len(found) and found[behind].text == ".":
        behind += 2
    if behind == len(found) or found[behind].text != "[" or found[behind].kind is not Kind.SIGN:
        return
    depth = found[behind].depth
    closing = next(n for n in range(behind + 1, len(found)) if found[n].depth == depth)
    if {token.text for token in found[closing + 1 : closing + 2]} & {".", "[", "contains"}:
        rule = found[head]
        raise PolicyInvalid(
            f"{module.path}:{rule.line}: expected the name of {rule.text} to end with its bracket, "
            "found more behind; write an object as its value"
        )


def _check_memberships(module: Module) -> None:
    """`key, value in object` as a condition: rego-cpp takes it for two values."""
    # What stands before a place on its line and in its brackets, by their depth: a comma, or first
    # of all `some` or `every`, behind which commas are right.
    seen: dict[int, str] = {}
    line, before = 0, ""
    for token in module.tokens:
        if token.line != line:
            seen, line = {}, token.line
        word, depth = token.text if token.kind is not Kind.STRING else "", token.depth
        if word == "in" and before != "." and seen.get(depth) == ",":
            raise PolicyInvalid(
                f"{module.path}:{token.line}: expected one value before `in`, found a comma: "
                "engines differ; write `some key, value in …` and compare, or put the comparison "
                "in parentheses"
            )
        if word in _CLOSING:
            seen[depth + 1] = ""
        if word in _BOUNDARIES:
            seen[depth] = word if word in ("some", "every") else ""
        elif word == "," and not seen.get(depth):
            seen[depth] = ","
        before = token.text


def _check_head(module: Module, start: int, end: int) -> None:
    """A comprehension in the head of a rule with a condition or `contains` fails on regorus."""
    heads = list(_heads(module.tokens[start:end]))
    conditional = len(heads) > 1 or any(
        token.kind is Kind.WORD and token.depth == 0 and token.text in ("if", "contains")
        for token in module.tokens[start:end]
    )
    for head in heads if conditional else ():
        for token in _comprehensions(head):
            raise PolicyInvalid(
                f"{module.path}:{token.line}: move the comprehension from the head of the rule to "
                "its condition: `… contains found if found := {…}`; one engine fails on it"
            )


def _heads(span: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens before each `if`, and after each `else`, of one statement."""
    head: list[Token] = []
    inside = True
    for token in span:
        word = token.text if token.kind is Kind.WORD and token.depth == 0 else ""
        if word == "if":
            yield head
            inside = False
        elif word == "else":
            if inside:
                yield head
            head, inside = [], True
        elif inside:
            head.append(token)
    if inside:
        yield head


def _comprehensions(head: Sequence[Token]) -> Iterator[Token]:
    """The bars that stand right inside square or curly brackets."""
    around: list[str] = []
    for token in head:
        if token.kind is not Kind.SIGN:
            continue
        if token.text in _CLOSING:
            around.append(token.text)
        elif token.text in _CLOSING.values():
            around = around[:-1]
        elif token.text == "|" and around[-1:] not in ([], ["("]):
            yield token
