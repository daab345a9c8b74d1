"""A hub, to which nobody sends, knows who is silent by what the workers' steps tell, also after it was away, and raises nothing itself."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.policy import Policy
from engine.times import MINUTE_US, SECOND_US
from engine.watermark import NEVER_US
from streams.hearing import Hearing
from tests.streams.test_sources import MONDAY_US, Monitor


class Hub:
    """A hearing whose engine stands at an instant, with the newest events of its sources."""

    def __init__(self, folder: Path, at_us: int = MONDAY_US) -> None:
        self.monitor = Monitor(folder, at_us)
        self.hearing = Hearing(self.monitor.sources, clock=lambda: self.monitor.at_us)

    def look(self, watermark_us: int, **newest_us: int) -> dict[str, Any]:
        """What is told, with the sources by name."""
        sources = {name: SimpleNamespace(newest_us=at_us) for name, at_us in newest_us.items()}
        order, settings = SimpleNamespace(sources=sources), SimpleNamespace(policy=Policy())
        self.hearing.look(SimpleNamespace(watermark_us=watermark_us, order=order, settings=settings))
        told = self.hearing.facts()
        return told | {"sources": {row["source"]: row for row in told["sources"]}}

    def after(self, seconds: float, **newest_us: int) -> dict[str, Any]:
        """The same so much later, with an engine that is of now."""
        self.monitor.at_us += int(seconds * SECOND_US)
        return self.look(self.monitor.at_us, **newest_us)


def test_a_source_whose_events_stop_is_overdue_and_who_hears_nobody_is_blind(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    begun = hub.monitor.at_us
    assert hub.after(1, pbx=begun, chat=begun, none=NEVER_US)["sources"].keys() == {"pbx", "chat"}
    told = hub.after(599, pbx=begun, chat=begun + 599 * SECOND_US)
    assert not told["sources"]["pbx"]["overdue"]
    told = hub.after(10, pbx=begun, chat=begun + 599 * SECOND_US)
    assert (told["sources"]["pbx"]["overdue"], told["sources"]["chat"]["overdue"], told["blind"]) == (True, False, None)
    told = hub.after(700, pbx=begun, chat=begun + 599 * SECOND_US)
    assert told["blind"]["why"] == "silent"
    told = hub.after(1, pbx=begun + MINUTE_US, chat=begun + 599 * SECOND_US)
    assert not told["sources"]["pbx"]["overdue"] and told["blind"] is None
    assert told["sources"]["pbx"]["skew_s"] is None


def test_old_steps_are_merged_without_hearing_anybody_now(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    ago_us = hub.monitor.at_us - 20 * MINUTE_US
    hub.monitor.at_us += 2 * SECOND_US
    assert hub.look(ago_us, pbx=ago_us)["sources"]["pbx"]["heard_us"] == ago_us
