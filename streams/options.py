"""Types of command-line options that several commands share."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from engine.errors import InvalidSetting
from engine.times import duration_us
from streams.negative import NegativeWords, read_words

__all__ = ["Duration", "Words", "Zone", "zone_of"]


def zone_of(text: str) -> ZoneInfo:
    """The IANA time zone of that name. Raises ValueError where there is none."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{text!r} is no IANA time zone; write it like Asia/Shanghai or UTC") from None


class Duration(click.ParamType):
    """A duration such as `30m`, given on as integer microseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return duration_us(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Words(click.ParamType):
    """A file of negative words, given on as what looks for them."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> NegativeWords:
        if isinstance(value, NegativeWords):
            return value
        try:
            return read_words(Path(value))
        except InvalidSetting as error:
            self.fail(str(error), param, ctx)


class Zone(click.ParamType):
    """The name of an IANA time zone."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return zone_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
