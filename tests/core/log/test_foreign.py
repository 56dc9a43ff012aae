"""JSON of others is decoded, or refused as malformed, however deep it is nested."""

import msgspec
import pytest
from msgspec import Raw, Struct

from aegisd.core.log import foreign
from aegisd.core.log.canonical import double
from aegisd.core.log.foreign import Decode, decoder


class _Half(Struct):
    known: int = 0


ANY: Decode[object] = decoder(object)


@pytest.mark.parametrize("nested", [b"[%s]", b'{"a":%s}', b'[{"a":%s}]'])
@pytest.mark.parametrize("levels", [1_000, 100_000])
def test_nesting_that_no_decoder_takes_is_malformed(nested: bytes, levels: int) -> None:
    before, after = nested.split(b"%s")
    deep = before * levels + b"1" + after * levels
    for read, data in ((ANY, deep), (decoder(_Half), b'{"unknown":' + deep + b"}")):
        with pytest.raises(msgspec.DecodeError, match="deeper"):
            read(data)


def test_what_can_be_read_is_read_as_its_type() -> None:
    assert ANY(b'{"a":[1]}') == {"a": [1]}
    assert decoder(_Half)(Raw(b'{"known":1,"unknown":[[[]]]}')) == _Half(known=1)
    with pytest.raises(msgspec.ValidationError):
        decoder(_Half)(b'{"known":"1"}')


def test_every_float_is_read_by_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder itself takes a hundred times as long for one near the largest."""
    read: list[str] = []

    def counted(text: str) -> float:
        read.append(text)
        return double(text)

    monkeypatch.setattr(foreign, "double", counted)
    assert foreign.decoder(object)(b"[1e308,1,0.5]") == [1e308, 1, 0.5]
    assert read == ["1e308", "0.5"]
    with pytest.raises(msgspec.MsgspecError):
        foreign.decoder(object)(b"1e999")
