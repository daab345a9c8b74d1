"""The broker of a test run, and topics of a test's own on it.

One broker serves the whole run. `KAFKA_BOOTSTRAP` names another one that is running already; tests that kill a broker, or want its
certificate, have one of their own all the same.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.kafka.settings import KafkaSettings
from tests.kafka.broker import Broker
from tests.kafka.records import Records


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of our own: its users, its certificate, and the right to kill it. Raises CannotRun, which says what to install."""
    started = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> KafkaSettings:
    """Settings under which every test has topics and groups that no other test sees."""
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    if not bootstrap or "broker" in request.fixturenames:
        bootstrap = request.getfixturevalue("broker").bootstrap
    return KafkaSettings(bootstrap=tuple(bootstrap.split(",")), prefix=f"{tmp_path.parent.name}-{tmp_path.name}"[-120:])


@pytest.fixture
def records(settings: KafkaSettings) -> Iterator[Records]:
    """What a test puts into topics and reads out of them, with plain clients."""
    with Records(settings) as opened:
        yield opened
