"""Every scenario of the table through the real stage and store: what must come out does, nothing else, and nothing is lost or told twice."""

from collections import Counter
from pathlib import Path

import pytest

from tests.alerts.playing import Scenario, World
from tests.alerts.scenarios import SCENARIOS


def test_the_table_has_at_least_sixty_scenarios_with_names_of_their_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS) >= 60


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_comes_out_as_the_table_says(scenario: Scenario, tmp_path: Path) -> None:
    judge(scenario, f"sqlite:///{tmp_path / 'alerts.sqlite'}")


def judge(scenario: Scenario, url: str) -> None:
    """Plays it; besides the messages, every alert must have its story, and no message may have gone twice by one channel."""
    world = World(scenario, url)
    expected = world.play()
    store = world.hubs[0].store
    stories = {alert.id: store.story(alert.id) for alert in store.listed(live_only=False)}
    assert world.out == expected, "\n".join(
        f"{decision['at_us'] - world.start_us} {decision['what']}: {decision['why']}"
        for story in stories.values()
        if story
        for decision in story["decisions"]
    )
    gone = Counter((name, delivery.channel) for delivery in world.delivered for name in delivery.messages)
    assert max(gone.values(), default=0) <= 1
    for story in stories.values():
        assert story is not None
        assert story["decisions"][0]["what"] == "opened"
        assert all(decision["what"] for decision in story["decisions"])
        waiting = [message for message in story["messages"] if message["state"] in ("pending", "sending")]
        assert not waiting or story["alert"]["status"] in ("notified", "open")
    for hub in world.hubs:
        hub.store.close()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_comes_out_the_same_on_postgresql(scenario: Scenario, postgresql: str) -> None:
    judge(scenario, postgresql)
