"""Settings of the one-machine service: every limit it keeps has its name and its number here.

Owns: the frozen, validated settings that `floorwatch run` is started with. Never holds running state, never
reads the environment or a file by itself, except that `read_token` opens the file it is told to open.
Law: what is out of range raises `SettingsError` at construction, in one sentence that says what to do.
"""

from __future__ import annotations

import ipaddress
import ssl
import string
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

__all__ = ["MIB", "ServiceSettings", "SettingsError", "check_tls", "is_loopback", "limits_of", "read_token"]

MIB = 1 << 20
EVENTS_KEPT_S_MAX = 366 * 86_400
COST_MAX = 1_000_000_000
TOKEN_LENGTH_MIN = 16
TOKEN_LENGTH_MAX = 512
_TOKEN_SIGNS = frozenset(string.ascii_letters + string.digits + string.punctuation)


class SettingsError(ValueError):
    """A setting is wrong; the message is one sentence for the person who set it."""


@lru_cache(256)
def is_loopback(host: str) -> bool:
    """True when `host` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(path: Path) -> str:
    """The token in a file, without the white space around it. Raises SettingsError; never repeats the content."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain ASCII text"
        raise SettingsError(f"The token file {path} cannot be read: {reason}.") from None


def check_tls(cert: Path | None, key: Path | None) -> None:
    """Whether TLS can be spoken with these files. Raises SettingsError with a remedy."""
    if cert is None and key is None:
        return
    if cert is None or key is None:
        raise SettingsError("TLS needs both files; give --tls-cert and --tls-key, or neither.")
    for path in (cert, key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise SettingsError(
                f"The file {path} cannot be read: {error.strerror}; name the right one, or mend its rights."
            ) from None
    try:  # An empty password: a key that wants one is refused rather than asked for.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(
                f"The key {key} does not belong to the certificate {cert}; name the two that do."
            ) from None
        raise SettingsError(
            f"TLS cannot be spoken with {cert} and {key}: {error.reason or 'they cannot be read'}; both must be PEM, and the key without a password."
        ) from None


def limits_of(texts: Iterable[str]) -> dict[str, int]:
    """Limits as `NAME=NUMBER` that replace those of ServiceSettings. Raises SettingsError."""
    known = {entry.name for entry in fields(ServiceSettings) if entry.type == "int" and entry.name not in ("port",)}
    found: dict[str, int] = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise SettingsError(
                f"{name!r} is no limit{f', did you mean {near[0]}' if near else ''}; the README lists them."
            )
        if not number.isascii() or not number.isdigit() or len(number) > 15:
            raise SettingsError(f"The limit {name} is a whole number, written like {name}=4096, not {number!r}.")
        found[name] = int(number)
    return found


