"""`floorwatch topics` and `floorwatch deadletter`: the command line around Kafka.

Owns: the options, the tables and the exit codes: 0 done and as it should be, 1 Kafka failed or something differs, 2 wrong usage. Never
prints a password, nor what a customer said, except where `deadletter show` is asked for exactly that.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.kafka import deadletters
from streams.kafka.deadletters import DeadLetter
from streams.kafka.settings import KafkaSettings, read_settings
from streams.kafka.topics import KafkaFailure, administration, check, create, failures, lag
from streams.settings import SettingsError

__all__ = ["deadletter", "topics"]

_PIPE_COLUMNS = 10_000
_TOPICS_HELP = """Make and check the topics in Kafka, and see how far the workers are behind.

Where Kafka is, and how to log in, is said by the environment: see "Kafka" in the README.

\b
Examples:
  floorwatch topics create --bootstrap kafka-1:9092,kafka-2:9092
  floorwatch topics check
  floorwatch topics lag --json
"""
_DEADLETTER_HELP = """See what came in from Kafka and could not be read, and send it again.

\b
Examples:
  floorwatch deadletter list
  floorwatch deadletter show 17 > letter.json
  floorwatch deadletter resend 17 18
  floorwatch deadletter resend --all
"""


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the settings as first argument and `--bootstrap`, and turns what fails into one sentence."""

    @click.option("--bootstrap", metavar="HOST:PORT,…", help="Brokers, instead of FLOORWATCH_KAFKA_BOOTSTRAP.")
    @wraps(function)
    def run(bootstrap: str | None, **options: Any) -> None:
        # Without a handler of its own, every attempt would be reported; the sentence at the end says it once.
        logging.getLogger("kafka").addHandler(logging.NullHandler())
        try:
            settings = read_settings(os.environ, bootstrap)
        except SettingsError as error:
            raise click.UsageError(str(error)) from None
        try:
            with failures(settings):
                function(settings, **options)
        except KafkaFailure as error:
            raise click.ClickException(str(error)) from None

    return run


_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.group(help=_TOPICS_HELP)
def topics() -> None:
    pass


@topics.command("create")
@_command
def create_command(settings: KafkaSettings) -> None:
    """Make the topics that are not there yet; those that are stay as they are."""
    with administration(settings) as client:
        made = create(client, settings)
    for topic in settings.topics:
        click.echo(f"{'made' if topic.name in made else 'there already':<13}  {topic.name}")


@topics.command("check")
@_JSON
@_command
def check_command(settings: KafkaSettings, as_json: bool) -> None:
    """Compare the topics with the settings: exit code 1 where they differ, with what to do about it."""
    with administration(settings) as client:
        found = check(client, settings)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
    elif not found:
        click.echo(f"{len(settings.topics)} topics are as the settings say")
    else:
        _show(
            ["topic", "what", "wanted", "found", "to mend it"],
            [[one.topic, one.what, one.wanted, one.found, one.mend] for one in found],
        )
    if found:
        sys.exit(1)


@topics.command("lag")
@click.option("--group", help="Consumer group.  [default: the workers]")
@_JSON
@_command
def lag_command(settings: KafkaSettings, group: str | None, as_json: bool) -> None:
    """Show for each partition what is committed, what is there, and how old the oldest unread event is."""
    with administration(settings) as client:
        found = lag(client, settings, group)
    if as_json:
        click.echo(
            json.dumps({"group": group or settings.group, "partitions": [asdict(one) for one in found]}, indent=1)
        )
        return
    _show(
        ["topic", "partition", "committed", "end", "lag", "oldest unread"],
        [
            [one.topic, str(one.partition), "—" if one.committed is None else f"{one.committed:,}", f"{one.end:,}",
             f"{one.lag:,}", "—" if one.oldest_unread_age_s is None else f"{one.oldest_unread_age_s:,.1f} s"]
            for one in found
        ],
    )  # fmt: skip
    click.echo(f"{sum(one.lag for one in found):,} unread")


@click.group(help=_DEADLETTER_HELP)
def deadletter() -> None:
    pass


@deadletter.command("list")
@_JSON
@_command
def list_command(settings: KafkaSettings, as_json: bool) -> None:
    """List the letters: where they came from and why, never what they say."""
    letters = list(deadletters.read(settings))
    if as_json:
        click.echo(json.dumps([_told(letter) for letter in letters], indent=1))
        return
    _show(
        ["number", "put there", "reason", "topic", "partition", "offset", "line", "bytes"],
        [[str(value) for value in _told(letter).values()] for letter in letters],
    )
    click.echo(f"{len(letters):,} dead letters")


@deadletter.command("show")
@click.argument("number", type=click.IntRange(0))
@_command
def show_command(settings: KafkaSettings, number: int) -> None:
    """Write the original bytes of letter NUMBER to standard output, and nothing else."""
    click.get_binary_stream("stdout").write(_letter(settings, number).value or b"")


@deadletter.command("resend")
@click.argument("numbers", nargs=-1, metavar="[NUMBER]…", type=click.IntRange(0))
@click.option("--all", "everything", is_flag=True, help="All that came in since the last time this was done.")
@_command
def resend_command(settings: KafkaSettings, numbers: Sequence[int], everything: bool) -> None:
    """Send letters again to the topic and partition that they came from."""
    if everything == bool(numbers):
        raise click.UsageError("Name the letters by number, or say --all.")
    if everything:
        letters = list(deadletters.read(settings, deadletters.first_unsent(settings)))
    else:
        letters = [_letter(settings, number) for number in numbers]
    sent = deadletters.resend(settings, letters)
    if everything and letters:
        deadletters.first_unsent(settings, done=(letters[-1].number or 0) + 1)
    click.echo(
        f"{sent:,} sent again" + (f", {len(letters) - sent:,} hold nothing to send" if sent < len(letters) else "")
    )


def _letter(settings: KafkaSettings, number: int) -> DeadLetter:
    letter = next(deadletters.read(settings, number), None)
    if letter is None or letter.number != number:
        raise click.ClickException(f"There is no dead letter {number}; see floorwatch deadletter list.")
    return letter


def _told(letter: DeadLetter) -> dict[str, Any]:
    at = datetime.fromtimestamp((letter.at_ms or 0) / 1_000, UTC)
    return {
        "number": letter.number, "put_there": at.isoformat(timespec="seconds"), "reason": letter.reason,
        "topic": letter.topic, "partition": letter.partition, "offset": letter.offset, "line": letter.line,
        "bytes": len(letter.value or b""),
    }  # fmt: skip


def _show(columns: list[str], rows: list[list[str]]) -> None:
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
