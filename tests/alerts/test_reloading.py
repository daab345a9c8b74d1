"""The alerts file of a running service: what changes in it holds, what is wrong with it leaves the one of before in force."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.channels import Delivery
from alerts.plan import Channel
from alerts.reading import read_plan
from alerts.reloading import Reloading
from alerts.stage import Stage
from alerts.store import Store
from engine.alarms import Alarm
from engine.times import MINUTE_US, SECOND_US

PLAN = """\
channels:
  ann: {url: "json://ann", per_minute: 60}
  bob: {url_file: bob.url}
people: {ann: {channels: [ann]}, bob: {channels: [bob]}}
ladders: {floor: {levels: [{to: [ann], wait: 5m}, {to: [bob], wait: 5m}]}}
rules: [{name: all, ladder: floor, by: [commitment, name], expires: 30d}]
"""


class Hub:
    """A stage that is turned by hand, its file, and what went out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "alerts.yaml"
        (folder / "bob.url").write_text("json://bob")
        self.file.write_text(PLAN)
        self.now_us = 1_000 * SECOND_US
        self.out: list[str] = []
        self.said: list[str] = []
        self.stage = Stage(
            read_plan(self.file), Store(f"sqlite:///{folder / 'alerts.sqlite'}"), carry=self.carry,
            clock=lambda: self.now_us, senders=0,
        )  # fmt: skip
        self.reloading = Reloading(self.stage, self.file, self.said.append)

    def carry(self, channel: Channel, delivery: Delivery) -> str:
        self.out.append(f"{channel.url} {delivery.kind}")
        return ""

    def after(self, minutes: float, *alarms: Alarm) -> list[str]:
        """What goes out until then."""
        self.out.clear()
        self.stage.tell(alarms)
        end_us = self.now_us + int(minutes * MINUTE_US)
        while self.now_us < end_us:
            self.now_us += 10 * SECOND_US
            self.stage.turn(self.now_us)
        self.stage.turn(self.now_us)
        return list(self.out)

    def write(self, text: str) -> None:
        self.file.write_text(text)
        for _ in range(2):
            self.reloading.look()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    found = Hub(tmp_path)
    yield found
    found.stage.stop()


def broken(at_us: int) -> Alarm:
    return Alarm(at_us, "wait", "broken", "contact", "c-1", at_us)


def test_an_alert_goes_on_by_the_new_file_and_nobody_is_told_twice(hub: Hub) -> None:
    assert hub.after(1, broken(hub.now_us)) == ["json://ann opened"]
    hub.write(PLAN.replace("{to: [bob], wait: 5m}", "{to: [carl], wait: 5m}").replace(
        "bob: {channels: [bob]}", "carl: {channels: [bob]}"
    ))  # fmt: skip
    assert "holds from now on" in hub.said[-1]
    assert hub.after(3) == []
    assert hub.after(2) == ["json://bob climbed"]
    [alert] = hub.stage.store.listed()
    assert alert.told == {"ann": 0, "carl": 1}


@pytest.mark.parametrize(("wrong", "why"), [
    ("rules: [", "alerts.yaml:"), (PLAN.replace("[bob], wait", "[eve], wait"), "'eve' is nobody"),
    (PLAN.replace("bob.url", "gone.url"), "gone.url cannot be read"), ("x" * 2_000_000, "alerts.yaml"),
])  # fmt: skip
def test_a_refused_file_leaves_the_one_of_before_in_force_and_says_why(wrong: str, why: str, hub: Hub) -> None:
    hub.write(wrong)
    assert "The alerts file is refused, the one of before stays in force" in hub.said[-1]
    assert why in hub.said[-1]
    assert why in "\n".join(hub.stage.plan_state["refused"])
    assert hub.after(6, broken(hub.now_us)) == ["json://ann opened", "json://bob climbed"]
    assert 'floorwatch_alert_plan_reloads_total{outcome="refused"} 1.0' in hub.stage.measures.text().decode()
    hub.write(PLAN)
    assert hub.stage.plan_state["refused"] == []


def test_a_file_that_is_gone_is_refused_and_taken_again_when_it_is_back(hub: Hub) -> None:
    hub.file.unlink()
    for _ in range(2):
        hub.reloading.look()
    assert "put it back" in hub.said[-1]
    hub.write(PLAN.replace("wait: 5m}, {to: [bob]", "wait: 1m}, {to: [bob]"))
    assert hub.after(2, broken(hub.now_us)) == ["json://ann opened", "json://bob climbed"]


def test_a_changed_secret_is_followed_and_a_file_that_is_being_written_is_left_alone(hub: Hub) -> None:
    (hub.folder / "bob.url").write_text("json://bobs-new-address")
    hub.reloading.look()
    assert hub.said == []
    hub.reloading.look()
    assert hub.after(6, broken(hub.now_us)) == ["json://ann opened", "json://bobs-new-address climbed"]


def test_a_signal_reads_the_file_at_once_and_says_that_there_is_nothing_new(hub: Hub) -> None:
    hub.reloading.reload()
    assert hub.said == ["The alerts file says nothing new; the one in force stays."]


def test_what_was_raised_about_a_channel_ends_with_the_channel(hub: Hub) -> None:
    hub.after(1, Alarm(hub.now_us, "channel_failing", "broken", "source", "bob", hub.now_us))
    assert [alert.status for alert in hub.stage.store.listed()] == ["notified"]
    hub.write(PLAN.replace("  bob: {url_file: bob.url}\n", "").replace(", bob: {channels: [bob]}", "").replace("[bob]", "[ann]"))  # fmt: skip
    hub.after(1)
    assert hub.stage.store.listed() == []
