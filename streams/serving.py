"""What every command that serves the wall has in common: its options, what they come to, and the loop around it.

Owns: the options of readers, alerts and history, and the refusals that follow from them. Never makes an engine, never serves
anything itself: see streams.service.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from alerts.alertmanager import Address
from engine.errors import InvalidSetting
from engine.times import DAY_US
from streams.capacity.events import event_option
from streams.history.importing import store_url
from streams.history.store import Store as HistoryStore
from streams.history.store import StoreError as HistoryError
from streams.options import Duration
from streams.policy.watching import PolicyFile
from streams.reports.letters import Letter, read_letters
from streams.screens import read_screens
from streams.service import Screens
from streams.settings import ServiceSettings, SettingsError, limits_of, read_token
from streams.tokens import read_tokens

if TYPE_CHECKING:
    from alerts.stage import Stage

__all__ = [
    "TOKEN_VARIABLE",
    "CannotStart",
    "Serving",
    "listen",
    "run_loop",
    "serving_options",
    "serving_settings",
    "tls_options",
]

HISTORY = "history.sqlite"
DEFAULT_ZONE = "Asia/Shanghai"
TOKEN_VARIABLE = "FLOORWATCH_TOKEN"  # noqa: S105 - the name of the variable, not a token.
_Command = TypeVar("_Command", bound=Callable[..., Any])


class CannotStart(Exception):
    """The service cannot start or go on; the message is one sentence for the operator."""


_TLS = (
    click.option(
        "--tls-cert", type=click.Path(path_type=Path), help="PEM file of the certificate and those above it: speak TLS."
    ),
    click.option("--tls-key", type=click.Path(path_type=Path), help="PEM file of its key, without a password."),
)
_OPTIONS = (
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token."),
    click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one."),
    click.option("--zone", default=DEFAULT_ZONE, show_default=True, help="Time zone of days and of the wall's clock."),
    click.option(
        "--policy",
        "policy_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File of the policy.  [default: see floorwatch policy default]",
    ),
    click.option(
        "--wall",
        "wall_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File of the walls' layouts, for addresses such as /?screen=floor-1.",
    ),
    click.option(
        "--alerts",
        "alerts_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File that says who is told of alerts; the word default for ours.",
    ),
    click.option(
        "--alerts-store",
        envvar="FLOORWATCH_ALERTS_STORE",
        help="URL of the alerts' database, such as postgresql+pg8000://…  [default: a file in --data]",
    ),
    click.option(
        "--keep-alerts",
        default="31d",
        show_default=True,
        type=Duration(),
        help="How long ended alerts are kept with their stories.",
    ),
    click.option(
        "--history",
        envvar="FLOORWATCH_HISTORY",
        help="Keep closed intervals: the word default for a file in --data, or a URL such as postgresql+pg8000://…",
    ),
    click.option(
        "--report-mail",
        "mail_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File of the reports that go out by e-mail every day, week or month; needs --history.",
    ),
    event_option,
    click.option(
        "--hourly-cost", type=float, default=0.0, help="Of a person; the cost of a gap is then told in /api/v1/now."
    ),
    click.option("--breach-cost", type=float, default=0.0, help="Of a contact that misses its target; likewise."),
    click.option(
        "--token-file", type=click.Path(path_type=Path), help=f"File with the access token; or set {TOKEN_VARIABLE}."
    ),
    click.option(
        "--tokens",
        "tokens_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File of tokens of people and walls, as floorwatch token create writes it.",
    ),
    *_TLS,
    click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=NUMBER",
        help="Another limit than usual; the README lists them.",
    ),
    click.option(
        "--disorder", default="500ms", show_default=True, type=Duration(), help="How far events may be out of order."
    ),
    click.option(
        "--snapshot-every", default="30s", show_default=True, type=Duration(), help="How often state is saved."
    ),
    click.option(
        "--agent-series", is_flag=True, help="Also export metrics of single people; their names become labels."
    ),
    click.option(
        "--alertmanager",
        "alertmanager_url",
        help="Address of an Alertmanager that is told of alerts, as http://host:9093.",
    ),
)


def serving_options(command: _Command) -> _Command:
    """Adds the options that every command has which serves figures."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def tls_options(command: _Command) -> _Command:
    """Adds those of TLS alone, which the others have among them."""
    for option in reversed(_TLS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Serving:
    """What the options come to. `alerts_file` is the file of the alerts' plan, None where that is ours or there is none;
    `letters` are the reports that go out by e-mail."""

    settings: ServiceSettings
    policy_file: PolicyFile
    screens: Screens
    stage: Stage | None
    kept: HistoryStore | None
    alerts_file: Path | None
    letters: tuple[Letter, ...] = ()

    @classmethod
    def of(cls, settings: ServiceSettings, options: Mapping[str, Any]) -> Serving:
        """Raises SettingsError and CannotStart."""
        alerts_path = options["alerts_path"]
        screens = _screens(options["wall_path"])
        letters = _letters(options["mail_path"], options["history"])
        return cls(
            settings,
            PolicyFile(options["policy_path"]),
            screens,
            _stage(alerts_path, options["alerts_store"], settings, options["keep_alerts"]),
            _kept(options["history"], settings),
            None if str(alerts_path) == "default" else alerts_path,
            letters,
        )


def serving_settings(data: Path, options: Mapping[str, Any], *, token: str | None = None) -> ServiceSettings:
    """The service's settings. `token` holds where files of tokens are named and no token is. Raises SettingsError."""
    token_file, tokens_path, disorder = options["token_file"], options["tokens_path"], options["disorder"]
    said = read_token(token_file) if token_file else os.environ.get(TOKEN_VARIABLE) or None
    if options["named"] and options["history"] is None:
        raise SettingsError(
            "Days that --event names tell the forecast something, which is made of the interval history; give --history default."
        )
    if tokens_path:
        read_tokens(tokens_path)
        said = said or token
    told = {
        "disorder_bound_us": disorder, "near_us": disorder // 2, "snapshot_interval_us": options["snapshot_every"],
    }  # fmt: skip
    return ServiceSettings(
        data=data,
        host=options["host"],
        port=options["port"],
        zone=options["zone"],
        token=said,
        tokens=tokens_path,
        tls_cert=options["tls_cert"],
        tls_key=options["tls_key"],
        agent_series=options["agent_series"],
        hourly_cost=options["hourly_cost"],
        breach_cost=options["breach_cost"],
        events=options["named"],
        alertmanager=_address(options["alertmanager_url"]),
        **{**told, **limits_of(options["limits"])},
    )


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


def _letters(path: Path | None, history: str | None) -> tuple[Letter, ...]:
    if path is None:
        return ()
    if history is None:
        raise SettingsError("Reports are made of the interval history; give --history default with --report-mail.")
    try:
        return read_letters(path)
    except InvalidSetting as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"The file of reports {path} cannot be read: {error.strerror}.") from None


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


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    try:
        import uvloop
    except ImportError:  # Not on every platform.
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def listen(host: str, port: int) -> socket.socket:
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
