"""`floorwatch run`: the command line of the one-machine service.

Owns: the options, the refusals before anything runs (wrong usage 2, cannot start 1, each one sentence), and the
simulated centre beside it. Never serves anything itself: see streams.service.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.errors import InvalidSetting
from engine.policy import Policy
from streams.connectors.connections import Connection, read_connections
from streams.embedded import Embedded
from streams.figures import live_settings
from streams.intake import Pseudonyms
from streams.journal import Journal, JournalError
from streams.negative import NegativeWords
from streams.options import Words
from streams.policy.files import Bundle
from streams.policy.reading import default_policy
from streams.policy.watching import PolicyFile
from streams.service import serve
from streams.serving import TOKEN_VARIABLE, CannotStart, Serving, listen, run_loop, serving_options, serving_settings
from streams.settings import ServiceSettings, SettingsError

if TYPE_CHECKING:
    pass

__all__ = ["run"]

DEFAULT_DATA = Path("data/floorwatch")
JOURNAL = "journal.sqlite"
SIMULATED_PAST = "1h"


@click.command()
@serving_options
@click.option("--data", type=click.Path(path_type=Path), help=f"Folder of the state.  [default: {DEFAULT_DATA}]")
@click.option(
    "--negative-words", "words", type=Words(), help="File of words that make a message negative.  [default: ours]"
)
@click.option(
    "--connect",
    "connect_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the systems that are connected, see floorwatch connect list.",
)
@click.option("--simulate", is_flag=True, help="Add a live simulated centre; without --data it leaves nothing behind.")
def run(
    data: Path | None,
    words: NegativeWords | None,
    connect_path: Path | None,
    simulate: bool,
    **options: Any,
) -> None:
    """Run the whole monitor on this machine: intake, engine, wall and metrics in one process."""
    with contextlib.ExitStack() as leaving:
        if data is None:
            data = Path(leaving.enter_context(_scratch_folder())) if simulate else DEFAULT_DATA
        try:
            if simulate and (options["tls_cert"] or options["tls_key"]):
                raise SettingsError("The simulated centre speaks no TLS; leave --simulate out, or the files of TLS.")
            # The simulated centre sends as an administrator, for as long as it lives.
            settings = serving_settings(data, options, token=secrets.token_urlsafe(32) if simulate else None)
            connections = _connections(connect_path)
            code = _serve(Serving.of(settings, options), words, simulate, connections)
        except SettingsError as error:
            raise click.UsageError(str(error)) from None
        except (CannotStart, JournalError) as error:
            raise click.ClickException(str(error)) from None
    sys.exit(code)


def _connections(path: Path | None) -> tuple[Connection, ...]:
    try:
        return read_connections(path, os.environ) if path else ()
    except InvalidSetting as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"The file of connectors {path} cannot be read: {error.strerror}.") from None


def _serve(serving: Serving, words: NegativeWords | None, simulate: bool, connections: tuple[Connection, ...]) -> int:
    settings, policy_file = serving.settings, serving.policy_file
    bundle, policy = _offered(policy_file, settings)
    listener = listen(settings.host, settings.port)
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
        return run_loop(
            serve(
                settings,
                listener,
                partial(Embedded, journal, settings, engine_settings, bundle=bundle),
                pseudonyms,
                companion,
                policy_file,
                bundle,
                serving.screens,
                serving.stage,
                serving.kept,
                connections,
                serving.alerts_file,
                serving.letters,
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


def _open_data(settings: ServiceSettings, words: NegativeWords | None) -> tuple[Pseudonyms, Journal]:
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        pseudonyms = Pseudonyms.kept_in(settings.data / "pseudonym.key", words)
        kept_us = settings.events_kept_s * 1_000_000
        return pseudonyms, Journal(settings.data / JOURNAL, rejects_kept_max=settings.rejects_kept_max, kept_us=kept_us)
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
