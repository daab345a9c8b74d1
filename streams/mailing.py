"""Reports by e-mail, put together: the channels of alerts carry them, and `floorwatch report send` tries one.

Owns the way from a report to a channel. Never decides when, and never tells an address.
"""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import click

from engine.errors import InvalidSetting
from streams.history.importing import history_option, store_url
from streams.history.store import Store
from streams.policy.reading import default_policy, read_policy
from streams.reports.command import report
from streams.reports.letter import Message, composed
from streams.reports.letters import Letter, read_letters
from streams.reports.page import span_text
from streams.reports.periods import newest

__all__ = ["carry", "report", "send"]


def carry(letter: Letter, message: Message) -> str:
    """Sends a report, and returns "" or why it failed. Raises nothing."""
    # As long to import as all the rest: not for who sends nothing.
    from alerts.channels import Delivery
    from alerts.channels import send as sent
    from alerts.plan import Channel

    channel = Channel(url=_to(letter.url, letter.to), private="yes" if letter.private else "no")
    return sent(
        channel,
        Delivery(
            message.identity, letter.name, message.title, message.body, severity="info",
            pages=((message.file_name, message.page),),
        ),
    )  # fmt: skip


def _to(url: str, recipients: tuple[str, ...]) -> str:
    """The address with these recipients in place of its own."""
    parts = urlsplit(url)
    asked = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "to"]
    return urlunsplit(parts._replace(query=urlencode([*asked, ("to", ",".join(recipients))])))


@report.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("name")
@history_option
@click.option("--on", "day", help="As if it were this day, as 2026-01-31.  [default: now]")
@click.option("--policy", "policy_path", type=click.Path(path_type=Path, dir_okay=False),
              help="Whose service level formula is used.  [default: ours]")  # fmt: skip
def send(file: Path, name: str, history_url: str | None, day: str | None, policy_path: Path | None) -> None:
    """Send the report NAME of FILE now, to try it: of the newest period that is over. It is sent on its schedule all the same.

    \b
    Examples:
      floorwatch report send reports.yaml daily
      floorwatch report send reports.yaml daily --on 2026-11-12
    """
    letters = {letter.name: letter for letter in read_letters(file)}
    if name not in letters:
        raise InvalidSetting(f"{file} has no report {name!r}; it has {', '.join(letters)}")
    letter = letters[name]
    formula = (read_policy(policy_path) if policy_path else default_policy()).service_level
    period = newest(letter, _end_of(day, letter) if day else time.time_ns() // 1_000)
    store = Store(store_url(history_url))
    try:
        message = composed(store, letter, period, formula, uuid.uuid4().hex)
    finally:
        store.close()
    if message is None:
        days = span_text(period.from_us, period.until_us, letter.zone)
        raise click.ClickException(
            f"The history holds nothing of {days}; name a day after one that it holds with --on."
        )
    if failure := carry(letter, message):
        raise click.ClickException(f"The report was not sent: {failure}.")
    click.echo(f"sent to {len(letter.to)}: {message.title}", err=True)


def _end_of(day: str, letter: Letter) -> int:
    try:
        at = datetime.strptime(day, "%Y-%m-%d").replace(hour=23, minute=59, tzinfo=letter.zone)
    except ValueError:
        raise click.UsageError(f"{day!r} is no day; write it like 2026-01-31") from None
    return int(at.timestamp()) * 1_000_000
