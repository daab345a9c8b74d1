"""`floorwatch run`: the command line of the one-machine service.

Owns: the options, the refusals before anything runs (wrong usage 2, cannot start 1, each one sentence), and the
simulated centre beside it. Never serves anything itself: see streams.service.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.alertmanager import Address
from engine.errors import InvalidSetting
from engine.policy import Policy
from engine.times import DAY_US
from streams.connectors.connections import Connection, read_connections
from streams.embedded import Embedded
from streams.figures import live_settings
from streams.history.importing import store_url
from streams.history.store import Store as HistoryStore
from streams.history.store import StoreError as HistoryError
from streams.intake import Pseudonyms
from streams.journal import Journal, JournalError
from streams.negative import NegativeWords
from streams.options import Duration, Words
from streams.policy.files import Bundle
from streams.policy.reading import default_policy
from streams.policy.watching import PolicyFile
from streams.screens import read_screens
from streams.service import Screens, serve
from streams.settings import ServiceSettings, SettingsError, limits_of, read_token
from streams.tokens import read_tokens

if TYPE_CHECKING:
    from alerts.stage import Stage

__all__ = ["run"]

DEFAULT_DATA = Path("data/floorwatch")
JOURNAL = "journal.sqlite"
HISTORY = "history.sqlite"
DEFAULT_ZONE = "Asia/Shanghai"
TOKEN_VARIABLE = "FLOORWATCH_TOKEN"  # noqa: S105 - the name of the variable, not a token.
SIMULATED_PAST = "1h"


class CannotStart(Exception):
    """The service cannot start or go on; the message is one sentence for the operator."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one.")
