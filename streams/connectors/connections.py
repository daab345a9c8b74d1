"""The file that says what is connected to a running service: names, connectors, and what each needs.

Owns what an entry is called and what belongs into it. Secrets come from the environment (`${VARIABLE}`) or from files beside; they are never
printed. The law: a file is taken whole or not at all, and all its faults are said at once, each with its line and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.errors import InvalidSetting
from engine.events import AGENT_STATES, DIMENSIONS, TYPES
from engine.source import FILE_BYTES_MAX, Entries, Faults, InvalidFile, Node, compose
from streams.connectors.record import Options
from streams.connectors.registry import CONNECTORS, connector_named
from streams.options import zone_of
from streams.policy.parts import entries_of, texts_of, word_of

__all__ = ["CONNECTIONS_MAX", "PATH", "Connection", "read_connections"]

CONNECTIONS_MAX = 64
SECRETS_MAX = 4
SECRET_CHARACTERS_MIN, SECRET_CHARACTERS_MAX = 8, 512
#: Where a system sends to, before the connection's name.
PATH = "/v1/connect/"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_COMMON = ("use", "set", "prefix", "zone", "states")
_WEBHOOK = ("secret", "secret_file", "url")


@dataclass(frozen=True, repr=False)
class Connection:
    """One system. `secrets` are all that hold: two while one takes another's place. `own` is what its connector alone needs."""

    name: str
    use: str
    options: Options = field(default_factory=Options)
    secrets: tuple[str, ...] = ()
    url: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_webhook(self) -> bool:
        return self.use not in ("queue_log", "ami")

    def __repr__(self) -> str:
        return f"Connection({self.name!r}, {self.use!r}, {len(self.secrets)} secrets)"


