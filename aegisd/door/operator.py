"""What the acts of operators share: who and why, and where the act stands."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from aegisd.core.errors import ReservedId
from aegisd.core.log.envelope import unseal
from aegisd.core.shapes.identifier import check_id
from aegisd.core.shapes.payload import MESSAGE_CHARACTERS_MAX
from aegisd.door.answer import Head, head
from aegisd.engine.commands.command import CONFIG
from aegisd.engine.recorded import Recorded
from aegisd.engine.upgrade import UPGRADE

R = TypeVar("R", bound=Struct)

Because = Annotated[str, Meta(min_length=1, max_length=MESSAGE_CHARACTERS_MAX)]


class OperatorAct(Struct, frozen=True, kw_only=True):
    """What every act of an operator says: in which tenant, who acts, and why."""

    tenant_id: str
    author: str
    reason: Because


class ActReceipt(Struct, frozen=True, kw_only=True):
    """Where an act stands in the tenant's `$control` session, and what it put in force.

    `digest` is the SHA-256 of the RFC 8785 bytes; a manifest also has its name and version.
    """

    digest: str
    author: str
    name: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    seq: int
    position: int
    hash: str
    head: Head


def check(act: OperatorAct) -> None:
    """Hold an act's ids to their form. Raises `InvalidField` or `ReservedId`.

    The authors `config` and `upgrade` are the daemon's own: what a start puts in force.
    """
    check_id(act.tenant_id, "tenant_id")
    if check_id(act.author, "author") in (CONFIG, UPGRADE):
        raise ReservedId(f"author: {act.author} is the daemon's own; name who acts", field="author")


def act_receipt(done: Recorded, shape: type[R]) -> R:
    """The receipt of a recorded act: what its stored payload tells, and where it stands."""
    event, told = done.event, msgspec.json.decode(unseal(done.event.body).payload)
    place = {"seq": event.seq, "position": event.position, "hash": event.hash.hex()}
    return msgspec.convert({**told, **place, "head": head(done.head)}, shape)
