"""A YAML file as nodes that know their lines: the plain part of YAML, and a refusal in one sentence for the rest.

Never decides what a word means: every scalar stays the text that was written, so `on`, `no`, `1:30` and `0x10` are
themselves. There are no anchors, aliases, tags or merged keys, so a file is never more than it looks.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from engine.errors import InvalidSetting
from engine.events import NAME_CHARACTERS_MAX

__all__ = ["FILE_BYTES_MAX", "Entries", "Faults", "InvalidFile", "Items", "Node", "Text", "compose"]

FILE_BYTES_MAX = 256 << 10
#: Deeper files than anybody needs are refused before they cost anything.
DEPTH_MAX = 10


class InvalidFile(InvalidSetting):
    """A file that is not what it should be; `faults` are sentences `FILE:LINE: the fact; what would be right`, each a line of the message."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Faults:
    """What is wrong with a file, gathered so that all of it is said at once."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """What is refused inside is kept, and the next part of the file is read."""
        try:
            yield
        except InvalidFile as fault:
            self.told += fault.faults
        except InvalidSetting as fault:
            self.told.append(str(fault))


@dataclass(frozen=True)
class Text:
    """A scalar as it was written, without its quotes."""

    where: str
    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    where: str
    items: "tuple[Node, ...]"


@dataclass(frozen=True)
class Entries:
    """Names and what is said of each; `places` has the lines of the names."""

    where: str
    entries: "Mapping[str, Node]"
    places: Mapping[str, str]


Node: TypeAlias = Text | Items | Entries


def compose(data: bytes, name: str, faults: Faults, characters_max: int = NAME_CHARACTERS_MAX) -> Node:
    """The only document of a file, whose texts have at most `characters_max` characters. Raises InvalidFile where it cannot be
    read on; names said twice go to `faults`."""
    if len(data) > FILE_BYTES_MAX:
        raise InvalidFile(f"{name}:1: the file is larger than {FILE_BYTES_MAX:,} bytes; make it smaller")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidFile(f"{name}:{line}: the bytes are no UTF-8; save the file as UTF-8") from None
    composer = _Composer(name, faults, characters_max)
    try:
        return composer.document(text)
    except InvalidSetting:
        raise
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        sign = f"U+{ord(text[error.position]):04X}"
        raise InvalidFile(f"{name}:{line}: the sign {sign} must not stand in YAML; take it away") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise InvalidFile(
            f"{name}:{line}: this is no YAML; {error.problem}; look at its indentation, brackets and quotes"
        ) from None
    except (ValueError, OverflowError):
        # An escape such as "\\UFFFFFFFF", or a version of YAML with a thousand digits: the parser trips over the number.
        told = (
            f"{name}:{composer.line}: a number after here is too large to be read; correct the escapes and directives"
        )
        raise InvalidFile(told) from None


class _Composer:
    """Nodes from the parser's events, which come one by one, so that what is refused early costs little."""

    def __init__(self, name: str, faults: Faults, characters_max: int) -> None:
        self.name = name
        self.faults = faults
        self.characters_max = characters_max
        self.line = 1

    def document(self, text: str) -> Node:
        self.events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._next()  # The stream's start.
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise self._fault(event, "the file says nothing; name no file to have the default")
        node = self._node(self._next(), 1)
        self._next()  # The document's end.
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._fault(event, "a second document begins; put everything into one")
        return node

    def _next(self) -> Any:
        event: Any = next(self.events)
        self.line = event.start_mark.line + 1
        return event

    def _node(self, event: Any, depth: int) -> Node:
        if getattr(event, "anchor", None) is not None:
            raise self._fault(event, "there is an anchor (&) or alias (*); write out what is meant, or quote the text")
        if getattr(event, "tag", None) is not None:
            raise self._fault(event, f"there is a tag {event.tag!r}; leave it out, or quote the text")
        if depth > DEPTH_MAX:
            raise self._fault(event, f"the brackets go deeper than {DEPTH_MAX} levels; no part of it needs that")
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(self._where(event), tuple(self._items(depth)))
        if isinstance(event, yaml.MappingStartEvent):
            return self._entries(event, depth)
        return self._text(event)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, start: Any, depth: int) -> Entries:
        entries: dict[str, Node] = {}
        places: dict[str, str] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Text):
                raise self._fault(
                    event, "a list or a mapping stands where a name belongs; write a name before the colon"
                )
            node = self._node(self._next(), depth + 1)
            if key.text in entries:
                first = places[key.text].rpartition(":")[2]
                told = f"{key.text!r} is said already in line {first}; keep one of the two"
                self.faults.told.append(f"{key.where}: {told}")
            else:
                entries[key.text], places[key.text] = node, key.where
        return Entries(self._where(start), entries, places)

    def _text(self, event: Any) -> Text:
        if not event.value and event.style is None:
            raise self._fault(event, 'a value is missing; write it, or "" for what says nothing of itself')
        if len(event.value) > self.characters_max:
            raise self._fault(event, f"a text is longer than {self.characters_max} characters; no name or value is")
        if not event.value.isprintable():
            raise self._fault(event, f"the text {event.value!r} holds a sign that cannot be seen; take it out")
        return Text(self._where(event), event.value)

    def _where(self, event: Any) -> str:
        return f"{self.name}:{event.start_mark.line + 1}"

    def _fault(self, event: Any, told: str) -> InvalidFile:
        return InvalidFile(f"{self._where(event)}: {told}")
