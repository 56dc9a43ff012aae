"""The attacks, each as what its author leaves behind for the auditor to look at.

All of them have write access to the database. What they do, they do well: hashes are taken again,
columns and heads agree, the trailer is made anew. Only what needs somebody else's memory, or a key
that they do not have, is beyond them.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, Struct

from aegisd.core.log.checkpoint import read
from aegisd.core.log.envelope import restore, seal, unseal
from aegisd.signing.keyring import Keyring, SigningKey
from drills.attacks.evidence import signed, tree_of
from drills.attacks.scene import TENANT, Scene

Notice = Literal["holds", "caught", "missed"]

# What an auditor has. Each is more than the one before it: the log alone, the key and the log's
# newest checkpoint as well, and a checkpoint that he kept himself.
COLUMNS = ("chain", "checkpoint", "kept")


class Forged(Struct, frozen=True, kw_only=True):
    """What the auditor gets to see, and `kept`: the checkpoint that he has from earlier.

    `note` is the newest checkpoint that the log can be shown with.
    """

    bodies: Sequence[bytes]
    note: str
    kept: str


# What an attacker does to the scene.
Forge = Callable[[Scene], Forged]


class Attack(Struct, frozen=True, kw_only=True):
    """One attack, and the first of `COLUMNS` that is expected to notice, empty for none of them.

    `why` says of a miss what it means, and is empty where nobody misses it.
    """

    name: str
    forge: Forge
    noticed: str
    why: str

    def expected(self, column: str) -> Notice:
        """What an auditor with this and all before it is expected to say."""
        if self.forge is nothing:
            return "holds"
        seen = COLUMNS[COLUMNS.index(self.noticed) :] if self.noticed else ()
        return "caught" if column in seen else "missed"


# Filled below, in the order of the table.
ATTACKS: list[Attack] = []


def attack(name: str, *, noticed: str = "", why: str = "") -> Callable[[Forge], Forge]:
    """Enter what an attacker does into the table."""

    def enter(forge: Forge) -> Forge:
        ATTACKS.append(Attack(name=name, forge=forge, noticed=noticed, why=why))
        return forge

    return enter


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


def shown(scene: Scene, bodies: Sequence[bytes]) -> Forged:
    """A log with the newest real checkpoint that it agrees with, or else the newest there is."""
    for sitting in (scene.night, scene.evening, scene.morning):
        head, _ = read(sitting.note)
        if head.size <= len(bodies) and tree_of(bodies[: head.size]).root() == head.root:
            return Forged(bodies=bodies, note=sitting.note, kept=scene.night.note)
    return Forged(bodies=bodies, note=scene.night.note, kept=scene.night.note)


def positions(bodies: Sequence[bytes], session_id: str) -> list[int]:
    """Where the events of a session stand."""
    return [at for at, body in enumerate(bodies) if unseal(body).session_id == session_id]


def edited(body: bytes) -> bytes:
    """The same event, said to be somebody else's."""
    event = msgspec.structs.replace(unseal(body), user_id="mallory")
    return restore(msgspec.json.encode(event), 0).body


def with_edited(bodies: Sequence[bytes], position: int) -> list[bytes]:
    """The log with one event edited."""
    return [edited(body) if at == position else body for at, body in enumerate(bodies)]


def rechained(bodies: Sequence[bytes]) -> list[bytes]:
    """The events with seq and links taken anew, session by session: no chain can object."""
    heads: dict[str, tuple[int, bytes]] = {}
    found = []
    for position, body in enumerate(bodies):
        event = unseal(body)
        seq, head = heads.get(event.session_id, (-1, b""))
        bare = msgspec.structs.replace(event, seq=seq + 1, prev_hash=UNSET)
        row = seal(bare, position, head)
        heads[event.session_id] = (seq + 1, row.hash)
        found.append(row.body)
    return found


def without(bodies: Sequence[bytes], gone: Sequence[int]) -> list[bytes]:
    """The log without some positions."""
    return [body for at, body in enumerate(bodies) if at not in gone]


def swapped(bodies: Sequence[bytes], one: int, other: int) -> list[bytes]:
    """The log with two events in each other's place."""
    found = list(bodies)
    found[one], found[other] = found[other], found[one]
    return found


def rewritten(scene: Scene) -> list[bytes]:
    """Every event made somebody else's, and all chains anew."""
    return rechained([edited(body) for body in scene.night.bodies])


# ── what each of them leaves ─────────────────────────────────────────────────────────────────────


@attack("nothing was done")
def nothing(scene: Scene) -> Forged:
    """An honest operator; whoever calls this caught is of no use."""
    return shown(scene, scene.night.bodies)


@attack("edit one stored event", noticed="chain")
def edit_one(scene: Scene) -> Forged:
    """An event with others of its session behind it."""
    return shown(scene, with_edited(scene.night.bodies, positions(scene.night.bodies, "bob")[1]))


@attack(
    "edit the newest event of a session",
    noticed="checkpoint",
    why="No event continues the last one of a session, so its chain cannot object.",
)
def edit_newest(scene: Scene) -> Forged:
    """The last event of a session: no other continues it."""
    return shown(scene, with_edited(scene.night.bodies, positions(scene.night.bodies, "bob")[-1]))


