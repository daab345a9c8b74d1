"""A YAML file as plain texts, lists and mappings that know their lines.

Owns the size, the depth and the plain part of YAML that is taken: no anchors, aliases or tags, every scalar the text that was
written. Never knows what a word means. Raises engine.errors.InvalidSetting, `FILE:LINE: the fact; what would be right`.
"""

from typing import Any

import yaml

from engine.errors import InvalidSetting

__all__ = ["FILE_BYTES_MAX", "Lines", "load"]

FILE_BYTES_MAX = 256 << 10
DEPTH_MAX = 10

#: Lines by the path of an entry, such as `$.people[...].quiet` or `$.rules[3]`.
Lines = dict[str, int]


def load(data: bytes, name: str) -> tuple[Any, Lines]:
    """What the file says, and where. A mapping's values are found under their names, with `[...]` for the path of all of them."""
    if len(data) > FILE_BYTES_MAX:
        raise InvalidSetting(f"{name}:1: the file is larger than {FILE_BYTES_MAX:,} bytes; make it smaller")
    try:
        text = data.decode("utf-8-sig")
        _refuse_the_rest(text, name)
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except InvalidSetting:
        raise
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidSetting(f"{name}:{line}: the bytes are no UTF-8; save the file as UTF-8") from None
    except yaml.MarkedYAMLError as fault:
        mark: Any = fault.problem_mark or fault.context_mark
        told = f"this is no YAML; {fault.problem}; look at its indentation, brackets and quotes"
        raise InvalidSetting(f"{name}:{mark.line + 1 if mark else 1}: {told}") from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise InvalidSetting(f"{name}:1: this is no YAML; take signs that cannot be seen out of it") from None
    if root is None:
        raise InvalidSetting(f"{name}:1: the file says nothing; name no file to have the default")
    lines: Lines = {}
    return _plain(root, "$", lines, name), lines


def _refuse_the_rest(text: str, name: str) -> None:
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            raise InvalidSetting(f"{name}:{line}: there is an anchor (&) or alias (*); write out what is meant")
        if getattr(event, "tag", None) is not None:
            raise InvalidSetting(f"{name}:{line}: there is a tag; leave it out, or quote the text")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise InvalidSetting(f"{name}:{line}: the brackets go deeper than {DEPTH_MAX} levels; no part does")


def _plain(node: Any, path: str, lines: Lines, name: str) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, f"{path}[{place}]", lines, name) for place, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise InvalidSetting(f"{name}:{line}: a list or mapping stands where a name belongs; write a name")
            if key.value in found:
                raise InvalidSetting(f"{name}:{line}: {key.value!r} is said already; keep one of the two")
            lines[f"{path}.{key.value}"] = line
            found[key.value] = _plain(value, f"{path}.{key.value}", lines, name)
        return found
    return str(node.value)