@click.option("--data", type=click.Path(path_type=Path), help=f"Folder of the state.  [default: {DEFAULT_DATA}]")
@click.option("--zone", default=DEFAULT_ZONE, show_default=True, help="Time zone of days and of the wall's clock.")
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the policy.  [default: see floorwatch policy default]",
)
@click.option(
    "--negative-words", "words", type=Words(), help="File of words that make a message negative.  [default: ours]"
)
@click.option(
    "--wall",
    "wall_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the walls' layouts, for addresses such as /?screen=floor-1.",
)
@click.option(
    "--connect",
    "connect_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the systems that are connected, see floorwatch connect list.",
)
@click.option(
    "--alerts",
    "alerts_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that says who is told of alerts; the word default for ours.",
)
@click.option(
    "--alerts-store",
    envvar="FLOORWATCH_ALERTS_STORE",
    help="URL of the alerts' database, such as postgresql+pg8000://…  [default: a file in --data]",
)
@click.option(
    "--keep-alerts",
    default="31d",
    show_default=True,
    type=Duration(),
    help="How long ended alerts are kept with their stories.",
)
@click.option(
    "--history",
    envvar="FLOORWATCH_HISTORY",
    help="Keep closed intervals: the word default for a file in --data, or a URL such as postgresql+pg8000://…",
)
@click.option(
    "--token-file", type=click.Path(path_type=Path), help=f"File with the access token; or set {TOKEN_VARIABLE}."
)
@click.option(
    "--tokens",
    "tokens_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of tokens of people and walls, as floorwatch token create writes it.",
)
@click.option(
    "--tls-cert", type=click.Path(path_type=Path), help="PEM file of the certificate and those above it: speak TLS."
)
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM file of its key, without a password.")
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=NUMBER", help="Another limit than usual; the README lists them."
)
@click.option(
    "--disorder", default="500ms", show_default=True, type=Duration(), help="How far events may be out of order."
)
@click.option("--snapshot-every", default="30s", show_default=True, type=Duration(), help="How often state is saved.")
@click.option("--agent-series", is_flag=True, help="Also export metrics of single people; their names become labels.")
@click.option(
    "--alertmanager", "alertmanager_url", help="Address of an Alertmanager that is told of alerts, as http://host:9093."
)
@click.option("--simulate", is_flag=True, help="Add a live simulated centre; without --data it leaves nothing behind.")
def run(
    host: str,
    port: int,
    data: Path | None,
    zone: str,
    policy_path: Path | None,
    words: NegativeWords | None,
    wall_path: Path | None,
    connect_path: Path | None,
    alerts_path: Path | None,
    alerts_store: str | None,
    keep_alerts: int,
    history: str | None,
    token_file: Path | None,
    tokens_path: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    limits: tuple[str, ...],
    disorder: int,
    snapshot_every: int,
    agent_series: bool,
    alertmanager_url: str | None,
    simulate: bool,
) -> None:
    """Run the whole monitor on this machine: intake, engine, wall and metrics in one process."""
    with contextlib.ExitStack() as leaving:
        if data is None:
            data = Path(leaving.enter_context(_scratch_folder())) if simulate else DEFAULT_DATA
        try:
            token = read_token(token_file) if token_file else os.environ.get(TOKEN_VARIABLE) or None
            if tokens_path:
                read_tokens(tokens_path)
                # The simulated centre sends as an administrator, for as long as it lives.
                token = token or (secrets.token_urlsafe(32) if simulate else None)
            if simulate and (tls_cert or tls_key):
                raise SettingsError("The simulated centre speaks no TLS; leave --simulate out, or the files of TLS.")
            told = {"disorder_bound_us": disorder, "near_us": disorder // 2, "snapshot_interval_us": snapshot_every}
            settings = ServiceSettings(
                data=data,
                host=host,
                port=port,
                zone=zone,
                token=token,
                tokens=tokens_path,
                tls_cert=tls_cert,
                tls_key=tls_key,
                agent_series=agent_series,
                alertmanager=_address(alertmanager_url),
                **{**told, **limits_of(limits)},
            )
            screens = _screens(wall_path)
            connections = _connections(connect_path)
        except SettingsError as error:
            raise click.UsageError(str(error)) from None
        try:
            stage = _stage(alerts_path, alerts_store, settings, keep_alerts)
            kept = _kept(history, settings)
            alerts_file = None if str(alerts_path) == "default" else alerts_path
            code = _serve(
                settings, PolicyFile(policy_path), words, screens, simulate, stage, kept, connections, alerts_file
            )
        except SettingsError as error:
            raise click.UsageError(str(error)) from None
        except (CannotStart, JournalError) as error:
            raise click.ClickException(str(error)) from None
    sys.exit(code)


def _address(url: str | None) -> str:
    try:
        return Address(url).url if url else ""
    except ValueError as error:
        raise SettingsError(f"{error}.") from None


def _screens(path: Path | None) -> Screens:
    try:
        return read_screens(path) if path else {}
    except InvalidSetting as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"The layout file {path} cannot be read: {error.strerror}.") from None


def _connections(path: Path | None) -> tuple[Connection, ...]:
    try:
        return read_connections(path, os.environ) if path else ()
    except InvalidSetting as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"The file of connectors {path} cannot be read: {error.strerror}.") from None


def _stage(path: Path | None, url: str | None, settings: ServiceSettings, kept_us: int) -> Stage | None:
    """Who is told of alarms, None when no file says so."""
    if path is None:
        return None
    if kept_us < DAY_US:
        raise SettingsError(
            "Ended alerts must be kept for a day at least, to know those that come back; give --keep-alerts 1d or more."
        )
    # As long to import as all the rest: not for who tells nobody.
    from alerts.reading import default_plan, read_plan
    from alerts.stage import Stage
    from alerts.store import Store, StoreError

    plan = default_plan() if str(path) == "default" else read_plan(path)
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Stage(plan, Store(url or f"sqlite:///{settings.data / 'alerts.sqlite'}", kept_us=kept_us))
    except (OSError, StoreError, RuntimeError, ImportError) as error:
        told = getattr(error, "orig", None) or error
        raise CannotStart(
            f"The alerts' store cannot be used: {type(told).__name__}; check its URL and rights."
        ) from None


