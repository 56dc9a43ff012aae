"""The composition root: reads settings once, builds every object, serves, and stops in order."""

import asyncio
import datetime as dt
import errno
import gc
import logging
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import click
import msgspec
import uvloop

from aegisd import __version__, compose, config
from aegisd.core.activation import Activation
from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import AegisError, ConfigInvalid, NotNow
from aegisd.door import example
from aegisd.engine.checkpoints import Signing
from aegisd.engine.clock import SystemClock
from aegisd.engine.engine import Engine, Start
from aegisd.http.app import app
from aegisd.http.request_log import RequestLog
from aegisd.http.server import Server
from aegisd.ports import EventStore
from aegisd.printable import shown
from aegisd.rego.installation import installation
from aegisd.rego.judge import RegoJudge
from aegisd.store.dsn import open_store, without_password

# Seconds a thread may keep the interpreter from the others. The evaluator and the store take it
# back after every native call; at Python's default of 5 ms the wait costs more than the call.
SWITCH_SECONDS = 0.0005

# Objects made before the collector looks for cycles. Decisions make none that matter, and the
# resident sessions are many: at Python's default of 700 it would walk young objects all the time.
GARBAGE_OBJECTS = 50_000

# Tenants whose manifest and rules the start names one by one.
TENANTS_SHOWN_MAX = 8

_logger = logging.getLogger("aegisd")

# Lines of the banner that whoever reads only standard error must see.
_WARNED = frozenset({"kept", "denied", "refused"})

EXIT_OK, EXIT_BROKEN, EXIT_NOT_NOW, EXIT_CONFIG = 0, 70, 75, 78


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: aegisd --manifest manifests/quickstart.json",
)
@click.option("--config", "file", type=click.Path(path_type=Path), help="YAML file of settings.")
@click.option("--addr", help=f"HOST:PORT to listen on.  [default: {config.ADDRESS_DEFAULT}]")
@click.option(
    "--dsn",
    help=f"The log: a path, sqlite:///path, file:, postgresql://.  [default: {config.DSN_DEFAULT}]",
)
@click.option("--manifest", help="Capability manifest (JSON) in force for every tenant.")
@click.option("--policy", help="Folder of Rego rules (package aegis.rules) in force.")
@click.option(
    "--policy-engine", help="Rego engine: auto, regorus (native, fast) or regopy.  [default: auto]"
)
@click.option("--trust-mode", help="dev; prod waits for signed manifests.  [default: dev]")
@click.option("--signing-key", help="Key file for checkpoints.  [default: beside the log]")
@click.option("--snapshot-key", help="Key file of cached folds.  [default: beside the signing key]")
@click.option(
    "--checkpoints-path", help="Folder of the newest checkpoints.  [default: beside the log]"
)
@click.option(
    "--accept-rollback",
    is_flag=True,
    help="Start once on a log older than what it signed; recorded in it.",
)
@click.option("--log-level", help="debug, info, warning or error.  [default: warning]")
@click.option(
    "--log-requests",
    is_flag=True,
    default=None,
    help="Write a line on standard error for each request.",
)
@click.option("--print-config", is_flag=True, help="Print the settings in force and exit.")
@click.version_option(__version__, prog_name="aegisd")
def main(
    file: Path | None, *, print_config: bool, accept_rollback: bool, **flags: str | bool | None
) -> None:
    """Run the gate between agents and their tools.

    Every tool call an agent proposes is decided here and recorded before it runs. Without any
    setting: a SQLite log in this folder, on loopback. Settings come from flags, then AEGIS_*
    variables, then the file.
    """
    if not __debug__:
        _refuse("python -O removes checks this program relies on; run it without -O")
    try:
        settings = config.read(flags, os.environ, file)
        if print_config:
            shown = msgspec.structs.replace(settings, dsn=without_password(settings.dsn))
            click.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())
            return
        _log(settings.log_level)
        code = uvloop.run(_run(settings, accept_rollback=accept_rollback))
    except AegisError as error:
        _refuse(error.message, EXIT_NOT_NOW if isinstance(error, NotNow) else EXIT_CONFIG)
    sys.stdout.flush()
    # A thread that waits for a database that is gone would keep the interpreter alive.
    os._exit(code)


