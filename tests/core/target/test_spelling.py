"""Names as people, tools and attackers spell them: what is a name, and what passes for another."""

import json
from pathlib import Path

import pytest

from aegisd.core.target.model import PROBLEMS
from aegisd.core.target.spelling import PATH_CHARS_MAX, PERCENT_ROUNDS_MAX, problems
from tests.table import each

PLACES = json.loads(Path("conformance/lines/places.json").read_text())

# Behind a slash, and alone.
NAMES = (
    "$postId.tsx|$.tsx|($lang).tsx|users.$id_.edit.tsx|Outer$Inner.class|Foo$1.class|~$budget.xlsx"
    "|~WRL0001.tmp|.~lock.x#|main.c~|foo.c.~1~|[...slug]|...|(..)photo|v1..v2.patch|v1.2.|J.R.R."
    "|10:30 notes.txt|100%|50%off_%done|a%20b|%5Bid%5D|a;b,c|-rf|C#|.DS_Store|.Rprofile|.github"
    "|.env.example|a b |cafe\u0301|Mu\u0308ller.pdf|\u212b|1\u00bd cup|N\u00ba5 \u21167|Notes\u2026"
    "|a\u2025b|l\u2019e\u0301te\u0301 \u2013 \u20ac|\u4f01\u753b\uff0f\u63d0\u6848|10\uff5e20"
    "|\uff21\uff22\uff1a\u4ed5\u69d8|\uff5e\u307e\u3068\u3081\uff5e|\u8cc7\u6599\uff1a\u6700\u7d42"
    "|\u845b\U000e0100\u98fe|\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645|\u0915\u094d\u200d\u0937"
    "|\u09b0\u200d\u09cd\u09af|\u0d28\u0d4d\u200d.md|\U0001f468\u200d\U0001f469\u200d\U0001f467"
    "|1\ufe0f\u20e3|\u2764\ufe0f\u200d\U0001f525|\U0001f3f4\U000e0067\U000e0062\U000e007f"
    "|\u0394T|\u03bcm-\u03b1-test|USB-\u043a\u0430\u0431\u0435\u043b\u044c|\u0421\u043e\u0441"
    "|H\u03b1.fits|\u1781\u200b\u1798|at 10.00\u202fAM.png|\uff30\uff24\uff26"
)


@each("name", NAMES.split("|"))
def test_a_name_of_somebodys_own_choice_is_a_name(name: str) -> None:
    assert problems(name) == problems(f"/workspace/{name}/x") == set()


