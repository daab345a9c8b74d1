"""What nobody planned in a simulated centre: it is drawn from the seed, it is felt, and without it nothing changes."""

from collections import Counter
from itertools import count

import msgspec

from streams.simulate.centre import Centre, preset
from streams.simulate.model import events
from streams.simulate.timeline import Timeline
from streams.simulate.troubles import Troubles

START_MS = 1_762_830_000_000  # 2025-11-11 11:00 in Shanghai.
HOURS = 3


def centre(troubles: int) -> Centre:
    return preset("centre", START_MS, agents=30, duration_s=HOURS * 3_600, troubles=troubles)


def drawn(seed: int) -> Troubles:
    told = centre(8)
    return Troubles(told, Timeline(told.start_ms, told.end_ms, told.zone, "t"), seed)


def test_the_same_seed_has_the_same_troubles_at_hours_at_which_somebody_comes() -> None:
    assert drawn(3).of_day(0) == drawn(3).of_day(0) != drawn(4).of_day(0)
    for one in drawn(3).of_day(0):
        assert bool(one.more) != bool(one.away)
        assert 0 <= one.begin_ms - START_MS < 24 * 3_600_000


def test_a_surge_is_felt_in_arrivals_and_people_called_away_are_in_training() -> None:
    def early(seed: int, is_surge: bool) -> bool:
        return any(
            bool(one.more) == is_surge
            and one.begin_ms < START_MS + 3_600_000
            and one.team == "chat"
            and max(one.more, one.away) > 0.3
            for one in drawn(seed).of_day(0)
        )

    def kinds(seed: int, troubles: int) -> Counter[str]:
        told = (msgspec.json.decode(line) for line in events(centre(troubles), seed))
        return Counter(one.get("state") or one["type"] for one in told)

    surge = next(seed for seed in count(1) if early(seed, is_surge=True))
    away = next(seed for seed in count(1) if early(seed, is_surge=False))
    assert kinds(surge, 8)["contact.opened"] > kinds(surge, 0)["contact.opened"]
    assert kinds(away, 8)["training"] > kinds(away, 0)["training"]
