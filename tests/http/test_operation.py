"""An operation reads the parameters that it declares."""

from aegisd.http.app import operations
from tests.http.door import Door


def test_a_read_takes_the_parameters_it_declares_and_no_other(shared: Door) -> None:
    for each in operations():
        if each.method != "GET":
            continue
        path = each.path.format_map({"session_id": "s1", "digest": "0" * 64})
        for parameter in each.query:
            told = shared.get(path, **{parameter.name: ""})
            assert told.json()["code"] != "field_unknown", (path, parameter.name)
        if each.query:
            assert shared.get(path, nothing="").json()["code"] == "field_unknown"
