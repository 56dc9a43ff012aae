"""The fixture `engine`: a module that asks for it runs once on each engine."""

from collections.abc import Iterator

import pytest

from tests.rego.evaluators import ENGINES, require
from tests.rego.worlds import ENGINE


@pytest.fixture(params=ENGINES, scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of an engine; what `worlds` compiles is judged by it meanwhile."""
    name = str(request.param)
    require(name)
    token = ENGINE.set(name)
    yield name
    ENGINE.reset(token)
