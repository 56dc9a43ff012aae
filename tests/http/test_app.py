"""The routes of the door are the operations that are described."""

from aegisd.http.app import operations
from tests.http.described import Described
from tests.http.door import Door


def test_its_routes_are_the_routers(described: Described, shared: Door) -> None:
    served = {(each.path, each.method.lower()) for each in operations()}
    assert {
        (path, method) for path, told in described["paths"].items() for method in told
    } == served