def read_connections(path: Path, environment: Mapping[str, str]) -> tuple[Connection, ...]:
    """The connections of a file. Raises InvalidSetting with all its faults, OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    faults, found = Faults(), []
    with faults.gathered():
        if not any(line.split(b"#")[0].strip() for line in data.splitlines()):
            raise InvalidFile(
                f"{path}:1: the file says nothing; write connectors:, and under it a name with use: and its settings"
            )
        said = entries_of(compose(data, str(path), faults), ("connectors",), "the file", faults)
        node = said.get("connectors")
        if not isinstance(node, Entries):
            raise InvalidFile(
                f"{path}:1: connectors are names, each with what it uses; write connectors:, and under it chat: {{use: chatwoot}}"
            )
        if len(node.entries) > CONNECTIONS_MAX:
            raise InvalidFile(
                f"{node.where}: there are {len(node.entries)} connectors; a file may have {CONNECTIONS_MAX}"
            )
        for name, entry in node.entries.items():
            with faults.gathered():
                if not _NAME.fullmatch(name):
                    raise InvalidFile(
                        f"{node.places[name]}: {name!r} cannot stand in an address; take small letters, digits, - and _"
                    )
                found.append(_Reading(path, environment, faults).connection(name, entry))
    if faults.told:
        raise InvalidSetting("\n".join(faults.told))
    return tuple(found)


class _Reading:
    """One entry of the file."""

    def __init__(self, path: Path, environment: Mapping[str, str], faults: Faults) -> None:
        self.path, self.environment, self.faults = path, environment, faults

    def connection(self, name: str, node: Node) -> Connection:
        if not isinstance(node, Entries) or "use" not in node.entries:
            raise InvalidFile(
                f"{node.where}: {name} does not say what it uses; write use: and one of {', '.join(_live())}"
            )
        use = word_of(node.entries["use"], _use)
        kind = CONNECTORS[use]
        secrets = _WEBHOOK if use not in ("queue_log", "ami") else _WEBHOOK[:2] if use == "ami" else ()
        said = entries_of(node, (*_COMMON, *secrets, *kind.own), f"a connector of {use}", self.faults)
        for needed in {"queue_log": ("file",), "ami": ("host", "user")}.get(use, ()):
            if needed not in said:
                raise InvalidFile(f"{node.where}: {use} needs {needed}; write {needed}: and its value")
        options = Options(
            self._word(said, "prefix", _prefix, ""), self._names(said, "set", _dimension), self._word(said, "zone", zone_of, zone_of("UTC")),
            self._names(said, "states", _state),
        )  # fmt: skip
        url = self._word(said, "url", _url, "")
        found = self._secrets(said)
        if use == "ami" and not found:
            raise InvalidFile(
                f"{node.where}: ami needs the manager's password; write secret: ${{VARIABLE}}, or secret_file: and a path"
            )
        if use == "twilio" and found and not url:
            raise InvalidFile(f"{node.where}: Twilio signs the address that it calls; write url: https://…{PATH}{name}")
        own = {key: self._own(key, said[key]) for key in kind.own if key in said}
        return Connection(name, use, options, found, url, own)

    def _own(self, key: str, node: Node) -> Any:
        if key in ("inboxes", "groups", "types"):
            if not isinstance(node, Entries):
                raise InvalidFile(
                    f"{node.where}: {key} are names, each with another name; write {key}: and under it 1: sales"
                )
            return {name: word_of(value, _type if key == "types" else str) for name, value in node.entries.items()}
        return word_of(node, _OWN[key])

    def _secrets(self, said: Mapping[str, Node]) -> tuple[str, ...]:
        found: list[str] = []
        for key in ("secret", "secret_file"):
            if key not in said:
                continue
            for text in texts_of(said[key]):
                secret = self._kept(said[key], text) if key == "secret_file" else self._of_environment(said[key], text)
                if not SECRET_CHARACTERS_MIN <= len(secret) <= SECRET_CHARACTERS_MAX or not secret.isprintable():
                    raise InvalidFile(
                        f"{said[key].where}: a secret has {SECRET_CHARACTERS_MIN} to {SECRET_CHARACTERS_MAX} printable signs; this one has not"
                    )
                found.append(secret)
        if len(found) > SECRETS_MAX:
            raise InvalidFile(
                f"{said.get('secret', said.get('secret_file', Entries('', {}, {}))).where}: {SECRETS_MAX} secrets may hold at once"
            )
        return tuple(found)

    def _of_environment(self, node: Node, text: str) -> str:
        variable = _VARIABLE.fullmatch(text)
        if variable is None:
            raise InvalidFile(
                f"{node.where}: a secret does not stand in this file; write ${{VARIABLE}}, or secret_file: and a path"
            )
        if not self.environment.get(variable[1]):
            raise InvalidFile(
                f"{node.where}: the variable {variable[1]} is not set; set it in the service's environment"
            )
        return self.environment[variable[1]]

    def _kept(self, node: Node, text: str) -> str:
        try:
            with (self.path.parent / text).open(encoding="utf-8") as file:
                return file.read(SECRET_CHARACTERS_MAX + 2).strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise InvalidFile(f"{node.where}: the file {text!r} cannot be read: {reason}") from None

    def _names(self, said: Mapping[str, Node], key: str, read: Callable[[str, str], str]) -> dict[str, str]:
        if key not in said:
            return {}
        node = said[key]
        if not isinstance(node, Entries):
            raise InvalidFile(
                f"{node.where}: {key} are names, each with its value; write {key}: and under it a name and its value"
            )

        def reading(name: str) -> Callable[[str], str]:
            return lambda text: read(name, text)

        return {name: word_of(value, reading(name)) for name, value in node.entries.items()}

    def _word(self, said: Mapping[str, Node], key: str, read: Callable[[str], Any], otherwise: Any) -> Any:
        return word_of(said[key], read) if key in said else otherwise


def _live() -> list[str]:
    return [name for name in CONNECTORS if name != "table"]


def _use(text: str) -> str:
    if text == "table":
        raise ValueError("call records are read by floorwatch replay --source table, not live")
    try:
        connector_named(text)
    except InvalidSetting as error:
        raise ValueError(str(error)) from None
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:/-]{0,32}", text):
        raise ValueError(f"{text!r} is no prefix; take up to 32 letters, digits and -_.:/")
    return text


def _dimension(name: str, text: str) -> str:
    if name not in DIMENSIONS:
        raise ValueError(f"{name!r} is no dimension; choose from {', '.join(DIMENSIONS)}")
    return text


def _state(name: str, text: str) -> str:
    if text not in AGENT_STATES:
        raise ValueError(f"{text!r} is no state; choose from {', '.join(AGENT_STATES)}")
    return text


def _type(text: str) -> str:
    if text not in TYPES:
        raise ValueError(f"{text!r} is none of the format's types; see the README")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_address = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and not parts.query
            and not parts.fragment
            and not parts.username
        )
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError(
            f"{text!r} is no address; write it as the system calls it, such as https://floor.example{PATH}chat"
        )
    return text


def _one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"{text!r} is unknown here; choose from {', '.join(known)}")
        return text

    return read


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 65_535):
        raise ValueError(f"{text!r} is no port; write 1 to 65535")
    return int(text)


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,253}", text):
        raise ValueError(f"{text!r} is no name of a machine, and no address")
    return text


_OWN: dict[str, Callable[[str], Any]] = {
    "file": Path, "from": _one_of("start", "end"), "answered": _one_of("reply", "assignment"), "host": _host, "port": _port, "user": str,
    "tls": _one_of("yes", "no"),
}  # fmt: skip