def _kept(text: str | None, settings: ServiceSettings) -> HistoryStore | None:
    """The interval history, None where none is kept."""
    if text is None:
        return None
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return HistoryStore(store_url(str(settings.data / HISTORY) if text == "default" else text, must_exist=False))
    except (OSError, HistoryError, RuntimeError, InvalidSetting) as error:
        told = getattr(error, "orig", None) or error
        raise CannotStart(
            f"The interval history cannot be used: {type(told).__name__}; check its URL and rights."
        ) from None


def _serve(
    settings: ServiceSettings,
    policy_file: PolicyFile,
    words: NegativeWords | None,
    screens: Screens,
    simulate: bool,
    stage: Stage | None,
    kept: HistoryStore | None,
    connections: tuple[Connection, ...],
    alerts_path: Path | None,
) -> int:
    bundle, policy = _offered(policy_file, settings)
    listener = _listen(settings.host, settings.port)
    with contextlib.closing(listener):
        pseudonyms, journal = _open_data(settings, words)
        if bundle is None and journal.policy_at(journal.sequence) is None:
            journal.close()
            policy_file.read()  # Raises again: there is no other policy to go on with.
        if simulate and journal.sequence:
            journal.close()
            raise CannotStart(
                f"The folder {settings.data} already holds events; a simulated centre would mix with them. "
                "Leave --data out, or name a new folder."
            )

        def companion(address: str) -> contextlib.AbstractContextManager[None]:
            return _simulated_centre(address, settings) if simulate else contextlib.nullcontext()

        engine_settings = live_settings(policy, settings.disorder_bound_us)
        return _run_loop(
            serve(
                settings,
                listener,
                partial(Embedded, journal, settings, engine_settings, bundle=bundle),
                pseudonyms,
                companion,
                policy_file,
                bundle,
                screens,
                stage,
                kept,
                connections,
                alerts_path,
            )
        )


def _offered(policy_file: PolicyFile, settings: ServiceSettings) -> tuple[Bundle | None, Policy]:
    """What the file says; None where it is refused and there may be a journal with the policy of before to go on with."""
    try:
        return policy_file.read()
    except (InvalidSetting, OSError):
        if not (settings.data / JOURNAL).exists():
            raise
        return None, default_policy()


def _run_loop(main: Coroutine[Any, Any, int]) -> int:
    try:
        import uvloop
    except ImportError:  # Not on every platform.
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _listen(host: str, port: int) -> socket.socket:
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2_048)
        listener.setblocking(False)
        return listener
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {port} on {host} is in use; stop what uses it or choose another with --port."
            ) from None
        raise CannotStart(f"Cannot listen on {host} port {port}: {error.strerror or error}.") from None


def _open_data(settings: ServiceSettings, words: NegativeWords | None) -> tuple[Pseudonyms, Journal]:
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        pseudonyms = Pseudonyms.kept_in(settings.data / "pseudonym.key", words)
        return pseudonyms, Journal(settings.data / JOURNAL, rejects_kept_max=settings.rejects_kept_max)
    except OSError as error:
        raise CannotStart(f"The data folder {settings.data} cannot be used: {error.strerror}.") from None
    except ValueError:
        raise CannotStart(
            f"The key {settings.data / 'pseudonym.key'} is damaged; put a backup in its place "
            "(without it known customers cannot be recognised)."
        ) from None


@contextlib.contextmanager
def _scratch_folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="floorwatch-", ignore_cleanup_errors=True) as folder:
        yield folder


@contextlib.contextmanager
def _simulated_centre(address: str, settings: ServiceSettings) -> Iterator[None]:
    """The simulated centre as a child process, ended with the service."""
    command = [sys.executable, "-m", "streams", "simulate", "--live", "--prefill", SIMULATED_PAST]
    command += ["--zone", settings.zone, "--to", address]
    environment = os.environ | ({TOKEN_VARIABLE: settings.token} if settings.token else {})
    child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603 - our own command.
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
