"""Whose pages may speak to a loopback port: this machine's."""

import pytest

from aegisd.core.errors import OriginRefused
from aegisd.http import origin
from aegisd.http.origin import Origin
from tests.http.door import Door

OURS = [
    "localhost",
    "LocalHost:8080",
    "127.0.0.1",
    "127.0.0.1:8080",
    "127.8.9.10:1",
    "[::1]",
    "[::1]:8080",
]
THEIRS = [
    "",
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example#127.0.0.1",
    "user@127.0.0.1",
    "127.0.0.1@evil.example",
    "127.0.0.1/",
    "127.0.0.1:8080:9",
    "127.0.0.1:http",
    "127.0.0.1:99999",
    "127.1",
    "127.0.0.01",
    "2130706433",
    "0x7f000001",
    "0.0.0.0",
    "10.0.0.1",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::1%25lo]",
    "[0:0:0:0:0:0:0:1]",
    "::1",
    "localhost.",
    "ⓛocalhost",
]


def asked(door: Door, **headers: str) -> int:
    status: int = door.ask("GET", "/healthz", headers=headers).status_code
    return status


@pytest.mark.parametrize("host", OURS)
def test_a_loopback_host_is_served(shared: Door, host: str) -> None:
    assert asked(shared, host=host) == 200


@pytest.mark.parametrize("host", [host for host in THEIRS if host.isascii()])
def test_any_other_host_is_a_rebound_name_and_refused(shared: Door, host: str) -> None:
    answer = shared.ask("GET", "/healthz", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")


@pytest.mark.parametrize("host", OURS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_page_of_this_machine_is_served(shared: Door, scheme: str, host: str) -> None:
    assert asked(shared, origin=f"{scheme}://{host}") == 200


@pytest.mark.parametrize("origin", ["null", "", "//localhost/x", "file://", "http://localhost/x"])
def test_an_origin_that_is_no_origin_is_refused(shared: Door, origin: str) -> None:
    assert asked(shared, origin=origin) == 403


@pytest.mark.parametrize("host", [host for host in THEIRS if host.isascii()])
def test_a_page_of_another_site_is_refused(shared: Door, host: str) -> None:
    before = shared.store.next_position("acme")
    answer = shared.ask("POST", "/v1/events", b"{}", {"origin": f"http://{host}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
    assert shared.store.next_position("acme") == before


def test_a_name_in_other_letters_is_not_ours(shared: Door) -> None:
    headers = [(b"host", "ⓛocalhost".encode())]
    request = shared.client.build_request("GET", "/healthz")
    request.headers = type(request.headers)(headers)
    assert shared.runner.run(shared.client.send(request)).status_code == 403


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
def test_a_request_names_its_host_once(shared: Door, hosts: list[str]) -> None:
    request = shared.client.build_request("GET", "/healthz")
    request.headers = type(request.headers)([("host", host) for host in hosts])
    assert shared.runner.run(shared.client.send(request)).status_code == 403


def test_a_host_is_judged_the_same_the_second_time(shared: Door) -> None:
    for _ in range(2):
        assert asked(shared, host="evil.example") == 403
        assert asked(shared, host="localhost") == 200


def test_past_known_max_hosts_are_judged_each_time(
    shared: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Origin(shared.app)
    monkeypatch.setattr(origin, "KNOWN_MAX", 2)
    for known, port in ((1, 1), (2, 2), (2, 3), (2, 3)):
        guard._check((b"host", b"localhost:%d" % port))
        assert len(guard._known) == known
    with pytest.raises(OriginRefused):
        guard._check((b"host", b"evil.example"))


def test_a_host_known_to_be_good_is_no_good_origin(shared: Door) -> None:
    assert asked(shared, host="127.0.0.1:8080") == 200
    assert asked(shared, origin="127.0.0.1:8080") == 403
