"""Call records as CSV, by a mapping: any columns, any zone, instants or durations.

Owns what a row becomes. Times of one row may be dates with times in columns of their own, and durations since another step; where a clock
passes midnight within a row that says the date once, `past_midnight: yes` in the mapping adds the day.

Law: a row has the same ids however often it comes: they are of its contact and step, and a contact without a name is named after its row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.errors import InvalidSetting
from engine.events import AGENT_STATES
from engine.times import DAY_US
from streams.connectors.base import Connector, Headers
from streams.connectors.frames import Rows
from streams.connectors.mapping import Columns, Step
from streams.connectors.record import Event, LeftOut, digest, instant_of, instant_us

__all__ = ["Table"]

COLUMNS_MAX = 1_000
_NUMBER_MAX = 10**9


class Table(Connector):
    name = "table"
    system = "call records as CSV"
    gives = "whatever the columns have"
    own = ("mapping",)
    shares_files = False
    framing = Rows

    @property
    def mapping(self) -> Columns:
        found = self.own_values.get("mapping")
        if not isinstance(found, Columns):
            raise InvalidSetting("table needs a mapping: name the file that says what the columns mean with --mapping")
        return found

    def read(self, record: bytes, headers: Headers) -> tuple[str, list[str]]:
        text = record.decode("utf-8", "replace").replace("\0", "\ufffd")
        try:
            row = next(csv.reader([text], delimiter=self.mapping.delimiter), [])
        except csv.Error:
            raise LeftOut("malformed", "no row of CSV") from None
        if not 0 < len(row) <= COLUMNS_MAX:
            raise LeftOut("malformed", "no columns, or too many")
        return "row", row

    def events(self, what: str, said: list[str], headers: Headers, now_us: int) -> list[Event]:
        columns = self.remembered("columns")
        if not columns and self.mapping.columns:
            columns.update({name: place for place, name in enumerate(self.mapping.columns)})
        if not columns:
            names = [name.strip() for name in said]
            for place, name in enumerate(names):
                columns.setdefault(name, place)
            raise LeftOut("heading")
        if not self.mapping.columns and [columns.get(cell.strip()) for cell in said] == list(range(len(columns))):
            raise LeftOut("heading")  # Files one after the other.
        row = _Row(self.mapping, columns, said)
        return list(self._told(row))

    def _told(self, row: _Row) -> Iterator[Event]:
        contact = "-".join(filter(None, (row.cell(name) for name in self.mapping.contact))) or digest(*row.cells)
        about = {name: row.cell(column) for name, column in self.mapping.fields.items()}
        told: dict[str, int] = {}
        for step in self.mapping.steps:
            if not row.meets(step):
                continue
            at_us = row.instant(step, told, self.options.zone)
            if at_us is None:
                continue
            told[step.kind] = at_us
            more = {name: row.cell(column) for name, column in step.fields.items()}
            if step.kind == "agent.state":
                state = self.options.states.get(more["state"], more["state"])
                if state not in AGENT_STATES:
                    raise LeftOut("malformed", "a state that is none; name it under states")
                more["state"] = state
                yield self.event(step.kind, at_us, digest(*row.cells, step.kind), **about | more)
                continue
            values = {name: _value(name, text) for name, text in (about | more).items()}
            yield self.event(step.kind, at_us, f"{contact}/{step.kind}/{at_us}", contact=contact, **values)
        if not told:
            raise LeftOut("no_condition")


def _value(name: str, text: str) -> str | int | bool | None:
    """A field as the format has it."""
    if name in ("csat", "nps"):
        if not text:
            return None
        if (
            not (text.isascii() and text.isdigit())
            or not 0 <= int(text[:4]) <= 10
            or (name == "csat" and not 1 <= int(text) <= 5)
        ):
            raise LeftOut("malformed", name)
        return int(text)
    if name in ("resolved", "automatic"):
        return text.casefold() in ("1", "y", "yes", "true", "t", "是") if text else None
    return text


@dataclass(frozen=True)
class _Row:
    mapping: Columns
    columns: Mapping[str, int]
    cells: list[str]

    def cell(self, column: str) -> str:
        """What stands in a column, "" for what stands for nothing. Raises LeftOut for a column that is not there."""
        place = self.columns.get(column)
        if place is None or place >= len(self.cells):
            raise LeftOut("missing_field", "a column of the mapping")
        text = self.cells[place].strip()
        return "" if text in self.mapping.nothing else text

    def meets(self, step: Step) -> bool:
        return all(self.cell(column) in texts for column, texts in step.when.items()) and not any(
            self.cell(column) in texts for column, texts in step.unless.items()
        )

    def instant(self, step: Step, told: Mapping[str, int], zone: ZoneInfo) -> int | None:
        """When the step was, None where the row does not say."""
        if step.after:
            if step.after not in told:
                return None
            lasting = self.cell(step.lasting)
            return told[step.after] + _duration(lasting, self.mapping.unit_us) if lasting else None
        texts = [self.cell(column) for column in step.at]
        if not all(texts):
            return None
        at_us = self._read(" ".join(texts), zone)
        latest = max(told.values(), default=at_us)
        if self.mapping.past_midnight and at_us < latest and latest - at_us < DAY_US:
            at_us += DAY_US
        return at_us

    def _read(self, text: str, zone: ZoneInfo) -> int:
        if not self.mapping.time_format:
            return instant_us(text, zone)
        try:
            moment = datetime.strptime(text, self.mapping.time_format)
        except (ValueError, OverflowError):
            raise LeftOut("invalid_time") from None
        return instant_of(moment, zone)


def _duration(text: str, unit_us: int) -> int:
    """A duration in the mapping's unit, or as `mm:ss` and `hh:mm:ss`."""
    parts = text.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise LeftOut("malformed", "a duration that is none") from None
    if len(parts) > 3 or not all(0 <= number < _NUMBER_MAX for number in numbers):
        raise LeftOut("malformed", "a duration that is none")
    if len(parts) == 1:
        return round(numbers[0] * unit_us)
    seconds = 0.0
    for number in numbers:
        seconds = seconds * 60 + number
    return round(seconds * 1_000_000)
