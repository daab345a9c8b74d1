"""What a JSON object of another system says, taken part by part and by type.

Never raises anything but LeftOut: what is missing where it is needed, or is of another type than it can be, is a fault of the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from streams.connectors.record import LeftOut, instant_us

__all__ = ["Said", "json_of"]

_BAD_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def json_of(record: bytes) -> Any:
    """The value of a record. Raises LeftOut for what is no JSON."""
    try:
        return msgspec.json.decode(record)
    except _BAD_JSON:
        raise LeftOut("malformed", "no JSON") from None


class Said:
    """An object; with `folded`, names are found whatever their case and underscores (`TaskSid`, `task_sid`)."""

    def __init__(self, value: Any, *, folded: bool = False) -> None:
        if not isinstance(value, Mapping):
            raise LeftOut("malformed", "no JSON object")
        self._folded = folded
        self.values = {_fold(name): said for name, said in value.items()} if folded else value

    @classmethod
    def of(cls, record: bytes, *, folded: bool = False) -> Said:
        return cls(json_of(record), folded=folded)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str) -> Any:
        """Whatever stands there, None where nothing does."""
        return self.values.get(_fold(name) if self._folded else name)

    def text(self, *names: str) -> str:
        """The first of the names that says a text or a number; "" where none does."""
        for name in names:
            value = self.get(name)
            if isinstance(value, str) and value:
                return value
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
        return ""

    def needed(self, *names: str) -> str:
        """The same, which must be there."""
        text = self.text(*names)
        if not text:
            raise LeftOut("missing_field", names[0])
        return text

    def part(self, name: str) -> Said:
        """The object there, an empty one where there is none."""
        value = self.get(name)
        return Said(value if isinstance(value, Mapping) else {}, folded=self._folded)

    def parts(self, name: str) -> list[Said]:
        """The objects of a list."""
        value = self.get(name)
        objects = value if isinstance(value, list) else []
        return [Said(each, folded=self._folded) for each in objects if isinstance(each, Mapping)]

    def flag(self, name: str) -> bool:
        return self.get(name) is True

    def has_time(self, *names: str) -> bool:
        """Whether one of them says more than nothing; systems write 0 for never."""
        return any(self.get(name) not in (None, "", 0) for name in names)

    def instant(self, *names: str) -> int:
        """The first of the names that says an instant. Raises LeftOut where none does, or it cannot be read."""
        for name in names:
            if self.has_time(name):
                return instant_us(self.get(name))
        raise LeftOut("missing_field", names[0])


def _fold(name: Any) -> str:
    return str(name).replace("_", "").replace("-", "").lower()