@dataclass(frozen=True, slots=True, repr=False)
class ServiceSettings:
    """What the service is started with. Sizes in bytes, durations with their unit in the name."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    zone: str = "UTC"
    token: str | None = None
    tokens: Path | None = None
    """The file of tokens of people and walls: see streams.tokens."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    """Files of the certificate, with those between it and its root, and of its key: with both the service speaks TLS only."""
    alertmanager: str = ""
    """Address of an Alertmanager that is told of alerts, "" for none."""

    hourly_cost: float = 0.0
    breach_cost: float = 0.0
    """Of an hour of a person, and of a contact that misses its target: what `/api/v1/now` tells the cost of a gap by; 0 for none."""

    events: tuple[tuple[str, frozenset[date]], ...] = ()
    """Names and days that are not like others for the forecast, beside those of the policy."""

    body_bytes_max: int = 8 * MIB
    inflated_bytes_max: int = 64 * MIB
    intake_bytes_max: int = 64 * MIB
    """Bodies being read or decoded at one moment, all requests together; beyond it the answer is 429."""
    backlog_bytes_max: int = 128 * MIB
    backlog_batches_max: int = 1_024
    """Batches journalled or on their way to it and not yet absorbed; beyond it the answer is 429."""
    lines_max: int = 200_000
    """Lines of one body; beyond it the answer is 413."""
    rejects_listed_max: int = 100
    rejects_kept_max: int = 10_000
    events_kept_s: int = 1
    """Accepted events are kept for so long at least, and always until two snapshots have them."""
    viewers_max: int = 1_000
    exported_groups_max: int = 2_000
    """Groups of one rollup that have metrics of their own; further ones are added up under the name (other)."""
    exported_series_max: int = 500_000
    """Samples of one scrape; a family of metrics that would make them more is left out whole."""
    agent_series: bool = False
    agent_series_max: int = 5_000
    """Whether there are metrics of single people, and of how many."""
    connections_max: int = 4_096
    connections_of_address_max: int = 2_048
    """Connections at one moment, of all and of one address; one more is answered 503 and closed."""
    head_read_s: int = 10
    """From the first byte of a request to the end of its head; a connection that sends nothing is given the same."""
    target_bytes_max: int = 8_192
    """Bytes of a request's address with its query; beyond it the answer is 414."""
    head_bytes_max: int = 32_768
    headers_max: int = 100
    """Bytes and number of a request's headers; beyond either the answer is 431."""
    writer_events_a_second_max: int = 20_000
    """Events of the tokens of one set of shops, beyond a stock of five seconds; then the answer is 429."""
    sources_max: int = 256
    """Different names of sources in the life of the process; a further one is refused with 400."""
    silence_least_s: int = 60
    silence_unknown_s: int = 600
    """For how long nobody wonders about a source that is silent, whatever is usual of it, and where nothing is known: see streams.silences."""
    body_read_s: int = 30
    retry_after_s: int = 1
    future_allowance_us: int = 10_000_000
    """How far ahead of this machine's clock an event may be before it is refused as `time_in_future`."""

    tick_us: int = 100_000
    publish_us: int = 200_000
    """The least time between two publishings: see streams.embedded for the most of it that they take."""
    disorder_bound_us: int = 500_000
    """How far events may come out of order, and how far the figures trail the present."""
    near_us: int = 250_000
    quiet_us: int = 10_000_000
    """When the tick may begin to move event time: see streams.clock."""
    policy_look_us: int = 1_000_000
    """How often the policy's file is looked at; a change is taken at the second look that finds it the same."""
    snapshot_interval_us: int = 30_000_000
    snapshot_lines: int = 2_000_000

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"The port must lie between 0 and 65535, not {self.port}.")
        try:
            ZoneInfo(self.zone)
        except (ValueError, OSError, KeyError):  # An unknown zone is a KeyError, a hostile path a ValueError.
            raise SettingsError(f"The zone {self.zone!r} is not known; take a name like Asia/Shanghai.") from None
        self._check_token()
        check_tls(self.tls_cert, self.tls_key)
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if type(value) is int and name not in ("port", "future_allowance_us") and value <= 0:
                raise SettingsError(f"The setting {name} must be greater than zero, not {value}.")

        for name in ("hourly_cost", "breach_cost"):
            if not 0 <= getattr(self, name) <= COST_MAX:
                raise SettingsError(
                    f"The setting {name} must lie between 0 and {COST_MAX:,}, not {getattr(self, name)}."
                )
        if self.events_kept_s > EVENTS_KEPT_S_MAX:
            raise SettingsError(
                f"Events may be kept for {EVENTS_KEPT_S_MAX} seconds, a year, and not {self.events_kept_s}; the interval history is for more."
            )
        if self.near_us >= self.disorder_bound_us:
            raise SettingsError("near_us must be smaller than disorder_bound_us; see streams.clock for why.")

    def _check_token(self) -> None:
        if self.token is None:
            if self.tokens is None and not is_loopback(self.host):
                raise SettingsError(
                    f"Listening on {self.host} without a token would let anyone on the network send events and read "
                    "the wall; set FLOORWATCH_TOKEN, --token-file or --tokens, or listen on 127.0.0.1."
                )
        elif not TOKEN_LENGTH_MIN <= len(self.token) <= TOKEN_LENGTH_MAX or not _TOKEN_SIGNS.issuperset(self.token):
            raise SettingsError(
                f"The token must be {TOKEN_LENGTH_MIN} to {TOKEN_LENGTH_MAX} printable ASCII signs without spaces."
            )

    def __repr__(self) -> str:
        return f"ServiceSettings(data={self.data}, host={self.host!r}, port={self.port}, token={'set' if self.token else None})"