REFUSED = [
    ("/workspace/%2e%2e/etc", ["percent_encoded"]),
    ("/workspace/%2E./etc", ["percent_encoded"]),
    ("/workspace/..%2fetc", ["percent_encoded"]),
    ("/workspace/%5c..", ["percent_encoded"]),
    ("/workspace/a%00.txt", ["percent_encoded"]),
    ("/workspace/%252e%252e/etc", ["percent_encoded"]),
    ("/workspace/%25252525252e", ["percent_encoded"]),
    ("/workspace/%%32%65", ["percent_encoded"]),
    ("/workspace/%c0%ae%c0%ae/", ["percent_encoded"]),
    ("/workspace/%u002e%u002e/", ["percent_encoded"]),
    ("/workspace/%e2%88%95", ["percent_encoded"]),
    ("/workspace/%7e", ["percent_encoded"]),
    ("/workspace\\..\\etc", ["backslash"]),
    ("C:\\Windows", ["backslash", "path_scheme"]),
    ("/workspace/a\x00.txt", ["control"]),
    ("/workspace/a\nb", ["control"]),
    ("/workspace/\u202etxt.exe", ["control"]),
    ("/workspace/a\u200b", ["control"]),
    ("/workspace/a\u2028b", ["control"]),
    ("/workspace/con\ufe0ffig", ["control"]),
    ("/workspace/con\u034ffig", ["control"]),
    ("/workspace/a\u3164", ["control"]),
    ("/workspace/.g\u200cit/hooks", ["control"]),
    ("/workspace/\u65e5\u200d\u672c", ["control"]),
    ("/workspace/a\U000e0041", ["control"]),
    (" /etc/passwd", ["control"]),
    ("\u3000/etc/passwd", ["control"]),
    ("/workspace/.. ", ["control"]),
    ("/workspace/a/ ./x", ["control"]),
    ("~/.ssh/id_rsa", ["home"]),
    ("~root", ["home"]),
    ("~john.doe/.ssh", ["home"]),
    ("$HOME/.ssh", ["variable"]),
    ("/workspace/$HOME", ["variable"]),
    ("%APPDATA%/x", ["variable"]),
    ("$env:HOME/x", ["variable"]),
    ("/workspace/${X}/a", ["variable"]),
    ("/workspace/$(id)", ["variable"]),
    ("http://169.254.169.254/", ["path_scheme"]),
    ("php:x", ["path_scheme"]),
    ("c:x", ["path_scheme"]),
    ("git@evil.net:x", ["path_scheme"]),
    ("10.0.0.1:/etc", ["path_scheme"]),
    ("/workspace/.GIT/hooks", ["alias"]),
    ("/workspace/git~1/hooks", ["alias"]),
    ("/workspace/PROGRA~1.TXT", ["alias"]),
    ("/workspace/.git. /config", ["alias"]),
    ("/workspace/.env.", ["alias"]),
    ("/workspace/package.json.", ["alias"]),
    ("/workspace/package.json::$DATA", ["alias"]),
    ("/workspace/..;/etc", ["alias"]),
    ("/workspace\u2215..\u2215etc", ["look_alike"]),
    ("/workspace/..\u2044etc", ["look_alike"]),
    ("/workspace/..\uff0fetc", ["look_alike"]),
    ("/workspace/src\uff0fx", ["look_alike"]),
    ("/workspace/\uff0e\uff0e/etc", ["look_alike"]),
    ("/workspace/\u2024\u2024/etc", ["look_alike"]),
    ("/workspace/\u2025/etc", ["look_alike"]),
    ("/workspace/\ufe52\ufe52/etc", ["look_alike"]),
    ("/workspace/..\uff3cetc", ["look_alike"]),
    ("\uff5e/.ssh", ["look_alike"]),
    ("/workspace/\uff05\uff12\uff45", ["look_alike"]),
    ("\uff04HOME", ["look_alike"]),
    ("\uff23\uff1a/Windows", ["look_alike"]),
    ("/workspace/.\uff47it/x", ["look_alike"]),
    ("/workspace/p\u0430ckage.json", ["look_alike"]),
    ("/workspace/\uff50ackage.json", ["look_alike"]),
    ("~/\\..\\x\x00", ["backslash", "control", "home"]),
]


@each(("text", "expected"), REFUSED)
def test_what_a_shell_a_decoder_a_disk_or_an_eye_reads_otherwise_is_a_problem(
    text: str, expected: list[str]
) -> None:
    assert sorted(problems(text)) == expected
    assert set(expected) <= PROBLEMS.keys()


@each("place", [place for place in PLACES if place["kind"] == "honest"])
def test_real_places_have_no_problem(place: dict[str, str]) -> None:
    assert problems(place["path"]) == set()


@each("place", [place for place in PLACES if place.get("class") not in (None, "outside")])
def test_places_that_pass_for_others_have_one(place: dict[str, str]) -> None:
    assert problems(place["path"])


def test_percent_encoding_as_deep_as_is_read_and_one_deeper() -> None:
    deepest = "%" + "25" * (PERCENT_ROUNDS_MAX - 2) + "41"
    assert problems(f"/{deepest}") == set()
    assert problems(f"/{deepest.replace('41', '2541')}") == {"percent_encoded"}


@pytest.mark.parametrize("more", [0, 1])
def test_a_path_is_as_long_as_a_system_opens(more: int) -> None:
    assert problems("/" + "a" * (PATH_CHARS_MAX - 1 + more)) == ({"too_long"} if more else set())
