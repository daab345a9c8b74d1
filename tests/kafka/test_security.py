"""Every client logs in as the settings say, over TLS or not, and none of them writes the password down."""

import contextlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from streams.kafka import topics
from streams.kafka.settings import KafkaSettings, Password
from streams.kafka.topics import KafkaFailure, administration, check, create, failures, lag
from tests.kafka.broker import PASSWORD, USER, Broker
from tests.kafka.records import Records
from tests.kafka.worker import Worker

#: Where the broker listens, and how to log in there.
WAYS = {
    "TLS": ("TLS", None), "PLAIN over TLS": ("SECURE", "PLAIN"), "SCRAM-SHA-512 over TLS": ("SECURE", "SCRAM-SHA-512"),
    "SCRAM-SHA-256": ("OPEN", "SCRAM-SHA-256"), "PLAIN on this machine": ("OPEN", "PLAIN"),
}  # fmt: skip


def logged_in(settings: KafkaSettings, broker: Broker, way: str, password: str = PASSWORD) -> KafkaSettings:
    listener, mechanism = WAYS[way]
    secured: dict[str, Any] = {"bootstrap": (broker.at(listener),), "partitions": 1, "replication": 1}
    if listener in ("TLS", "SECURE"):
        secured |= {"tls": True, "tls_ca": broker.certificate}
    if mechanism:
        secured |= {"mechanism": mechanism, "user": USER, "password": Password(password)}
    return replace(settings, **secured)


def test_every_client_gets_in_on_every_way(
    broker: Broker, settings: KafkaSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logs = []
    with contextlib.ExitStack() as open_until_here:
        opened = []
        for number, way in enumerate(WAYS):
            one = replace(logged_in(settings, broker, way), prefix=f"{settings.prefix}-{number}")
            with administration(one) as client:
                assert create(client, one)
                assert check(client, one) == []
                assert [part.lag for part in lag(client, one)] == [0]
            # All start together, because each takes seconds.
            worker = open_until_here.enter_context(Worker(one, tmp_path, f"worker-{number}", loglevel="DEBUG"))
            opened.append((one, worker))
        for one, worker in opened:
            with Records(one) as records:
                records.send(one.events, [b"let in"])
            assert [handed.value for handed in worker.until_handed(1)] == [b"let in"]
            logs.append(worker.log)
    assert PASSWORD not in caplog.text + "".join(logs)
    assert "sasl_plain_password" in caplog.text, "the clients did write their settings down"


@pytest.mark.parametrize("way", ["PLAIN over TLS", "SCRAM-SHA-256"])
def test_a_wrong_password_is_refused_in_one_sentence_and_not_repeated(
    broker: Broker, settings: KafkaSettings, way: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(topics, "ANSWER_S_MAX", 2.0)
    wrong = logged_in(settings, broker, way, password="a-wrong-one")
    with pytest.raises(KafkaFailure, match=r"(refuses|during) the login") as refused, administration(wrong):
        pass
    assert "a-wrong-one" not in str(refused.value) + caplog.text


def test_a_refusal_that_the_client_does_not_read_is_told_all_the_same(settings: KafkaSettings) -> None:
    lost = "Connection lost: KafkaConnectionError: socket disconnected"
    with_login = replace(settings, mechanism="PLAIN", user=USER, password=Password(PASSWORD))
    for one, told in ((with_login, "hangs up during the login"), (settings, "does not answer")):
        with pytest.raises(KafkaFailure, match=told), failures(one):
            logging.getLogger("kafka.net.connection").error("<node_id=bootstrap-0 broker_version=(4, 3)> %s", lost)
            raise KafkaTimeoutError


def test_a_broker_whose_certificate_is_not_trusted_is_not_spoken_to(
    broker: Broker, settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "ANSWER_S_MAX", 2.0)
    unknown = replace(logged_in(settings, broker, "TLS"), tls_ca=None)
    with pytest.raises(KafkaFailure, match="over TLS"), administration(unknown):
        pass
