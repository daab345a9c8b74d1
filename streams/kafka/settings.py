"""Settings of everything that speaks to Kafka: where the brokers are, what the topics are, and how a client proves who it is.

Owns: the frozen, validated settings, what the environment calls them, and their translation for the clients. Never connects, and
never shows a password: it is in no representation, no log line and no error.
Law: what is wrong raises `SettingsError` at construction, in one sentence that says what to do.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.times import DAY_US, duration_us
from streams.settings import MIB, SettingsError, is_loopback

__all__ = ["VARIABLES", "KafkaSettings", "Password", "Topic", "read_settings"]

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PARTITIONS_MAX = 1_000
PREFIX_LENGTH_MAX = 200
SECRET_LENGTH_MIN = 16
SECRET_LENGTH_MAX = 512
COMPACTED_SEGMENT_BYTES = 64 * MIB
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
#: Loggers that write out at debug level the very bytes that are sent, and with them the password of PLAIN.
_LOGGERS_OF_BYTES = ("aiokafka.conn", "kafka.net.connection", "kafka.protocol.parser")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _above_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


for _name in _LOGGERS_OF_BYTES:  # Here, because no client can be made without settings.
    logging.getLogger(_name).addFilter(_above_debug)


class Password(str):
    """A password. Clients take it as the text it is; where settings are written out, as clients do in their logs, it is hidden."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be. `retention_us` None keeps for ever the newest record of every key, which is compaction. `stamped` has
    the broker say when a record came, whatever its sender says."""

    name: str
    partitions: int
    retention_us: int | None
    stamped: bool = False

    @property
    def compacted(self) -> bool:
        return self.retention_us is None

    @property
    def configuration(self) -> dict[str, str]:
        """In Kafka's words, where a retention has milliseconds."""
        if self.retention_us is None:
            # Only segments that are full are compacted, and whoever takes over a partition reads all that is there.
            return {"cleanup.policy": "compact", "segment.bytes": str(COMPACTED_SEGMENT_BYTES)}
        kept = {"cleanup.policy": "delete", "retention.ms": str(self.retention_us // 1_000)}
        return kept | ({"message.timestamp.type": "LogAppendTime"} if self.stamped else {})


@dataclass(frozen=True, slots=True, repr=False)
class KafkaSettings:
    """How to reach Kafka, and what Floorwatch keeps there. Sizes in bytes, durations with their unit in the name."""

    bootstrap: tuple[str, ...] = ("127.0.0.1:9092",)
    prefix: str = "floorwatch"
    """Begins the name of every topic and group, so that several installations share a cluster."""
    partitions: int = 8
    """Shards of the engine; a worker serves one or more. More than workers at the busiest hour, because changing it moves contacts."""
    replication: int = -1
    """Copies of each topic; -1 is what the broker is set to."""
    events_retention_us: int = 7 * DAY_US
    deadletters_retention_us: int = 30 * DAY_US

    tls: bool = False
    tls_ca: Path | None = None
    """File of the certificates to trust, PEM; without it those of this machine."""
    mechanism: str | None = None
    user: str | None = None
    password: Password | None = None
    secret: Password | None = None
    """What keys and pseudonyms are made from, the same for all workers and gateways; see streams.kafka.secrets."""

    session_timeout_s: float = 6.0
    """How long a worker may be silent before others take over its partitions: the least that brokers allow as they come, since one that
    dies while partitions are being shared out costs it twice, and 15 s are promised."""
    request_timeout_s: float = 15.0
    commit_interval_s: float = 1.0
    fetch_bytes_max: int = MIB
    """What one fetch takes of one partition; a single larger record is still fetched."""
    stretch_records_max: int = 20_000
    """Records that are handed to the engine in one piece."""
    buffered_stretches_max: int = 4
    """Pieces that wait for the engine; beyond it, fetching pauses."""

    def __post_init__(self) -> None:
        for server in self.bootstrap:
            found = _SERVER.fullmatch(server)
            if found is None or not 0 < int(found[2]) <= 65_535:
                raise SettingsError(f"The broker {server!r} must be written as host:port, like kafka-1:9092.")
        if not self.bootstrap:
            raise SettingsError("No broker is named; give at least one as host:port.")
        if not _NAME.fullmatch(self.prefix) or len(self.prefix) > PREFIX_LENGTH_MAX:
            raise SettingsError(
                f"The prefix {self.prefix!r} must be 1 to {PREFIX_LENGTH_MAX} letters, digits, dots, dashes and underscores."
            )
        if not 0 < self.partitions <= PARTITIONS_MAX:
            raise SettingsError(f"The partitions must be 1 to {PARTITIONS_MAX}, not {self.partitions}.")
        if self.replication != -1 and not 0 < self.replication <= 32_767:
            raise SettingsError(
                f"The replication must be -1 (as the broker is set) or a number of copies, not {self.replication}."
            )
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name.endswith(("_us", "_s", "_max")) and value <= 0:
                raise SettingsError(f"The setting {name} must be greater than zero, not {value}.")
        if self.session_timeout_s > self.request_timeout_s:
            raise SettingsError("session_timeout_s must not be longer than request_timeout_s.")
        if self.secret is not None and not SECRET_LENGTH_MIN <= len(self.secret.encode()) <= SECRET_LENGTH_MAX:
            raise SettingsError(f"The secret must have {SECRET_LENGTH_MIN} to {SECRET_LENGTH_MAX} bytes.")
        self._check_login()

    def _check_login(self) -> None:
        if self.tls_ca is not None and not self.tls:
            raise SettingsError("Certificates to trust are named, but TLS is off; set FLOORWATCH_KAFKA_TLS=1.")
        if self.mechanism is None:
            if self.user is not None or self.password is not None:
                raise SettingsError(
                    f"A user or password is given, but no mechanism; choose one of {', '.join(MECHANISMS)}."
                )
            return
        if self.mechanism not in MECHANISMS:
            raise SettingsError(
                f"The mechanism {self.mechanism!r} is not known; choose one of {', '.join(MECHANISMS)}."
            )
        if not self.user or not self.password:
            raise SettingsError(f"{self.mechanism} needs a user and a password; name both.")
        if len(self.user) > SECRET_LENGTH_MAX or len(self.password) > SECRET_LENGTH_MAX:
            raise SettingsError(f"A user and a password have at most {SECRET_LENGTH_MAX} characters.")
        if self.mechanism == "PLAIN" and not self.tls:
            open_to = [server for server in self.bootstrap if not is_loopback(server.rpartition(":")[0].strip("[]"))]
            if open_to:
                raise SettingsError(
                    f"PLAIN without TLS would send the password to {open_to[0]} for anyone on the way to read; "
                    "turn TLS on or take SCRAM-SHA-512."
                )

    def __repr__(self) -> str:
        return (
            f"KafkaSettings(bootstrap={','.join(self.bootstrap)!r}, prefix={self.prefix!r}, partitions={self.partitions}, "
            f"tls={self.tls}, mechanism={self.mechanism!r}, password={'set' if self.password else None})"
        )

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return f"{self.prefix}.workers"

    @property
    def events(self) -> Topic:
        """What happened, as it was sent."""
        return Topic(f"{self.prefix}.events", self.partitions, self.events_retention_us, stamped=True)

    @property
    def steps(self) -> Topic:
        """What the workers make of the events, step by step: see streams.kafka.steps. Kept as long as these."""
        return Topic(f"{self.prefix}.steps", self.partitions, self.events_retention_us)

    @property
    def snapshots(self) -> Topic:
        """The state of each shard, with the offset that it covers."""
        return Topic(f"{self.prefix}.snapshots", self.partitions, None)

    @property
    def deadletters(self) -> Topic:
        """Records that hold what could not be read."""
        return Topic(f"{self.prefix}.deadletters", 1, self.deadletters_retention_us)

    @property
    def topics(self) -> tuple[Topic, ...]:
        return (self.events, self.steps, self.snapshots, self.deadletters)

    @property
    def tls_context(self) -> ssl.SSLContext | None:
        """Checks the broker's certificate and its name. Raises SettingsError where the certificates cannot be read."""
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.tls_ca)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror if not isinstance(error, ssl.SSLError) else "it holds no certificate in PEM"
            raise SettingsError(f"The certificates {self.tls_ca} cannot be read: {reason}.") from None

    @property
    def client(self) -> dict[str, Any]:
        """What kafka-python and aiokafka are to be constructed with, both alike."""
        secured = {"security_protocol": ("SASL_" if self.mechanism else "") + ("SSL" if self.tls else "PLAINTEXT")}
        login = {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }
        return {
            "bootstrap_servers": list(self.bootstrap), "request_timeout_ms": int(self.request_timeout_s * 1_000),
            "ssl_context": self.tls_context, **secured, **(login if self.mechanism else {}),
        }  # fmt: skip


#: What the environment may say, and which setting that is.
VARIABLES = {
    "FLOORWATCH_KAFKA_BOOTSTRAP": "bootstrap",
    "FLOORWATCH_KAFKA_PREFIX": "prefix",
    "FLOORWATCH_KAFKA_PARTITIONS": "partitions",
    "FLOORWATCH_KAFKA_REPLICATION": "replication",
    "FLOORWATCH_KAFKA_EVENTS_RETENTION": "events_retention_us",
    "FLOORWATCH_KAFKA_DEADLETTERS_RETENTION": "deadletters_retention_us",
    "FLOORWATCH_KAFKA_TLS": "tls",
    "FLOORWATCH_KAFKA_TLS_CA": "tls_ca",
    "FLOORWATCH_KAFKA_MECHANISM": "mechanism",
    "FLOORWATCH_KAFKA_USER": "user",
    "FLOORWATCH_KAFKA_PASSWORD": "password",
    "FLOORWATCH_KAFKA_PASSWORD_FILE": "password",
    "FLOORWATCH_KAFKA_SECRET": "secret",
    "FLOORWATCH_KAFKA_SECRET_FILE": "secret",
}


def read_settings(environment: Mapping[str, str], bootstrap: str | None = None) -> KafkaSettings:
    """The settings that the environment tells, the defaults where it says nothing; `bootstrap` names other brokers. Raises SettingsError;
    repeats no secret."""
    if bootstrap:
        environment = {**environment, "FLOORWATCH_KAFKA_BOOTSTRAP": bootstrap}
    unknown = sorted(name for name in environment if name.startswith("FLOORWATCH_KAFKA_") and name not in VARIABLES)
    if unknown:
        raise SettingsError(f"The variable {unknown[0]} is not known; those that are: {', '.join(VARIABLES)}.")
    for name in ("FLOORWATCH_KAFKA_PASSWORD", "FLOORWATCH_KAFKA_SECRET"):
        if environment.get(name) and environment.get(f"{name}_FILE"):
            raise SettingsError(f"{name} and {name}_FILE are both set; keep one of them.")
    told = {name: environment[name] for name in VARIABLES if environment.get(name)}
    return KafkaSettings(**{VARIABLES[name]: _read(name, text) for name, text in told.items()})


def _read(name: str, text: str) -> Any:
    if name == "FLOORWATCH_KAFKA_BOOTSTRAP":
        return tuple(server.strip() for server in text.split(","))
    if name in ("FLOORWATCH_KAFKA_PASSWORD", "FLOORWATCH_KAFKA_SECRET"):
        return Password(text)
    if name.endswith("_FILE"):
        return _secret_in(Path(text), name.split("_")[2].lower())
    if name == "FLOORWATCH_KAFKA_TLS_CA":
        return Path(text)
    if name == "FLOORWATCH_KAFKA_TLS":
        if text.lower() not in (*_TRUE, *_FALSE):
            raise SettingsError(f"{name} must be true or false, not {text!r}.")
        return text.lower() in _TRUE
    if name.endswith("_RETENTION"):
        try:
            return duration_us(text)
        except ValueError as error:
            raise SettingsError(f"{name} is no duration: {error}.") from None
    if name.endswith(("_PARTITIONS", "_REPLICATION")):
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{name} must be a whole number, not {text!r}.") from None
    return text


def _secret_in(path: Path, what: str) -> Password:
    """What is in a file, without the line end behind it. Never repeats the content."""
    try:
        return Password(path.read_text("utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"The {what} file {path} cannot be read: {reason}.") from None
