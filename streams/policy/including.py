"""What a policy's file includes, joined with it to one node, of which every part still knows its own file and line.

Owns the rules of joining. Files that one file includes stand side by side: their lines of one limit and their periods are added,
a name said by two of them is refused. The file that includes them stands above: its periods are added too, a
limit or a name that it says replaces theirs. Never knows what a section means, except that a limit is a list of lines.
"""

from dataclasses import replace
from pathlib import PurePath

from engine.source import FILE_BYTES_MAX, Entries, Faults, InvalidFile, Items, Node, Text, compose
from streams.policy.files import Files

__all__ = ["INCLUDE", "INCLUDE_DEPTH_MAX", "compose_all"]

INCLUDE = "include"
#: Files that include one another.
INCLUDE_DEPTH_MAX = 8
#: Sections that are lists, one mapping standing for a list of one; and the one whose names hold lists.
_LISTS, _OF_LISTS = ("periods",), "limits"
#: Said once in a whole policy.
_ONCE = "zone"


def compose_all(data: bytes, name: str, files: Files, faults: Faults) -> Node:
    """The node of a file and of what it includes. Raises InvalidFile where the file itself cannot be read on; what is wrong
    with others goes to `faults`."""
    return _Includer(files, faults).composed(data, name, (str(PurePath(name)),))


class _Includer:
    def __init__(self, files: Files, faults: Faults) -> None:
        self.files = files
        self.faults = faults
        self.included: dict[str, str] = {}

    def composed(self, data: bytes, name: str, chain: tuple[str, ...]) -> Node:
        node = compose(data, name, self.faults)
        if not isinstance(node, Entries) or INCLUDE not in node.entries:
            return node
        below = Entries(node.where, {}, {})
        for named in _items(node.entries[INCLUDE]):
            with self.faults.gathered():
                below = self._joined(below, self._other(named, chain), above=False)
        own = replace(node, entries={key: value for key, value in node.entries.items() if key != INCLUDE})
        return self._joined(below, own, above=True)

    def _other(self, named: Node, chain: tuple[str, ...]) -> Entries:
        if not isinstance(named, Text):
            raise InvalidFile(f"{named.where}: what is included is a file; write include: [shops.yaml]")
        name, data = self.files.read(named, FILE_BYTES_MAX)
        if name in chain:
            circle = " → ".join(PurePath(one).name for one in (*chain[chain.index(name) :], name))
            raise InvalidFile(f"{named.where}: the files include each other in a circle, {circle}; leave one out")
        if name in self.included:
            told = f"{named.text!r} is included already at {self.included[name]}"
            raise InvalidFile(f"{named.where}: {told}; include it once")
        if len(chain) > INCLUDE_DEPTH_MAX:
            raise InvalidFile(
                f"{named.where}: files include one another more than {INCLUDE_DEPTH_MAX} deep; include this one further up"
            )
        self.included[name] = named.where
        node = self.composed(data, name, (*chain, name))
        if not isinstance(node, Entries):
            raise InvalidFile(f"{node.where}: the file consists of names and values; write limits, or another section")
        return node

    def _joined(self, first: Entries, then: Entries, *, above: bool) -> Entries:
        """Both files' sections; where both have one, joined."""
        entries, places = dict(first.entries), {**then.places, **first.places}
        for name, node in then.entries.items():
            known = entries.get(name)
            if known is None:
                entries[name] = node
            elif (name in _LISTS or isinstance(known, Items)) and not isinstance(node, Text):
                entries[name] = _added(known, node)
            elif isinstance(known, Entries) and isinstance(node, Entries):
                entries[name] = self._united(known, node, above=above, adds=name == _OF_LISTS)
            elif self._may_replace(name, known, node, above=above and name != _ONCE):
                entries[name] = node
        return Entries(then.where, entries, places)

    def _united(self, first: Entries, then: Entries, *, above: bool, adds: bool) -> Entries:
        """Both sections' names; where both have one, as the section says."""
        entries: dict[str, Node] = dict(first.entries)
        for name, node in then.entries.items():
            known = entries.get(name)
            if known is not None and adds and not above:
                entries[name] = _added(known, node)
            elif known is None or self._may_replace(name, known, node, above=above):
                entries[name] = node
        return Entries(then.where, entries, {**first.places, **then.places})

    def _may_replace(self, name: str, known: Node, node: Node, *, above: bool) -> bool:
        same = isinstance(known, Text) and isinstance(node, Text) and known.text == node.text
        if not above and not same:
            self.faults.told.append(f"{node.where}: {name!r} is said already at {known.where}; keep one of the two")
        return above


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else (node,)


def _added(first: Node, then: Node) -> Items:
    """One list of both. An empty one stays in it, to be refused at its place."""
    parts = [(node,) if isinstance(node, Items) and not node.items else _items(node) for node in (first, then)]
    return Items(then.where, (*parts[0], *parts[1]))
