"""Names of packages: which are only names, and which are places."""

from aegisd.core.program import dependency
from aegisd.core.program.meaning import Meaning
from tests.core.program.words import told
from tests.table import each


@each(
    ("meaning", "rows"),
    [
        (
            dependency.requirement,
            {
                "uvicorn[standard]>=1,<2": "",
                "x; python_version < '3.9'": "",
                "x @ https://h/x.tgz": "url https://h/x.tgz",
                "git+ssh://git@h/x": "url ssh://git@h/x",
                "x@/y": "load /y",
                ".[dev]": "load .",
                "a.whl": "load a.whl",
                "-x": "problem word",
            },
        ),
        (
            dependency.package,
            {
                "react@^18.0.0": "",
                "lodash@>=4.17.21 <5": "",
                "@a/b@latest": "",
                "x@npm:y@1": "",
                "x@npm:y@../z": "load ../z",
                "x@../y": "load ../y",
                "x@https://h/y.tgz": "url https://h/y.tgz",
                "a/b": "host github.com",
                "x@gitlab:a/b": "host gitlab.com",
                "git@h:x/y": "problem word",
                "file:../x": "load ../x",
                "./x.tgz": "load ./x.tgz",
            },
        ),
        (
            dependency.module,
            {"./...": "load ./...", "fmt": "", "h.x/y@v1": "host h.x", "/x/a.go": "load /x/a.go"},
        ),
    ],
)
def test_a_package_is_a_name_or_the_place_it_comes_from(
    meaning: Meaning, rows: dict[str, str]
) -> None:
    assert told(meaning, rows) == rows
