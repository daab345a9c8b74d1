"""The settings of Kafka refuse what is wrong in one sentence, and keep a password to themselves."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from engine.times import HOUR_US
from streams.kafka.settings import VARIABLES, KafkaSettings, Password, read_settings
from streams.settings import SettingsError

SECRET = "hidden-from-all"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bootstrap": ()}, "No broker is named"),
        ({"bootstrap": ("kafka",)}, "host:port"),
        ({"bootstrap": ("kafka:0",)}, "host:port"),
        ({"bootstrap": ("kafka:70000",)}, "host:port"),
        ({"bootstrap": ("ka fka:9092",)}, "host:port"),
        ({"prefix": ""}, "prefix"),
        ({"prefix": "a/b"}, "prefix"),
        ({"partitions": 0}, "partitions"),
        ({"replication": 0}, "replication"),
        ({"events_retention_us": 0}, "events_retention_us"),
        ({"buffered_stretches_max": 0}, "buffered_stretches_max"),
        ({"session_timeout_s": 30.0}, "session_timeout_s"),
        ({"secret": Password(SECRET[:15])}, "must have 16 to 512 bytes"),
        ({"tls_ca": Path("ca.pem")}, "TLS is off"),
        ({"user": "u"}, "no mechanism"),
        ({"mechanism": "GSSAPI", "user": "u", "password": Password("p")}, "SCRAM-SHA-512"),
        ({"mechanism": "PLAIN", "user": "u"}, "needs a user and a password"),
        (
            {"bootstrap": ("kafka:9092",), "mechanism": "PLAIN", "user": "u", "password": Password(SECRET)},
            "anyone on the way",
        ),
    ],
)
def test_what_is_wrong_is_refused_in_one_sentence(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        KafkaSettings(**wrong)
    assert SECRET not in str(refused.value)


def test_a_password_may_go_in_the_clear_to_this_machine_and_proven_rather_than_sent_to_others() -> None:
    login = {"user": "u", "password": Password(SECRET)}
    for bootstrap in ("127.0.0.1:9092", "localhost:9092", "[::1]:9092"):
        KafkaSettings(bootstrap=(bootstrap,), mechanism="PLAIN", **login)  # type: ignore[arg-type]
    KafkaSettings(bootstrap=("kafka:9092",), mechanism="SCRAM-SHA-512", **login)  # type: ignore[arg-type]
    KafkaSettings(bootstrap=("kafka:9092",), mechanism="PLAIN", tls=True, **login)  # type: ignore[arg-type]


def test_the_environment_tells_every_setting_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "shared").write_text("s" * 16 + "\n")
    told = {
        "FLOORWATCH_KAFKA_BOOTSTRAP": "kafka-1:9092, kafka-2:9093", "FLOORWATCH_KAFKA_PREFIX": "north",
        "FLOORWATCH_KAFKA_PARTITIONS": "12", "FLOORWATCH_KAFKA_REPLICATION": "3",
        "FLOORWATCH_KAFKA_EVENTS_RETENTION": "36h", "FLOORWATCH_KAFKA_DEADLETTERS_RETENTION": "2h",
        "FLOORWATCH_KAFKA_TLS": "true", "FLOORWATCH_KAFKA_TLS_CA": "ca.pem", "FLOORWATCH_KAFKA_MECHANISM": "PLAIN",
        "FLOORWATCH_KAFKA_USER": "u", "FLOORWATCH_KAFKA_PASSWORD_FILE": str(tmp_path / "secret"),
        "FLOORWATCH_KAFKA_SECRET_FILE": str(tmp_path / "shared"), "HOME": "elsewhere",
    }  # fmt: skip
    assert {*told, "FLOORWATCH_KAFKA_PASSWORD", "FLOORWATCH_KAFKA_SECRET"} - {"HOME"} == set(VARIABLES)
    assert read_settings(told) == KafkaSettings(
        bootstrap=("kafka-1:9092", "kafka-2:9093"), prefix="north", partitions=12, replication=3,
        events_retention_us=36 * HOUR_US, deadletters_retention_us=2 * HOUR_US,
        tls=True, tls_ca=Path("ca.pem"), mechanism="PLAIN", user="u", password=Password(SECRET),
        secret=Password("s" * 16),
    )  # fmt: skip
    assert read_settings({}) == KafkaSettings()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"FLOORWATCH_KAFKA_BOOTSTRAPS": "a:1"}, "FLOORWATCH_KAFKA_BOOTSTRAPS is not known"),
        ({"FLOORWATCH_KAFKA_PARTITIONS": "many"}, "whole number"),
        ({"FLOORWATCH_KAFKA_EVENTS_RETENTION": "week"}, "no duration"),
        ({"FLOORWATCH_KAFKA_TLS": "perhaps"}, "true or false"),
        ({"FLOORWATCH_KAFKA_PASSWORD_FILE": "/nowhere/at-all"}, "cannot be read"),
        ({"FLOORWATCH_KAFKA_PASSWORD_FILE": "a", "FLOORWATCH_KAFKA_PASSWORD": SECRET}, "both set"),
    ],
)
def test_what_the_environment_says_wrongly_is_refused(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        read_settings(wrong)
    assert SECRET not in str(refused.value)


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path, said in ((tmp_path / "none.pem", "No such file"), (tmp_path / "ca.pem", "no certificate in PEM")):
        with pytest.raises(SettingsError, match=said):
            _ = KafkaSettings(tls=True, tls_ca=path).client


def test_no_way_of_writing_settings_out_shows_the_password(caplog: pytest.LogCaptureFixture) -> None:
    settings = KafkaSettings(mechanism="SCRAM-SHA-512", user="u", password=Password(SECRET))
    logging.getLogger("kafka").warning("starting with configuration: %s", settings.client)
    written = [caplog.text, repr(settings), str(settings), f"{settings.client}", f"{settings.password!r}"]
    assert SECRET not in "".join(written)
    assert settings.client["sasl_plain_password"] == SECRET


def test_topics_are_named_by_the_prefix_and_only_the_compacted_are_kept_for_ever() -> None:
    settings = KafkaSettings(prefix="north", partitions=3, events_retention_us=HOUR_US)
    assert [topic.name for topic in settings.topics] == [
        "north.events", "north.steps", "north.snapshots", "north.deadletters"
    ]  # fmt: skip
    kept = {"cleanup.policy": "delete", "retention.ms": "3600000"}
    assert settings.events.configuration == kept | {"message.timestamp.type": "LogAppendTime"}
    assert settings.steps.configuration == kept, "what came of events is kept as long as they are"
    assert settings.snapshots.configuration["cleanup.policy"] == "compact"
    assert [topic.partitions for topic in settings.topics] == [3, 3, 3, 1]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readmes_list_every_variable(name: str) -> None:
    text = (Path(__file__).parents[2] / name).read_text("utf-8")
    assert re.findall(r"^\| `(FLOORWATCH_KAFKA_\w+)` \|", text, re.MULTILINE) == list(VARIABLES)
