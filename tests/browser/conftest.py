"""One service with a peak in it, and one browser, for all tests of the wall; screenshots go to build/wall."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.peak import peak
from tests.browser.service import Running

PICTURES = Path(__file__).parents[2] / "build" / "wall"
LAYOUT = """\
screens:
  floor-1:
    pages: [queues, alerts, overview]
    seconds: 5
    hold_seconds: 0
    language: zh
    queues: [售后-050, 售前-051]
    thresholds: {longest_wait_s: [1, 2]}
    kiosk: yes
"""


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("wall")
    layout = folder / "wall.yaml"
    layout.write_text(LAYOUT, "utf-8")
    with Running(folder / "data", "--wall", str(layout)) as running:
        for body in peak(time.time_ns() // 1_000_000):
            running.post(body)
        running.settle()
        yield running


@pytest.fixture(scope="package")
def chromium() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def pictures() -> Path:
    return PICTURES
