"""Tables that are walked by one test: a row of microseconds costs a test's milliseconds else."""

import functools
import inspect
from collections.abc import Callable, Iterable

import pytest

Test = Callable[..., None]


def each(names: str | tuple[str, ...], rows: Iterable[object]) -> Callable[[Test], Test]:
    """Run a test for each row, as one test; a failure tells the row.

    `names` and `rows` are those of `pytest.mark.parametrize`. Fixtures are not made anew.
    """
    columns = names.split(",") if isinstance(names, str) else names
    columns = tuple(name.strip() for name in columns)
    table = tuple(rows)

    def walked(test: Test) -> Test:
        @functools.wraps(test)
        def walk(**fixtures: object) -> None:
            if not table:
                pytest.skip(f"no rows of {', '.join(columns)} are here")
            for row in table:
                cells = row if len(columns) > 1 else (row,)
                assert isinstance(cells, tuple | list)
                try:
                    test(**fixtures, **dict(zip(columns, cells, strict=True)))
                except BaseException as error:
                    error.add_note(f"the row is {', '.join(columns)} = {ascii(row)[:1000]}")
                    raise

        told = inspect.signature(test)
        rest = [told.parameters[name] for name in told.parameters if name not in columns]
        walk.__signature__ = told.replace(parameters=rest)  # type: ignore[attr-defined]
        return walk

    return walked