async def _run(settings: config.Settings, *, accept_rollback: bool) -> int:
    """Serve until a signal or a fatal error; return the exit code."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(GARBAGE_OBJECTS)
    address = settings.address()
    if settings.policy == "":
        # Which is not this folder, and most often a variable that nobody set.
        raise ConfigInvalid("policy: named and empty; leave it out for the base rules alone")
    files = None if settings.policy is None else compose.read_policy(settings.policy)
    manifest = None if settings.manifest is None else compose.read_manifest(settings.manifest)
    installed = installation(settings.policy_engine)
    listener = _listen(address)
    store = open_store(settings.dsn)
    judge = installed.judge(store.document)
    try:
        configured = compose.configured(judge, manifest, files)
        fatal: list[str] = []
        server = Server()

        def end(reason: str) -> None:
            fatal.append(reason)
            server.should_exit = True

        signing = _signing(settings, store)
        engine = compose.engine(
            store,
            judge,
            configured,
            on_fatal=end,
            signing=signing,
            snapshot_key=compose.snapshot_key(
                settings.dsn, settings.snapshot_key, settings.signing_key
            ),
        )
        served = app(engine)
        server.answers(RequestLog(served) if settings.log_requests else served)
        started = await engine.start(accept_rollback=accept_rollback, keep_registered=True)
        serving = asyncio.create_task(_serve(server, listener))
        listening = asyncio.ensure_future(server.listening.wait())
        await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        in_force = [line async for line in _in_force(engine, judge)]
        _announce(listener, settings, judge.evaluator(), manifest, signing, started, in_force)
        _logger.info("listening on %s:%s", *listener.getsockname()[:2])
        for told in _rules(started):
            what, _, said = told.strip().partition(" ")
            level = logging.WARNING if what in _WARNED else logging.INFO
            _logger.log(level, "%s: %s", what, said.strip())
        await serving
        await engine.stop()
        _logger.info("stopped")
    finally:
        judge.close()
        _close(store)
    for reason in fatal:
        click.echo(f"aegisd: stopped: {reason}", err=True)
    return EXIT_BROKEN if fatal else EXIT_OK


def _signing(settings: config.Settings, store: EventStore) -> Signing:
    program = settings.signing_command
    return compose.signing(
        settings.dsn,
        store,
        key=settings.signing_key,
        program=None if program is None else (program, settings.signing_public_key or ""),
        guard=settings.checkpoints_path,
        interval_ms=settings.checkpoints_interval_ms,
        events=settings.checkpoints_events,
    )


async def _serve(server: Server, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    loop.add_signal_handler(signal.SIGTERM, stop)
    # A shell without job control starts what runs in the background with SIGINT ignored: an
    # interrupt is meant for what is in front.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGINT, stop)
    # A terminal that goes takes along what it shows; elsewhere a hang-up means "read it again".
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stop if sys.stderr.isatty() else _say_no)
    await server.serve(sockets=[listener])


def _say_no() -> None:
    _logger.warning(
        "SIGHUP: nothing is read again; put a manifest or rules in force with `aegisctl manifest "
        "register` or `aegisctl policy activate`, and start again for another setting"
    )


def _log(level: str) -> None:
    """Lines on standard error, each with its time in UTC."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        logging.Formatter(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
    )
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(handlers=[handler], level=level.upper())
    # It tells of its own objects what the store tells in words.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def _listen(address: config.Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        refused = NotNow if error.errno == errno.EADDRINUSE else ConfigInvalid
        raise refused(
            f"addr: cannot listen on {address.host}:{address.port}: {error.strerror}"
        ) from None
    return listener


def _announce(
    listener: socket.socket,
    settings: config.Settings,
    evaluator: tuple[str, str],
    manifest: Capabilities | None,
    signing: Signing,
    started: Start,
    in_force: Sequence[str],
) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    engine = f"{evaluator[0]} {evaluator[1]} (policy.engine: {settings.policy_engine})"
    rules = _judging(settings, started)
    governed = (
        "none named: where a tenant has registered none, all is denied PERMISSION_UNDECLARED"
        if manifest is None
        else f"{settings.manifest} ({manifest.manifest.name} {manifest.manifest.version})"
    )
    log = without_password(settings.dsn)
    lines = [
        f"aegisd {__version__} listening on {url}",
        f"  log       {log} ({_held(settings.dsn, started.tenants)})",
        f"  policy    {rules}, judged by {engine}",
        f"  manifest  {governed}",
        f"  evidence  checkpoints {_often(signing)}, signed by {_signers(signing)}",
        "  access    no authentication: whoever reaches this port acts as agent and as operator",
    ]
    lines += in_force
    lines += _clock(started)
    lines += _rules(started)
    if settings.address().assumed:
        lines.append("  address   a bare :PORT is read as loopback, 127.0.0.1")
    event = example.event(None if manifest is None else manifest.manifest)
    lines += ["Try it:", f"  curl -s {url}/v1/events -d {shlex.quote(event)}"]
    click.echo("\n".join(lines))
    sys.stdout.flush()


