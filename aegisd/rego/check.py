"""What a bundle may not hold: checks on source text, the same for every engine.

A policy that loads reads only what the input schema has, calls only pure functions, and cannot
replace the base rules. Everything else is refused with file, line and what to write instead.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec
from msgspec import Raw, Struct

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.core.nearest import nearest
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.core.policy.schema import INPUT_SCHEMA, MANIFEST_SCHEMA, Leaf, ListOf, MapOf, Schema
from aegisd.rego import builtins, members, portable, recursion, unanswered, unread
from aegisd.rego.module import Module, Reference, read
from aegisd.rego.tokens import Kind, Token

OPERATOR_PACKAGE = ("aegis", "rules")

# What the gate reads of `aegis.rules`. Each is a set: a plain value would never be looked at.
SPOKEN = frozenset(members.SHAPES)


# Bundles whose checks an engine remembers, each at most BUNDLE_BYTES_MAX: checking one takes longer
# than a hundred decisions, and one is judged with many manifests, by many judges.
CHECKED_MAX = 16

# Words and signs of a bundle's files, comments and strings among them, a few microseconds each to
# check. A thousand rules have a hundred each.
WORDS_MAX = 131_072

# Fields behind each other in one path: no deeper value can be sent.
STEPS_MAX = 64

_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")

_decode_sections = msgspec.json.Decoder(dict[str, dict[str, Raw]]).decode
_encode = msgspec.json.Encoder().encode


class Facts(Struct, frozen=True):
    """What the checks learnt of a bundle that loads.

    `reads` maps each section of the policy input to the fields some rule names; nothing else of
    the input can change an answer. `told` are those of them that an operator's rule names.
    `plain_text` is where such a rule first calls a function of `builtins.PLAIN_TEXT`, empty where
    none does; `timed` tells that one reads what time it is, or how long a session took. The base
    rules read that for the manifest's budget alone, which the gate looks at itself.
    """

    reads: Mapping[str, frozenset[str]]
    told: Mapping[str, frozenset[str]]
    plain_text: str
    timed: bool


def check(files: Mapping[str, str]) -> Facts:
    """Check a bundle's files by path. Raises `PolicyInvalid` for the first that may not load."""
    return _check(_modules(files))


def project(policy_input: bytes, reads: Mapping[str, frozenset[str]]) -> bytes:
    """The fields of the input that some rule names, as JSON bytes; their values stay as they are.

    The checks refuse every other way to reach the input, so no answer depends on what is left out.
    Parsing is most of what an evaluation costs, and it grows with the input.
    """
    try:
        sections = _decode_sections(policy_input)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EvaluatorFailed("expected a policy input: an object of objects") from None
    return _encode(
        {
            section: {field: value for field, value in fields.items() if field in reads[section]}
            for section, fields in sections.items()
            if section in reads
        }
    )


def _modules(files: Mapping[str, str]) -> list[Module]:
    return [read(path, files[path]) for path in sorted(files)]


def _check(modules: Sequence[Module]) -> Facts:
    functions: dict[tuple[str, ...], set[str]] = {}
    rules: dict[tuple[str, ...], set[str]] = {}
    for module in modules:
        functions.setdefault(module.package, set()).update(module.functions)
        rules.setdefault(module.package, set()).update(module.rules)
    for module in modules:
        _check_package(module)
        _check_words(module)
        _check_imports(module)
        _check_reads(module)
        _check_calls(module, functions[module.package])
        _check_names(module, rules[module.package])
    operators = [module for module in modules if _is_operators(module)]
    told = _reads(operators)
    return Facts(
        reads=_reads(modules),
        told=told,
        plain_text=next((place for module in operators for place in _plain_text(module)), ""),
        timed="time" in told or "wall_time_ms" in told.get("snapshot", ()),
    )


def admit(files: Mapping[str, str]) -> None:
    """Check a bundle that is about to come into force. Raises `PolicyInvalid`.

    More than `check`, which bundles of old logs must pass for ever: what engines read differently
    is refused too, a rule of the operators that nothing reads, a path that nothing answers, and a
    member that the gate could not read.
    """
    _check_size(files)
    modules = _modules(files)
    _check_steps(modules)
    _check(modules)
    portable.check(modules)
    unanswered.check(modules, OPERATOR_PACKAGE)
    found = unread.first(modules, OPERATOR_PACKAGE, SPOKEN)
    if found is not None:
        _refuse_unread(found)
    recursion.check(modules)
    for module in modules:
        if module.package == OPERATOR_PACKAGE:
            members.check(module)


def _check_size(files: Mapping[str, str]) -> None:
    """Refuse what would take seconds to read, before it is read."""
    found = sum(1 for text in files.values() for _ in _WORD_OR_SIGN.finditer(text))
    if found > WORDS_MAX:
        raise PolicyInvalid(
            f"expected at most WORDS_MAX = {WORDS_MAX} words and signs in a bundle, found {found}; "
            "rules that differ in a value alone are one rule over a list of values"
        )


