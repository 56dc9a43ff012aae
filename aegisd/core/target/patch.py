"""The files that a patch names: in unified and context diffs, in those of git, in agents' edits."""

import re
from collections.abc import Iterator

# A text without one of these is no patch.
_SIGNS = ("+++ ", "--- ", "*** ", "Index:", "diff --git ")

# What an agent's edit names (`*** Update File: x`), or the two headers of a diff.
_NAMED = re.compile(
    r"^(?:\*\*\* (?:(?:Add|Update|Delete) File|Move to):([^\n]*)"
    r"|(?:--- ([^\n]*)\n\+\+\+|\*\*\* ([^\n]*)\n---) ([^\n]*))",
    re.MULTILINE,
)
# What counts alone, where the text has hunks or is git's.
_ALONE = re.compile(
    r"^(?:(?:\+\+\+|rename from|rename to|copy from|copy to) |Index:)([^\n]*)", re.MULTILINE
)
_BOTH = re.compile(r"^diff --git ([^\n]*)", re.MULTILINE)
_HUNK = re.compile(r"^(?:@@ |@@$|diff --git |\*{15})", re.MULTILINE)

# What stands behind a name, and what git puts before one.
_BEHIND = re.compile(r"\t.*|(?<!\s)\s++\d{4}-\d\d-\d\d .*|\r")
_BEFORE = re.compile(r"[abciow]/")
_QUOTED = re.compile(r'"(.*)"')
_LINES = re.compile(r"\d+(?:,\d+)? [*-]+")


def named(text: str) -> Iterator[str]:
    """Yield the files that a text names, if it is a patch, without the `a/` and `b/` of git."""
    if not any(sign in text for sign in _SIGNS):
        return
    found = [name for match in _NAMED.findall(text) for name in match]
    if _HUNK.search(text):
        found += _ALONE.findall(text)
        found += [name for both in _BOTH.findall(text) for name in _halves(both.rstrip("\r"))]
    for plain in dict.fromkeys(map(_plain, found)):
        if plain and plain != "/dev/null" and not _LINES.fullmatch(plain):
            yield plain


def _halves(both: str) -> list[str]:
    """The names in `a/name b/name`, which may have blanks where they are the same."""
    first, second = both[: len(both) // 2], both[(len(both) + 1) // 2 :]
    return [second] if first[1:] == second[1:] else both.split()


def _plain(name: str) -> str:
    plain = _BEHIND.sub("", name).strip(" ")
    if quoted := _QUOTED.fullmatch(plain):
        try:
            octets = quoted[1].encode("latin-1", "backslashreplace").decode("unicode_escape")
            plain = octets.encode("latin-1").decode()
        except UnicodeError:  # it stays as it is: with a backslash, which is refused
            plain = quoted[1]
    return _BEFORE.sub("", plain, count=1) if _BEFORE.match(plain) else plain
