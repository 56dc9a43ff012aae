"""Write `requirements/*.txt`: one version and its hashes for everything that runs and tests.

Each lock holds for every Python from 3.11 on and for every platform; markers say what is only for
some. What may be chosen is said once, in the two `pyproject.toml` and `requirements/tools.in`.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = Path("requirements")
PYTHON = "3.11"

# Resolved first, and binding for the others: they are installed into the same environment.
WIDEST = "test"

COMMAND = (
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"),
    *("--python-version", PYTHON, "--generate-hashes", "--no-strip-extras"),
    *("--custom-compile-command", "make lock", "--no-emit-package", "aegis-control-plane"),
)


def builds(project: str) -> str:
    """What a project is built with, as lines of requirements."""
    described = tomllib.loads((ROOT / project).read_text("utf-8"))
    return "\n".join(described["build-system"]["requires"]) + "\n"


def lock(name: str, sources: tuple[str, ...], more: str, options: list[str]) -> None:
    """Resolve `sources` and the lines of `more` into one lock. Raises `CalledProcessError`."""
    bound = () if name == WIDEST else ("--constraints", f"{FOLDER / WIDEST}.txt")
    output = ("--output-file", f"{FOLDER / name}.txt")
    subprocess.run(
        [*COMMAND, *options, *bound, *output, *sources, *(("-",) if more else ())],
        cwd=ROOT,
        input=more,
        text=True,
        check=True,
    )


def main() -> None:
    """Renew all locks; options of `uv pip compile` renew less, such as `--upgrade-package NAME`."""
    options = sys.argv[1:] or ["--upgrade"]
    ours = "pyproject.toml"
    lock("test", (ours, "--extra", "dev"), builds(ours), options)
    lock("run", (ours, "--extra", "postgres"), builds(ours), options)
    lock("engine", (), builds("native/pyproject.toml"), options)
    lock("tools", (f"{FOLDER}/tools.in",), "", options)


if __name__ == "__main__":
    main()