def _check_steps(modules: Sequence[Module]) -> None:
    """Each beginning of a path is a place that may be read: a long path would be many long ones."""
    for module in modules:
        chains = (*module.references, *(item.reference for item in module.imports))
        longest = max(chains, key=lambda chain: len(chain.steps), default=None)
        if len(module.package) > STEPS_MAX:
            raise PolicyInvalid(f"{module.path}:1: a package of more than STEPS_MAX names")
        if longest is not None and len(longest.steps) > STEPS_MAX:
            raise PolicyInvalid(
                f"{module.path}:{longest.line}: expected at most STEPS_MAX = {STEPS_MAX} steps in "
                f"a path, found {len(longest.steps)}"
            )


def _refuse_unread(found: unread.Rule) -> None:
    name = ".".join((*found.package, found.name))
    if found.path.endswith(".json.rego"):
        raise PolicyInvalid(
            f"{found.path}:{found.line}: {found.name}.json is read by no rule: read data.{name}, "
            "or take the file out"
        )
    if found.name in SPOKEN:
        hint = f"move {found.name} to package aegis.rules"
    elif found.name == "allow":
        hint = "no rule allows; what nobody denies and the manifest declares is allowed"
    else:
        hint = f"the nearest is {nearest(found.name, SPOKEN)}; rename the rule, or take it out"
    raise PolicyInvalid(
        f"{found.path}:{found.line}: nothing reads {name}: the gate reads "
        f"{', '.join(sorted(SPOKEN))} of package aegis.rules, and no other rule names it: {hint}"
    )


def check_test(path: str, source: str) -> Module:
    """Check a `*_test.rego` file: pure built-ins only; it may read and replace what it likes."""
    module = read(path, source)
    _check_calls(module, module.functions)
    return module


def _is_operators(module: Module) -> bool:
    return module.path.startswith(OPERATOR_PREFIX)


def _check_package(module: Module) -> None:
    if _is_operators(module) and module.package[:2] != OPERATOR_PACKAGE:
        raise PolicyInvalid(
            f"{module.path}:1: expected package aegis.rules or one below it, found "
            f"{'.'.join(module.package)}"
        )
    if module.package[0] != "aegis":
        raise PolicyInvalid(f"{module.path}:1: expected a package below aegis")
    if (
        module.package[:2] == OPERATOR_PACKAGE
        and module.package[2:3]
        and module.package[2] in SPOKEN
    ):
        raise PolicyInvalid(
            f"{module.path}:1: the package would stand in for the rule {module.package[2]}"
        )


def _check_words(module: Module) -> None:
    before: Token | None = None
    heads = set(module.statements)
    for index, token in enumerate(module.tokens):
        word = token.text if token.kind is Kind.WORD else ""
        field = before is not None and before.kind is Kind.SIGN and before.text == "."
        if word == "with" and not field:
            raise PolicyInvalid(
                f"{module.path}:{token.line}: `with` replaces what is judged; only tests may"
            )
        if index in heads and module.package == OPERATOR_PACKAGE:
            _check_head(module, index)
        before = token


def _check_head(module: Module, index: int) -> None:
    """The rules the gate reads are sets: a plain value in the place of one would never be read."""
    head = [token.text for token in module.tokens[index : index + 2]]
    word = head[1] if head[0] == "default" and len(head) > 1 else head[0]
    if word in SPOKEN and head != [word, "contains"]:
        raise PolicyInvalid(
            f"{module.path}:{module.tokens[index].line}: expected `{word} contains … if {{ … }}`: "
            f"{word} is a set, and a plain value in its place would never be read"
        )


def _check_imports(module: Module) -> None:
    for item in module.imports:
        chain = item.reference
        if chain.dotted == "rego.v1" or chain.dotted.startswith("future.keywords"):
            continue
        place = f"{module.path}:{chain.line}"
        if (chain.root, *chain.steps[:2]) != ("data", *OPERATOR_PACKAGE):
            raise PolicyInvalid(
                f"{place}: found an import of {chain.dotted}; import only rego.v1 and "
                "data.aegis.rules.…, and write input.… and data.manifest.… in full"
            )
        if item.alias in builtins.NAMESPACES:
            raise PolicyInvalid(
                f"{place}: the name {item.alias} is a built-in's; choose another with `as`"
            )


def _check_reads(module: Module) -> None:
    for reference in module.references:
        place = f"{module.path}:{reference.line}"
        if reference.root == "input":
            _check_path(place, "input", reference.steps, INPUT_SCHEMA)
            if reference.steps[:3] == ("event", "payload", "args"):
                raise PolicyInvalid(
                    f"{place}: input.event.payload has no args: read input.call.args"
                )
        elif reference.root == "data":
            _check_data(place, module, reference)
        elif reference.steps[:1] == (reference.root,):
            raise PolicyInvalid(
                f"{place}: rename the variable {reference.root}: rego-cpp misreads "
                f"{reference.root}.{reference.root} inside `every`"
            )


