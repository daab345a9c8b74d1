"""The broker of a test run, and topics of a test's own on it.

One broker serves the whole run. `KAFKA_BOOTSTRAP` names another one that is running already; tests that kill a broker, or want its
certificate, then are not run and say so.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.kafka.settings import KafkaSettings
from tests.kafka.broker import Broker, CannotRun
from tests.kafka.records import Records


@pytest.fixture(scope="package")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | None]:
    """The broker that this run started, or none where KAFKA_BOOTSTRAP names one."""
    if os.environ.get("KAFKA_BOOTSTRAP"):
        yield None
        return
    try:
        broker = Broker(tmp_path_factory.mktemp("kafka"))
    except CannotRun as reason:
        pytest.skip(str(reason))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def broker(started: Broker | None) -> Broker:
    """A broker of our own: its users, its certificate, and the right to kill it."""
    if started is None:
        pytest.skip("KAFKA_BOOTSTRAP names a broker that is not ours to reconfigure or kill; unset it to run this test")
    return started


@pytest.fixture
def settings(started: Broker | None, request: pytest.FixtureRequest, tmp_path: Path) -> KafkaSettings:
    """Settings under which every test has topics and groups that no other test sees."""
    bootstrap = started.bootstrap if started else os.environ["KAFKA_BOOTSTRAP"]
    return KafkaSettings(bootstrap=tuple(bootstrap.split(",")), prefix=f"{tmp_path.parent.name}-{tmp_path.name}"[-120:])


@pytest.fixture
def records(settings: KafkaSettings) -> Iterator[Records]:
    """What a test puts into topics and reads out of them, with plain clients."""
    with Records(settings) as opened:
        yield opened
