"""How a path is spelled: what a shell, a decoder, a file system or an eye takes for another place.

A name is compared by its bytes. It is refused only where somebody reads it otherwise: where what it
folds to has other separators, dots or protected names, or where what no eye sees is in it.
"""

import re
import unicodedata
from urllib.parse import unquote

# Times a path may be percent-decoded before nothing changes any more. Proxies stack at most two
# decodings; a text that goes on changing is hiding something.
PERCENT_ROUNDS_MAX = 4

# Characters of a path: PATH_MAX of Linux, past which nothing opens it.
PATH_CHARS_MAX = 4_096

# Names that programs obey, and find on a disk that folds case, or by what such a disk drops.
_NAMES = (
    ".aws .bash_profile .bashrc .claude .cursor .docker .env .git .gitattributes .gitconfig .github"
    " .gitmodules .gnupg .hg .husky .kube .netrc .npmrc .profile .pypirc .ssh .svn .vscode .zshrc"
)
_OBEYED = frozenset(_NAMES.split())

# Most paths: nothing in them is looked at twice.
_PLAIN = re.compile(r"(?:[A-Za-z0-9_/@+,=-]++|(?<=[A-Za-z0-9_-])[. ](?=[A-Za-z0-9_-]))*+")

_HOME = re.compile(r"~(?:[\w.+-]*/|[\w+-]*\Z)", re.ASCII)
# `${x}`, `$(x)`; `$HOME`, where it is a whole name or a relative path begins with it; `%HOME%`.
_VARIABLE = re.compile(
    r"\$[{(]|(?:\A|/)(?:\$[A-Z_][A-Z0-9_]*+|%\w+%)(?=/|\Z)|\A\$[A-Z_][A-Z0-9_]*+(?![a-z])|\A\$\w+:",
    re.ASCII,
)
# `s3:`, `C:`, `user@host:`, `10.0.0.1:/`; behind a slash a colon is a letter.
_SCHEME = re.compile(r"(?:[^/]*@)?[A-Za-z][A-Za-z0-9+.\-]*:|[^/]+:/", re.ASCII)
_ROOTED = re.compile(r"[A-Za-z]:|[^/]+:/", re.ASCII)
# Where somebody trims: names of blanks and dots, and blanks before what names a start.
_BLANK = re.compile(r"\s")
_TRIMMED = re.compile(r"(?:\A|/)(?=[^/]*\s)[\s.]+(?=/|\Z)|\A\s+(?:[/~]|[^/]*:)")
# Short names of FAT and NTFS, and streams of NTFS, which may be the file itself.
_SHORT = re.compile(r"(?:\A|/)[^/.:\s]{1,6}~[0-9]+(?:\.[^/.]{0,3})?(?=/|\Z)")
_STREAM = re.compile(r":\$[A-Za-z_]+\s*(?=/|\Z)")
# Some servers drop what is behind the semicolon.
_PARAMETER = re.compile(r"(?:\A|/)\.{1,2};")
# Windows drops dots and blanks at the end: of a name that begins with a dot, and of an ending.
_EDGE = re.compile(r"[.\s](?=/|\Z)")
_ENDING = re.compile(
    r"(?:\A|/)\.(?=[^/]*[^/.\s])[^/]*[.\s](?=/|\Z)|[^/.\s]\.[a-z]{2,5}\s*\.[.\s]*(?=/|\Z)"
)
_PERCENT_U = re.compile(r"%[uU][0-9a-fA-F]{4}")

# Drawn like / or \ and folded to neither; the full-width ones, unless / stands among wide letters.
_SLASHES = "\u2044\u2215\u2216\u2571\u2572\u29f5\u29f8\u29f9\u27cb\u27cd"
_WIDE = r"\u3000-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60"
_SLASH = re.compile(rf"[{_SLASHES}\uff3c]|\uff0f(?:(?<![{_WIDE}]\uff0f)|(?![{_WIDE}]))")
_HIDDEN_BY_PERCENT = frozenset("./\\~\ufffd") | frozenset(_SLASHES) | frozenset(map(chr, range(32)))

# What no eye sees, and writing needs: joiners in scripts that have them, selectors and joiners of
# emoji and ideographs, flags; and signs of Arabic that are seen.
_ARABIC = r"\u0600-\u07ff\u0840-\u08ff\ufb50-\ufdff\ufe70-\ufefc\u1800-\u18af"
_INDIC = r"\u0900-\u0dff\u1000-\u109f\u1780-\u17ff"
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # words end where no eye sees it
_VIRAMA = (
    r"\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u1039\u103a\u17d2"
)
_EMOJI = (
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299"
    r"\U0001f000-\U0001faff"
)
_IDEOGRAPH = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_NEEDED = re.compile(
    rf"(?<=[{_ARABIC}])[\u200c\u200d](?=[{_ARABIC}])"
    rf"|(?<=[{_INDIC}])[\u200c\u200d](?=[{_INDIC}])|(?<=[{_VIRAMA}])[\u200c\u200d]"
    rf"|(?<=[{_UNSPACED}])\u200b(?=[{_UNSPACED}])"
    rf"|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])|(?<=[{_EMOJI}])[\ufe0e\ufe0f]"
    r"|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    rf"|(?<=[{_IDEOGRAPH}])[\ufe00-\ufe02\U000e0100-\U000e01ef]|(?<=[\u1800-\u18af])[\u180b-\u180f]"
    r"|(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]+\U000e007f"
    r"|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2]"
)
# With these categories, letters and marks that are drawn as nothing.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_UNSEEN = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    r"\U000e0100-\U000e01ef]"
)

