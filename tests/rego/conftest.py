"""The fixture `engine`: a module that asks for it runs once on each engine."""

from collections.abc import Iterator

import pytest

# A suite that two test classes share, so that its asserts explain themselves too.
pytest.register_assert_rewrite("tests.rego.evaluators")

from tests.rego.evaluators import ENGINES, require  # noqa: E402 - after the line above
from tests.rego.worlds import ENGINE  # noqa: E402 - as above


@pytest.fixture(params=ENGINES, scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of an engine; what `worlds` compiles is judged by it meanwhile."""
    name = str(request.param)
    require(name)
    token = ENGINE.set(name)
    yield name
    ENGINE.reset(token)
