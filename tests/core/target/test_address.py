"""IPv4 in every spelling of the same number, IPv6 in its one canonical text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.target import address

spellings = st.sampled_from((str, hex, lambda n: f"0{n:o}", lambda n: f"0X{n:X}"))


def quad(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


@given(data=st.data(), number=st.integers(0, 2**32 - 1), parts=st.integers(1, 4))
def test_every_spelling_of_one_address_is_one_address(
    data: st.DataObject, number: int, parts: int
) -> None:
    leading = [number >> shift & 255 for shift in (24, 16, 8)][: parts - 1]
    last = number & (2 ** (8 * (5 - parts)) - 1)
    text = ".".join(data.draw(spellings)(part) for part in [*leading, last])
    assert address.ipv4(text) == address.ipv4(text + ".") == quad(number)
    assert address.ends_in_number(text)


@given(data=st.data(), parts=st.integers(1, 4), excess=st.integers(0, 3))
def test_a_part_one_past_its_bytes_is_no_address(
    data: st.DataObject, parts: int, excess: int
) -> None:
    numbers = ["0"] * parts
    place = data.draw(st.integers(0, parts - 1))
    bound = 256 ** (5 - parts) if place == parts - 1 else 256
    numbers[place] = str(bound - 1)
    assert address.ipv4(".".join(numbers)) is not None
    numbers[place] = str(bound + excess)
    assert address.ipv4(".".join(numbers)) is None


@given(number=st.integers(0, 2**32 - 1))
def test_a_plain_quad_is_four_decimal_bytes_and_nothing_else(number: int) -> None:
    text = quad(number)
    assert address.is_plain_quad(text)
    for other in (f"0{text}", f"{text}.", f".{text}", f"{text}\n", text.replace(".", "", 1)):
        assert not address.is_plain_quad(other)
    assert not address.is_plain_quad(text.replace(".", "256.", 1))


@pytest.mark.parametrize("host", ["a", "a.com", "0x.com", "1.2.3.4.com", "1e3", "0xg", "a1"])
def test_a_host_whose_last_label_is_no_number_is_a_name(host: str) -> None:
    assert not address.ends_in_number(host)


@pytest.mark.parametrize("host", ["1", "a.1", "a.0x", "a.0xF.", "256.256.256.256", "1.2.3.4.5"])
def test_a_host_whose_last_label_is_a_number_is_meant_as_an_address(host: str) -> None:
    assert address.ends_in_number(host)


@pytest.mark.parametrize(
    "host", ["08", "0x0x1", "1.2.3.4.5", "1..2", "256.1.1.1", "1.2.3.09", "a.1", "4294967296"]
)
def test_what_ends_in_a_number_and_is_no_address_is_refused(host: str) -> None:
    assert address.ipv4(host) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("::1", ("::1", "ipv6", "")),
        ("0:0:0:0:0:0:0:1", ("::1", "ipv6", "")),
        ("2001:DB8::00ff", ("2001:db8::ff", "ipv6", "")),
        ("::ffff:7f00:1", ("127.0.0.1", "ipv4", "ipv4_mapped")),
        ("::FFFF:127.0.0.1", ("127.0.0.1", "ipv4", "ipv4_mapped")),
        ("64:ff9b::1.2.3.4", ("64:ff9b::102:304", "ipv6", "ipv4_mapped")),
        ("fe80::1%eth0", ("", "", "ipv6_zone")),
        ("fe80::1%25eth0", ("", "", "ipv6_zone")),
        ("v1.a", ("", "", "ipv6_invalid")),
        ("1:2:3", ("", "", "ipv6_invalid")),
        ("::00001", ("", "", "ipv6_invalid")),
        ("::1::", ("", "", "ipv6_invalid")),
        ("", ("", "", "ipv6_invalid")),
    ],
)
def test_ipv6_is_read_to_its_canonical_text(text: str, expected: tuple[str, str, str]) -> None:
    assert address.ipv6(text) == expected