def _check_data(place: str, module: Module, reference: Reference) -> None:
    if reference.steps[:1] == ("manifest",):
        _check_path(place, "data.manifest", reference.steps[1:], MANIFEST_SCHEMA)
        return
    ours = OPERATOR_PACKAGE if _is_operators(module) else OPERATOR_PACKAGE[:1]
    below = reference.steps[: len(ours)] == ours and len(reference.steps) > len(ours)
    if not below or reference.steps[len(ours)] is None:
        raise PolicyInvalid(
            f"{place}: found {reference.dotted}; expected data.manifest.… or "
            f"data.{'.'.join(ours)}.…"
        )


def _check_path(place: str, root: str, steps: Sequence[str | None], schema: Schema) -> None:
    """Follow a chain through a schema. It may end at a leaf or a list, never at a closed object.

    A closed object under another name could be asked for fields that no check sees.
    """
    seen, node = root, schema
    for step in steps:
        if node is Leaf.FREE:
            return
        if node is Leaf.SCALAR:
            raise PolicyInvalid(f"{place}: {seen} is a plain value, nothing lies below it")
        if isinstance(node, ListOf):
            if step is not None:
                raise PolicyInvalid(
                    f"{place}: {seen} is a list: write `some item in {seen}`, found .{step}"
                )
            node = node.item
        elif isinstance(node, MapOf):
            node = node.value
        elif isinstance(node, Mapping):
            node = _field(place, seen, step, node)
        seen = f"{seen}.{step}" if step is not None else f"{seen}[…]"
    if isinstance(node, Mapping):
        raise PolicyInvalid(
            f"{place}: {seen} is an object of known fields: name one of them, such as "
            f"{seen}.{min(node)}"
        )


def _field(place: str, seen: str, step: str | None, node: Mapping[str, Schema]) -> Schema:
    if step is None:
        raise PolicyInvalid(
            f"{place}: {seen} is an object of known fields: a computed field cannot be checked, "
            f"name it, such as {seen}.{min(node)}"
        )
    if step not in node:
        raise PolicyInvalid(
            f"{place}: {seen} has no field {step}; the nearest is {seen}.{nearest(step, node)}"
        )
    return node[step]


def _check_names(module: Module, rules: AbstractSet[str]) -> None:
    """A name that stands alone in its file has no value, and a rule that asks for it never holds.

    OPA refuses such a name when it compiles; rego-cpp compiles it and lets the rule be undefined.
    """
    rules = rules | {item.alias for item in module.imports}
    uses = Counter(reference.root for reference in module.references)
    for reference in module.references:
        root = reference.root
        if uses[root] > 1 or reference.called or root in rules or root in ("_", "data", "input"):
            continue
        hint = f"; the nearest rule is {nearest(root, rules)}" if rules else ""
        raise PolicyInvalid(
            f"{module.path}:{reference.line}: nothing gives {root} a value{hint}. "
            "Where any value will do, write _"
        )


def _check_calls(module: Module, functions: AbstractSet[str]) -> None:
    aliases = {item.alias for item in module.imports}
    for name in sorted(module.functions & builtins.NAMESPACES):
        raise PolicyInvalid(f"{module.path}:1: the name of the function {name} is a built-in's")
    for reference in module.references:
        if not reference.called or reference.root == "data":
            continue
        place, name = f"{module.path}:{reference.line}", reference.dotted
        if None in reference.steps:
            raise PolicyInvalid(f"{place}: expected a plain name before the parenthesis")
        if name in builtins.ALLOWED:
            _check_format(place, module, reference)
        elif name not in functions and reference.root not in aliases:
            why = builtins.REFUSED.get(name, builtins.REFUSED.get(reference.root, ""))
            hint = why or f"the nearest is {nearest(name, builtins.ALLOWED | functions)}"
            raise PolicyInvalid(f"{place}: {name} may not be called: {hint}")


def _check_format(place: str, module: Module, reference: Reference) -> None:
    """A format comes from the policy, never from a caller, and holds only `%v` and `%%`.

    rego-cpp prints a list given for `%s` with its quotation marks bare, which ends the string of
    the answer it stands in, and cuts the numbers of `%d` to 32 bits.
    """
    if reference.dotted != "sprintf":
        return
    after = module.tokens[reference.end + 1 : reference.end + 2]
    if not after or after[0].kind is not Kind.STRING:
        raise PolicyInvalid(f"{place}: expected a literal format as the first argument of sprintf")
    if "%" in after[0].text.replace("%%", "").replace("%v", ""):
        raise PolicyInvalid(f"{place}: expected only %v and %% in a format of sprintf")


def _reads(modules: Iterable[Module]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for module in modules:
        for reference in module.references:
            if reference.root == "input":
                section, field = reference.steps[:2]
                found.setdefault(str(section), set()).add(str(field))
    return {section: frozenset(found[section]) for section in sorted(found)}


def _plain_text(module: Module) -> Iterator[str]:
    """The base rules call such functions too, but only on host names, which core has normalised."""
    for reference in module.references:
        if reference.called and reference.dotted in builtins.PLAIN_TEXT:
            yield f"{module.path}:{reference.line}: {reference.dotted}"
