"""Bad days that come through the door: retries, races, floods, and the order to stop."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from aegisd.child import NotStarted
from aegisd.store.dsn import open_reader
from drills.daemon import CREATED, Daemon, proposal
from drills.faults.acknowledged import Acknowledged
from drills.faults.interposer import Orders, disk
from drills.faults.load import Load, acknowledge
from drills.faults.outcome import Tally, fault

CONFLICT = HTTPStatus.CONFLICT
UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY
UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE

# Connections that send the same request, and that name the same seq.
RETRYING, RACING = 8, 64

# The exit code of a daemon that cannot have its log.
EXIT_NOT_NOW = 75

# Seconds within which a daemon under load must have ended after SIGTERM.
DRAIN_S = 10

# A slow disk: every sync takes so many microseconds longer.
SLOW_US = 200_000

# Connections and events per request of a flood: four times what the queue holds.
FLOOD, FLOOD_EVENTS = 128, 256

# Bytes by which a daemon's memory may grow under a flood: the queue and what it decides of it.
GROWTH_BYTES_MAX = 600 << 20

# MiB that a daemon may hold more in the second half of a soak than in the first, on average: the
# caches of SQLite's connections and of 1,000 sessions fill up, and no more.
SLOPE_MIB_MAX = 48


def _together(count: int, work: Callable[[int], None]) -> None:
    """Do something on so many threads at the same moment."""
    start = threading.Barrier(count)

    def run(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(run, range(count)))


@fault("retry storm", attempts=1000, quick=200)
def retries(attempts: int, tally: Tally) -> None:
    """One request, one key, 8 connections; then another body under the key."""
    bodies: list[tuple[int, str]] = []
    heard = Acknowledged()
    with TemporaryDirectory(prefix="aegis-retries-") as name, Daemon(Path(name)) as daemon:

        def ask(number: int) -> None:
            client = daemon.connect()
            for _ in range(number, attempts, RETRYING):
                status, answer = client.request(
                    "POST", "/v1/events", proposal("s"), Idempotency_Key="k"
                )
                # A receipt brings the newest checkpoint, which grows meanwhile.
                answer.pop("checkpoint", None)
                bodies.append((status, str(answer)))
                if status == CREATED:
                    acknowledge(heard, answer)
                tally.attempt()

        _together(RETRYING, ask)
        other = proposal("s", user_id="somebody else")
        status, _ = daemon.connect().request("POST", "/v1/events", other, Idempotency_Key="k")
        with closing(open_reader(str(daemon.database))) as reader:
            count = len(list(reader.session_events("acme", "s")))
        tally.hold(daemon.database, heard)
    tally.require(f"{len(set(bodies))} different answers", holds=len(set(bodies)) == 1)
    tally.require(f"answered {bodies[0][0]}", holds=bodies[0][0] == CREATED)
    tally.require(f"another body was answered {status}", holds=status == UNPROCESSABLE)
    tally.require(f"{count} rows, expected 2", holds=count == 2)  # noqa: PLR2004 - call and decision


@fault("64 writers, one seq", attempts=50, quick=2)
def one_seq(attempts: int, tally: Tally) -> None:
    """64 connections name the same seq at once: one 201, 63 times 409."""
    heard = Acknowledged()
    with TemporaryDirectory(prefix="aegis-race-") as name, Daemon(Path(name)) as daemon:
        clients = [daemon.connect() for _ in range(RACING)]
        clients[0].request("POST", "/v1/events", proposal("s"))
        for turn in range(attempts):
            seq = 2 * (turn + 1)
            told: list[tuple[int, object]] = []

            def ask(number: int, seq: int = seq, told: list[tuple[int, object]] = told) -> None:
                event = proposal("s", seq=seq)
                status, answer = clients[number].request("POST", "/v1/events", event)
                told.append((status, answer["head"]))
                if status == CREATED:
                    acknowledge(heard, answer)

            _together(RACING, ask)
            statuses = Counter(status for status, _ in told)
            fair = statuses == {CREATED: 1, CONFLICT: RACING - 1}
            tally.require(f"answers {dict(statuses)}", holds=fair)
            heads = {str(head) for _, head in told}
            tally.require(f"{len(heads)} heads were shown", holds=len(heads) == 1)
            tally.attempt()
        tally.hold(daemon.database, heard)


@fault("two daemons, one file", attempts=20, quick=1)
def two_daemons(attempts: int, tally: Tally) -> None:
    """A second daemon started while the first is under load: refused, exit 75."""
    with TemporaryDirectory(prefix="aegis-two-") as name, Daemon(Path(name)) as first:
        load = Load(first, 4)
        for _ in range(attempts):
            try:
                Daemon(Path(name)).kill()
            except NotStarted as error:
                refused = error.code == EXIT_NOT_NOW and str(first.pid) in str(error)
                tally.require(f"was refused otherwise: {error}", holds=refused)
            else:
                tally.require("a second daemon started on the same file", holds=False)
            tally.attempt()
        load.stop()
        tally.require(f"the first refused {load.refusals[:1]}", holds=not load.refusals)
        tally.hold(first.database, load.heard)


@fault("SIGTERM under load", attempts=20, quick=1)
def stopped(attempts: int, tally: Tally) -> None:
    """Answered or refused, exit 0 within 10 s."""
    with TemporaryDirectory(prefix="aegis-term-") as name:
        heard = Acknowledged()
        for number in range(attempts):
            daemon = Daemon(Path(name))
            load = Load(daemon, 8, heard=heard)
            time.sleep(0.2 + 0.01 * (number % 10))
            started = time.monotonic()
            code = daemon.stop()
            took = time.monotonic() - started
            load.join()
            tally.require(f"exit code {code}", holds=code == 0)
            tally.require(f"took {took:.0f} s to end", holds=took < DRAIN_S)
            odd = {refusal for refusal in load.refusals if refusal[0] != UNAVAILABLE}
            tally.require(f"refused with {odd}", holds=not odd)
            tally.attempt()
        with Daemon(Path(name)) as daemon:
            tally.hold(daemon.database, heard)


@fault("flood on a slow disk", attempts=400, quick=130)
def flood(attempts: int, tally: Tally) -> None:
    """128 connections, 256 events a request, 200 ms a sync: 201 or 503 queue_full."""
    answers: Counter[tuple[int, object]] = Counter()
    times: list[float] = []
    heard = Acknowledged()
    with disk() as between, Daemon(between.folder, settings=between.environment) as daemon:
        daemon.connect().request("POST", "/v1/events", proposal("probe"))
        before = resident_bytes(daemon)
        between.order(Orders(delay_us=SLOW_US))
        turns = iter(range(attempts))

        def ask(number: int) -> None:
            client = daemon.connect()
            event = proposal(f"s{number}", event_type="USER_MESSAGE", payload={"content": "x" * 40})
            # One lock less: the interpreter steps an iterator over a range in one go.
            for _ in turns:
                started = time.monotonic()
                status, answer = client.request("POST", "/v1/events", [event] * FLOOD_EVENTS)
                if status == CREATED:
                    times.append(time.monotonic() - started)
                    acknowledge(heard, answer)
                answers[status, None if status == CREATED else answer["code"]] += 1
                tally.attempt()

        _together(FLOOD, ask)
        grown = resident_bytes(daemon) - before
        between.order(Orders())
        status, _ = daemon.connect().request("POST", "/v1/events", proposal("probe"))
        tally.require(f"answers {status} afterwards", holds=status == CREATED)
        tally.hold(daemon.database, heard)
    odd = {each for each in answers if each not in ((CREATED, None), (UNAVAILABLE, "queue_full"))}
    tally.require(f"answers other than 201 and 503 queue_full: {odd}", holds=not odd)
    tally.require(f"memory grew by {grown >> 20} MiB", holds=grown < GROWTH_BYTES_MAX)
    tally.note("refused as queue_full", answers[UNAVAILABLE, "queue_full"])
    tally.note("MiB more memory", grown >> 20)
    if times:
        tally.note("ms p99 of those taken", round(1000 * sorted(times)[len(times) * 99 // 100]))


def resident_bytes(daemon: Daemon) -> int:
    """Memory of the daemon's process now, in bytes."""
    pages = Path(f"/proc/{daemon.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def soak(seconds: float, tally: Tally) -> None:
    """A daemon under steady load over many sessions; its memory and its write-ahead log stay."""
    with TemporaryDirectory(prefix="aegis-soak-") as name, Daemon(Path(name)) as daemon:
        turn = iter(range(1 << 62))
        load = Load(daemon, 8, lambda number: f"soak-{number}-{next(turn) % 1000}")
        sizes: list[int] = []
        wal = 0
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            time.sleep(min(1.0, seconds / 20))
            sizes.append(resident_bytes(daemon))
            wal = max(wal, Path(f"{daemon.database}-wal").stat().st_size)
            tally.attempt()
        load.stop()
        tally.hold(daemon.database, load.heard)
    tally.require(f"refused {load.refusals[:1]}", holds=not load.refusals)
    half = len(sizes) // 2
    grown = sum(sizes[half:]) / max(1, len(sizes) - half) - sum(sizes[:half]) / max(1, half)
    slope = round(grown) >> 20
    tally.require(f"memory grows: {slope} MiB in the second half", holds=slope < SLOPE_MIB_MAX)
    tally.note("MiB more memory in the second half", max(0, slope))
    tally.note("MiB of write-ahead log at most", wal >> 20)
