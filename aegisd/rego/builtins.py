"""Which of Rego's built-in functions a policy may call.

An allow-list, so that a function an engine gains tomorrow is refused until somebody has read it.
All are pure: no clock, chance, network, environment or trace. `tests/rego/test_builtins.py` holds
them to Python models on hostile strings; what an engine gets wrong is left out, not worked around.
"""

# Right on every string. (`count` is for collections: of a string it counts the escape sequences.)
EXACT = frozenset(
    {
        "abs",
        "array.concat",
        "array.slice",
        "concat",
        "count",
        "floor",
        "intersection",
        "is_array",
        "is_boolean",
        "is_null",
        "is_number",
        "is_object",
        "is_set",
        "is_string",
        "lower",
        "object.get",
        "object.keys",
        "object.remove",
        "object.union",
        "set",
        "sprintf",
        "startswith",
        "strings.any_prefix_match",
        "sum",
        "trim_prefix",
        "type_name",
        "union",
        "walk",
    }
)

# Right on strings without a quotation mark, backslash or control character. rego-cpp 1.5.2 keeps a
# string as its JSON escape sequences and these look inside them: `endswith("a\n", "n")` is true.
# A program that calls one refuses, by failing, an input that holds such a string.
PLAIN_TEXT = frozenset(
    {
        "contains",
        "endswith",
        "indexof",
        "split",
        "strings.any_suffix_match",
        "strings.count",
        "substring",
        "trim_suffix",
    }
)

ALLOWED = EXACT | PLAIN_TEXT

# Those of them that a new bundle may not call, because two engines answer differently. Bundles of
# old logs may: the engine that decided is recorded with the decision.
DIFFERING = {
    "object.union": "rego-cpp replaces an object inside an object where others merge the two; "
    "name the fields, or take object.get with a default",
    "sum": "rego-cpp passes over an item that is no number where others fail; bound each item, "
    "such as every item in … { is_number(item); item <= … }, or how many there are with count",
}

# Why a function people reach for is not in the list.
REFUSED = {
    "http": "a policy that asks the network is no function of its input",
    "net": "hosts are parsed once, before policy: compare input.call.hosts",
    "time": "the clock is not policy's to read: use input.time",
    "rand": "a decision can be derived again, so it holds no chance",
    "uuid": "a decision can be derived again, so it holds no chance",
    "opa": "a decision does not depend on where it is made",
    "rego": "a decision does not depend on how the policy is written",
    "io": "tokens are judged by an authenticator, not by policy",
    "crypto": "digests and keys are not policy's to judge",
    "trace": "a decision explains itself in its reasons",
    "print": "a decision explains itself in its reasons",
    "upper": "it breaks escape sequences on this engine: compare with lower",
    "replace": "an empty pattern never ends on this engine",
    "trim": "it breaks escape sequences on this engine",
    "trim_left": "it breaks escape sequences on this engine",
    "trim_right": "it breaks escape sequences on this engine",
    "trim_space": "it breaks escape sequences on this engine",
    "sort": "two engines order strings differently",
    "max": "two engines order strings differently",
    "min": "two engines order strings differently",
    "json": "args are parsed before policy: read input.call.args",
    "regex": "this engine backtracks, so a caller's text could hold the gate for ever: put the "
    "pattern into the tool's JSON Schema in the manifest",
    "glob": "this engine backtracks: use startswith, or a pattern in the tool's JSON Schema",
    "yaml": "args are parsed before policy: read input.call.args",
}

# The first words of Rego's own functions. A rule or alias of the same name would make one text call
# two different functions in two engines.
NAMESPACES = frozenset(
    {name.partition(".")[0] for name in ALLOWED | set(REFUSED)}
    | {
        "all",
        "any",
        "base64",
        "base64url",
        "cast_array",
        "cast_boolean",
        "cast_null",
        "cast_number",
    }
    | {"cast_object", "cast_set", "cast_string", "graph", "graphql", "hex", "indexof_n"}
    | {"internal", "minus", "numbers", "providers", "re_match", "semver", "set_diff"}
    | {"to_number", "units", "urlquery", "uri", "input", "data"}
)
