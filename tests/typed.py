"""The command line, typed in this process: an interpreter each would be a minute."""

import io
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

from aegisctl import main


def aegisctl(*arguments: object, cwd: Path | None = None) -> CompletedProcess[str]:
    """Run the command line, as a user's shell does; what it ended with and said."""
    words = [str(argument) for argument in arguments]
    said, warned = io.BytesIO(), io.BytesIO()
    with (
        io.TextIOWrapper(said, "utf-8", write_through=True) as out,
        io.TextIOWrapper(warned, "utf-8", write_through=True) as err,
        redirect_stdout(out),
        redirect_stderr(err),
        chdir(cwd or Path.cwd()),
    ):
        code = main.run(words)
        return CompletedProcess(words, code, said.getvalue().decode(), warned.getvalue().decode())
