"""`floorwatch connect`: which systems can be connected, and what becomes of each of their records.

Owns the options, what is printed and the exit codes: 0 done, 1 where a record is wrong or cannot be read, 2 wrong usage. Never sends anything
anywhere, and never prints what a customer wrote or is called.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table as Grid

from engine.errors import InvalidSetting
from engine.events import DIMENSIONS, NAME_CHARACTERS_MAX, Reject
from engine.times import iso
from streams.connectors.mapping import read_mapping
from streams.connectors.reading import Connected
from streams.connectors.record import FAULTS, REASONS, Event, Options, Record
from streams.connectors.registry import CONNECTORS, connector_named
from streams.options import Zone

__all__ = ["Dimension", "Source", "connect", "connected_options"]

_HELP = """Connect the systems that a centre has: what they send becomes events of the public format.

\b
Examples:
  floorwatch connect list
  floorwatch connect check queue_log /var/log/asterisk/queue_log
  floorwatch connect check table calls.csv --mapping calls.yaml --zone Asia/Shanghai
  floorwatch replay --source queue_log /var/log/asterisk/queue_log --report hours.csv --window 1h
"""
_CHECK_HELP = """Tell for every record of FILE what it became, or why it was left out.

NAME is a connector of `floorwatch connect list`. FILE is as the system wrote it, plain or gzipped; webhooks as one JSON object a line.

\b
Examples:
  floorwatch connect check chatwoot webhooks.jsonl
  floorwatch connect check queue_log queue_log.1.gz --totals
  floorwatch connect check table calls.csv --mapping calls.yaml --json
"""
#: Of an event nothing is shown that could be a customer's.
_HIDDEN = ("text", "customer")


class Source(click.ParamType):
    """The name of a connector."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            connector_named(value)
        except InvalidSetting as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Dimension(click.ParamType):
    """`NAME=VALUE`, a dimension that all events get."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).partition("=")
        if name not in DIMENSIONS or not text.isprintable() or not 0 < len(text) <= NAME_CHARACTERS_MAX:
            self.fail(
                f"{value!r} sets no dimension; write one of {', '.join(DIMENSIONS)}, =, and its value", param, ctx
            )
        return name, text


def connected_options(
    zone: ZoneInfo, constants: tuple[tuple[str, str], ...], mapping: Path | None
) -> tuple[Options, dict[str, Any]]:
    """What a connector is made with. Raises InvalidSetting for a mapping with faults."""
    return Options(constants=dict(constants), zone=zone), {"mapping": read_mapping(mapping)} if mapping else {}


@click.group(help=_HELP)
def connect() -> None:
    pass


@connect.command("list")
def list_() -> None:
    """List the systems that can be connected."""
    grid = Grid("name", "system", "gives", box=None, pad_edge=False)
    for name, kind in CONNECTORS.items():
        grid.add_row(name, kind.system, kind.gives)
    console = Console()
    console.width = max(console.width, 120)
    console.print(grid)


@connect.command(help=_CHECK_HELP)
@click.argument("name", type=Source())
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--mapping", type=click.Path(path_type=Path, dir_okay=False), help="What the columns of a table mean.")
@click.option(
    "--set", "constants", type=Dimension(), multiple=True, help="A dimension of all events, for example tenant=shop-7."
)
@click.option("--zone", type=Zone(), default="Asia/Shanghai", show_default=True, help="Zone of times that name none.")
@click.option("--totals", is_flag=True, help="Print the totals only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a record, and one with the totals.")
def check(
    name: str, file: Path, mapping: Path | None, constants: tuple[tuple[str, str], ...], zone: ZoneInfo, totals: bool, as_json: bool
) -> None:  # fmt: skip
    connector = connector_named(name, *connected_options(zone, constants, mapping))
    if name == "table" and mapping is None:
        raise click.UsageError("table needs --mapping, the file that says what the columns mean.")
    told = _Totals()
    for record in Connected(file, str(file), connector=connector).records():
        told.take(record)
        if not totals:
            click.echo(_json(record) if as_json else _line(record, zone))
    click.echo(json.dumps(told.values()) if as_json else told.sentence())
    if told.faults:
        sys.exit(1)


class _Totals:
    def __init__(self) -> None:
        self.records = self.became = self.faults = 0
        self.events: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()

    def take(self, record: Record | Reject) -> None:
        self.records += 1
        self.faults += isinstance(record, Reject) or record.is_fault
        if isinstance(record, Record) and not record.reason:
            self.became += 1
            self.events.update(event["type"] for event in record.events)
        else:
            self.left_out[record.reason] += 1

    def values(self) -> dict[str, Any]:
        return {
            "records": self.records, "became": self.became, "events": dict(self.events.most_common()),
            "left_out": dict(self.left_out.most_common()), "wrong": self.faults,
        }  # fmt: skip

    def sentence(self) -> str:
        events = ", ".join(f"{kind} {count:,}" for kind, count in self.events.most_common()) or "none"
        left = ", ".join(f"{reason} {count:,}" for reason, count in self.left_out.most_common()) or "none"
        return (
            f"{self.records:,} records: {self.became:,} became {self.events.total():,} events ({events}); "
            f"{self.left_out.total():,} left out ({left}), {self.faults:,} of them wrong"
        )


def _line(record: Record | Reject, zone: ZoneInfo) -> str:
    if isinstance(record, Reject):
        return f"{record.line}: left out, {record.reason}: {record.detail}"
    if record.reason:
        sign = "!" if record.reason in FAULTS else "-"
        detail = f" ({record.detail})" if record.detail else ""
        return f"{record.number}: {record.what} {sign} left out, {record.reason}: {REASONS[record.reason]}{detail}"
    return f"{record.number}: {record.what} = " + "; ".join(_told(event, zone) for event in record.events)


def _told(event: Event, zone: ZoneInfo) -> str:
    at = event["time"]
    when = iso(at * 1_000, zone) if isinstance(at, int) else at
    about = " ".join(
        str(event[name]) for name in ("contact", "case", "agent", "state", "queue", "reason") if event.get(name)
    )
    return f"{event['type']} {when} {about}".rstrip()


def _json(record: Record | Reject) -> str:
    if isinstance(record, Reject):
        return json.dumps({"line": record.line, "reason": record.reason, "detail": record.detail})
    events = [{name: value for name, value in event.items() if name not in _HIDDEN} for event in record.events]
    values = {
        "line": record.number, "what": record.what, "events": events, "reason": record.reason, "detail": record.detail,
    }  # fmt: skip
    return json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)