# No disk that drops or folds names folds wide letters.
_NOT_FOLDED = frozenset({"alias"})

# Letters drawn as Latin ones: Cyrillic, Greek and full-width.
_LATIN = str.maketrans(
    "аеорсухіјѕԁһԛԝӏАВЕЅІЈКМНОРСТХУԌԚԜοΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijsdhqwlABESIJKMHOPCTXYGQWoABEZHIKMNOPTYX",
) | {0xFEE0 + code: code for code in (*range(0x41, 0x5B), *range(0x61, 0x7B))}
_WORD = re.compile(r"[^\W\d_]+")
_SOME_LATIN = re.compile(r"[A-Za-z]")


def problems(text: str) -> set[str]:
    """Name all in a path that somebody takes for another place: keys of `model.PROBLEMS`."""
    if len(text) > PATH_CHARS_MAX:
        return {"too_long"}
    if _PLAIN.fullmatch(text):
        return set()
    codes = _written(text)
    # Printable ASCII hides nothing from an eye, and it is most of what is seen here.
    return codes if text.isascii() and text.isprintable() else codes | _unseen(text, codes)


def _written(text: str) -> set[str]:
    """What a shell, a decoder, a trimmer or another file system reads otherwise."""
    codes = set()
    if "\\" in text:
        codes.add("backslash")
    if _HOME.match(text):
        codes.add("home")
    if ("$" in text or "%" in text) and _VARIABLE.search(text):
        codes.add("variable")
    if ":" in text and _SCHEME.match(text):
        codes.add("path_scheme")
    if _BLANK.search(text) and _TRIMMED.search(text):
        codes.add("control")
    if "%" in text and _hides_by_percent(text):
        codes.add("percent_encoded")
    if _is_alias(text):
        codes.add("alias")
    return codes


def _unseen(text: str, codes: set[str]) -> set[str]:
    """What an eye reads otherwise than a file system; `codes` are told of already."""
    found = set()
    if _has_unseen(text):
        text = _NEEDED.sub("", text)
        if _has_unseen(text):
            found.add("control")
    folded = unicodedata.normalize("NFKC", text)
    told = _written(folded) - codes - found - _NOT_FOLDED
    if (
        _SLASH.search(text)
        or told - {"path_scheme"}
        or (told and _ROOTED.match(folded))
        or _marks(folded) != _marks(text)
        or (not _LATIN.keys().isdisjoint(map(ord, text)) and _is_disguised(text))
    ):
        found.add("look_alike")
    return found


def _has_unseen(text: str) -> bool:
    return _UNSEEN.search(text) is not None or any(
        unicodedata.category(char) in _UNSEEN_CATEGORIES for char in set(text)
    )


def _is_alias(text: str) -> bool:
    """Whether a name is one that another file system takes for another, protected one."""
    if ("~" in text and _SHORT.search(text)) or (":$" in text and _STREAM.search(text)):
        return True
    if "." not in text:
        return False
    if (";" in text and _PARAMETER.search(text)) or (_EDGE.search(text) and _ENDING.search(text)):
        return True
    names = text.split("/") if text[0] == "." or "/." in text else ()
    return any(
        name[:1] == "." and name not in _OBEYED and name.lower() in _OBEYED for name in names
    )


def _marks(text: str) -> list[str]:
    """The names in a path that are not names of the caller's own choice."""
    return [name for name in text.split("/") if name in {".", ".."} or name in _OBEYED]


def _is_disguised(text: str) -> bool:
    """Whether a word of several alphabets looks as if it were of one."""
    return any(
        not word.isascii() and _SOME_LATIN.search(word) and word.translate(_LATIN).isascii()
        for word in _WORD.findall(text)
    )


def _hides_by_percent(text: str) -> bool:
    """Tell whether decoding, however often, brings out a separator, a dot, a control or junk."""
    if _PERCENT_U.search(text):
        return True
    decoded = text
    for _ in range(PERCENT_ROUNDS_MAX):
        further = unquote(decoded)
        if further == decoded:
            return any(decoded.count(char) > text.count(char) for char in _HIDDEN_BY_PERCENT)
        decoded = further
    return True