async def _in_force(engine: Engine, judge: RegoJudge) -> AsyncIterator[str]:
    """What the first tenants are governed by, and who put it there."""
    tenants = await engine.reads.tenants()
    for tenant_id in tenants[:TENANTS_SHOWN_MAX]:
        active = (await engine.reads.tenant(tenant_id)).activations
        manifest = "no manifest, so all is denied"
        if active.manifest is not None:
            held = judge.capabilities(active.manifest.digest)
            terms = None if held is None else held.manifest
            named = f"{terms.name} {terms.version}" if terms else "that cannot be read"
            manifest = f"manifest {shown(named)} {_by(active.manifest)}"
        rules = "" if active.bundle is None else f", rules {_by(active.bundle)}"
        yield f"  in force  {tenant_id}: {manifest}{rules}"
    if len(tenants) > TENANTS_SHOWN_MAX:
        more = len(tenants) - TENANTS_SHOWN_MAX
        yield f"  in force  and {_tenants(more)} more: `aegisctl manifest list --tenant ID`"


def _judging(settings: config.Settings, started: Start) -> str:
    """Which rules the start names, and for whom they are not in force all the same."""
    if settings.policy is None:
        return "the base rules"
    others = sum(
        told.startswith(f"tenant {each} keeps policy") for each, told in started.kept.items()
    )
    apart = f" (not for {_tenants(others)} of {started.tenants}, see kept)" if others else ""
    return f"the base rules and {settings.policy}{apart}"


def _by(active: Activation) -> str:
    return f"({active.digest[:8]}, {active.author})"


def _rules(started: Start) -> Iterator[str]:
    """What became of cached folds, of what was in force, and of rules on other base rules."""
    if started.refolded:
        yield (
            f"  folds     {started.refolded} cached under another snapshot.key, or changed: "
            "computed from the log"
        )
    if started.changing:
        yield (
            f"  changed   {_tenants(started.changing)} get the manifest and the policy named here, "
            "each before its next decision; /readyz tells how far it is"
        )
    for told in started.kept.values():
        yield f"  kept      {told}"
    if started.upgraded:
        put = f"{_tenants(len(started.upgraded))} put on the base rules of this build"
        yield f"  upgrade   {put}, with the same operator's files"
    for tenant_id, problem in started.broken.items():
        yield (
            f"  denied    tenant {tenant_id}: its operator's rules do not load on the base rules "
            "of this build, so all is denied POLICY_ERROR until others are activated: "
            f"{problem}"
        )
    for tenant_id in started.newer:
        yield (
            f"  refused   tenant {tenant_id} has the base rules of a newer build, and is answered "
            "503 here"
        )


def _clock(started: Start) -> Iterator[str]:
    """How far the clock is from the newest time in the log."""
    if started.newest_ms and not started.ahead:
        gap = _span(max(0, started.clock_ms - started.newest_ms))
        yield f"  clock     {gap} after the newest time in the log"
    for tenant_id, ahead_ms in started.ahead.items():
        yield (
            f"  clock     tenant {tenant_id}: its log is {_span(ahead_ms)} ahead of the clock, so "
            "what depends on the time is denied until then; put the clock right, or run `aegisctl "
            "clock correct`"
        )


def _span(ms: int) -> str:
    return f"{dt.timedelta(seconds=ms // 1000)}"


def _held(dsn: str, tenants: int) -> str:
    """What the log holds; of one that holds nothing where it is, for it may be the wrong one."""
    if tenants or "://" in dsn:
        return _tenants(tenants)
    return f"no tenants yet, in {Path(dsn).resolve().parent}"


def _tenants(number: int) -> str:
    return f"{number} tenant{'' if number == 1 else 's'}"


def _often(signing: Signing) -> str:
    if not signing.interval_ms:
        return "only when asked for"
    return f"each {signing.interval_ms} ms or {signing.events} events"


def _signers(signing: Signing) -> str:
    keys = signing.signer.keys(SystemClock().now_ms())
    return ", then ".join(map(str, keys))


def _close(store: EventStore) -> None:
    try:
        store.close()
    except AegisError as error:
        click.echo(f"aegisd: {error.message}", err=True)


def _refuse(reason: str, code: int = EXIT_CONFIG) -> NoReturn:
    click.echo(f"aegisd: {reason}", err=True)
    sys.exit(code)