@attack("remove an event in the middle", noticed="chain")
def remove_in_the_middle(scene: Scene) -> Forged:
    """An event with others of its session on both sides."""
    return shown(scene, without(scene.night.bodies, positions(scene.night.bodies, "bob")[1:2]))


@attack("reorder events of one session", noticed="chain")
def reorder_one_session(scene: Scene) -> Forged:
    """Two events of one session."""
    one, other = positions(scene.night.bodies, "bob")[1:3]
    return shown(scene, swapped(scene.night.bodies, one, other))


@attack(
    "reorder events of two sessions",
    noticed="checkpoint",
    why="A chain per session does not hold sessions against each other; the tree does.",
)
def reorder_two_sessions(scene: Scene) -> Forged:
    """Two events of different sessions: who came first is in no chain of theirs."""
    ann, bob = (positions(scene.night.bodies, name)[0] for name in ("ann", "bob"))
    return shown(scene, swapped(scene.night.bodies, ann, bob))


@attack("truncate a session's tail", noticed="checkpoint", why="A shorter chain is a good chain.")
def truncate_a_session(scene: Scene) -> Forged:
    """The last call of a session and its decision."""
    return shown(scene, without(scene.night.bodies, positions(scene.night.bodies, "bob")[-2:]))


@attack("delete a whole session", noticed="checkpoint", why="No other chain names it.")
def delete_a_session(scene: Scene) -> Forged:
    """Every event of it."""
    return shown(scene, without(scene.night.bodies, positions(scene.night.bodies, "bob")))


@attack(
    "rewrite everything and re-chain",
    noticed="checkpoint",
    why="Hashes need no secret: whoever has the events can chain others.",
)
def rewrite(scene: Scene) -> Forged:
    """A whole other history, without the key."""
    return shown(scene, rewritten(scene))


@attack(
    "re-sign a rewritten log with another key",
    noticed="checkpoint",
    why="Without the key nobody looks at the signature.",
)
def sign_with_another_key(scene: Scene) -> Forged:
    """A whole other history under the log's name, and a key that was made for it."""
    bodies = rewritten(scene)
    forger = Keyring(scene.keys.log_name, [SigningKey(seed=b"\1" * 32)])
    return Forged(bodies=bodies, note=signed(forger, TENANT, bodies), kept=scene.night.note)


@attack(
    "roll back to an old backup",
    noticed="kept",
    why="The old backup was a good log, and its checkpoint is real. The daemon itself refuses "
    "to start on it while the newest checkpoint lies outside the database.",
)
def roll_back(scene: Scene) -> Forged:
    """The backup of the morning, with the checkpoint that was in it."""
    return shown(scene, scene.morning.bodies)


@attack(
    "cut what came after the newest kept checkpoint",
    why="The window: nothing after the newest checkpoint that somebody else holds is "
    "protected. Fetch checkpoints often, and keep them where the operator cannot write.",
)
def cut_what_nobody_holds(scene: Scene) -> Forged:
    """The same, while nobody has seen a checkpoint since."""
    return msgspec.structs.replace(shown(scene, scene.morning.bodies), kept=scene.morning.note)


@attack(
    "equivocation, auditors do not compare",
    why="Each history is whole and signed. It takes a witness, or auditors who talk.",
)
def equivocate_unseen(scene: Scene) -> Forged:
    """The operator shows this auditor a history of his own, from the first day on."""
    bodies = rewritten(scene)
    kept = signed(scene.keys, TENANT, bodies[: len(scene.morning.bodies)])
    return Forged(bodies=bodies, note=signed(scene.keys, TENANT, bodies), kept=kept)


@attack(
    "equivocation, auditors compare checkpoints",
    noticed="kept",
    why="Only another reader's checkpoint shows that there are two histories.",
)
def equivocate_compared(scene: Scene) -> Forged:
    """The same, and the auditor asks another one for the checkpoint that he was shown."""
    return msgspec.structs.replace(equivocate_unseen(scene), kept=scene.evening.note)


@attack(
    "re-sign a rewritten log with a stolen key",
    noticed="kept",
    why="A signature says who had the key, not who should have.",
)
def sign_with_a_stolen_key(scene: Scene) -> Forged:
    """A whole other history, signed as if it were the log's."""
    bodies = rewritten(scene)
    note = signed(scene.keys, TENANT, bodies)
    return Forged(bodies=bodies, note=note, kept=scene.morning.note)


@attack(
    "back-date an event",
    why="The time in an event is its sender's claim. Its position shows that it came after "
    "the kept checkpoint, and no verdict rests on that; a time stamp of a third party "
    "will.",
)
def back_date(scene: Scene) -> Forged:
    """An event of tonight that says it is years old, recorded by the gate as it was sent."""
    return msgspec.structs.replace(nothing(scene), kept=scene.evening.note)


@attack(
    "never append the event",
    why="What went around the gate is in no log. The tool must refuse what nobody decided.",
)
def never_append(scene: Scene) -> Forged:
    """An agent that runs its tool without asking: the file is there, and the log is as it was."""
    (scene.path.parent / "written-without-asking").write_bytes(b"")
    return nothing(scene)


@attack(
    "append false content",
    why="The log shows what was said, when, and that it stayed so; not that it was true.",
)
def false_content(scene: Scene) -> Forged:
    """An agent that says its transfer was made; the gate recorded the words as they came."""
    return nothing(scene)
