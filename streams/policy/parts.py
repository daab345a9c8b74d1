"""Parts of a policy's file as what they mean: entries by their names, lists of texts, and single words.

Never knows what a name is for. A refusal names the place, what is wrong there and what would be right.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from engine.source import Entries, Faults, InvalidFile, Items, Node, Text

__all__ = ["entries_of", "texts_of", "word_of"]

T = TypeVar("T")


def entries_of(node: Node, known: tuple[str, ...], what: str, faults: Faults) -> Mapping[str, Node]:
    """What is said of the `known` names; others become faults, with the name that was probably meant. Raises InvalidFile for no mapping."""
    if not isinstance(node, Entries):
        raise InvalidFile(f"{node.where}: {what} consists of names and values; choose from {', '.join(known)}")
    for name in (name for name in node.entries if name not in known):
        near = get_close_matches(name, known, 1)
        right = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
        faults.told.append(f"{node.places[name]}: {name!r} is unknown in {what}; {right}")
    return {name: node.entries[name] for name in node.entries if name in known}


def texts_of(node: Node) -> list[str]:
    """The texts of a list, or the one text that stands instead."""
    return [word_of(item, str) for item in (node.items if isinstance(node, Items) else (node,))]


def word_of(node: Node, read: Callable[[str], T]) -> T:
    """What a single text means; a refusal gets its place."""
    if not isinstance(node, Text):
        raise InvalidFile(f"{node.where}: a list or a mapping stands where one value belongs; write the value alone")
    try:
        return read(node.text)
    except ValueError as error:
        raise InvalidFile(f"{node.where}: {error}") from None
