"""The people: roster, shifts, breaks, skills and slots.

Owns who is on duty and why somebody takes nothing. Never assigns a contact.
Law: a break or the end of a shift waits until the agent's last contact is done, and meanwhile he takes no new
one.
"""

from itertools import pairwise

from streams.simulate.centre import CHANNELS, TEAMS, Centre, Queue
from streams.simulate.demand import WRITTEN_SLOTS, level
from streams.simulate.dice import Dice
from streams.simulate.timeline import DAY_MS

__all__ = ["SHIFT_MS", "Agent", "pauses", "roster", "shift_starts"]

MINUTE_MS = 60_000
STARTS = 48  # a shift may begin at each half hour
SHIFT_STARTS_LONG = 17  # 8.5 hours, in half hours
WIDENED = 3  # half hours to either side
SHIFT_MS = SHIFT_STARTS_LONG * 30 * MINUTE_MS
SECOND_SKILL_SHARE = 0.45
# (minutes after the shift's start, kind, minutes, share of the shifts)
PAUSES = (
    (115, "break", 15, 1.0),
    (170, "meeting", 25, 0.12),
    (245, "break", 40, 1.0),
    (330, "training", 40, 0.06),
    (390, "break", 15, 1.0),
)


class Agent:
    """One person. `level` is the pool he stands in: his load, or -1 when he takes nothing."""

    __slots__ = (
        *("away", "away_ms", "care", "channel", "id", "duty", "last_ms", "leaving", "level", "load", "out"),
        *("queues", "said", "shift_day_ms", "skills", "slots", "team", "wrapping"),
    )

    def __init__(self, number: int, team: str, queues: tuple[str, ...], slots: int, channel: str) -> None:
        self.id = f"a{number:04d}"
        self.team, self.queues, self.slots, self.channel = team, queues, slots, channel
        listed = ",".join(f'"{queue}"' for queue in queues)
        self.skills = f',"slots":{slots},"queue":"{queues[0]}","channel":"{channel}","queues":[{listed}]'
        self.load, self.level = 0, -1
        self.duty = self.leaving = self.wrapping = self.out = False
        self.away, self.away_ms = "", 0
        self.said, self.last_ms = "offline", 0
        self.shift_day_ms = 0
        self.care = 1.0  # how much better than others, around one

    def takes_more(self) -> bool:
        """Whether he may be given a contact now."""
        return self.duty and not (self.leaving or self.away or self.wrapping) and self.load < self.slots

    def state(self) -> str:
        """What he is to be shown as."""
        if not self.duty:
            return "offline"
        if self.out:
            return self.away
        if self.wrapping and self.load == 0:
            return "wrapup"
        return "available" if self.takes_more() else "busy"


def shift_starts(day: tuple[float, ...]) -> list[float]:
    """People to begin at each half hour, so that those online follow the day and are one at its busiest.

    Richardson-Lucy deconvolution: each round multiplies a start by the mean shortfall over its shift. Shifts
    are too long to follow two humps, so the need is widened first: the hours between the humps get too many
    people, no hour too few.
    """
    plain = [max(level(day, index / 2 + 0.25), 1e-6) for index in range(STARTS)]
    need = [max(plain[(index + step) % STARTS] for step in range(-WIDENED, WIDENED + 1)) for index in range(STARTS)]
    starts = [sum(need) / STARTS / SHIFT_STARTS_LONG] * STARTS
    for _ in range(150):
        online = [sum(starts[index - back] for back in range(SHIFT_STARTS_LONG)) for index in range(STARTS)]
        short = [wanted / max(there, 1e-9) for wanted, there in zip(need, online, strict=True)]
        starts = [
            start * sum(short[(index + step) % STARTS] for step in range(SHIFT_STARTS_LONG)) / SHIFT_STARTS_LONG
            for index, start in enumerate(starts)
        ]
    most = max(sum(starts[index - back] for back in range(SHIFT_STARTS_LONG)) for index in range(STARTS))
    return [start / most for start in starts]


def roster(centre: Centre, dice: Dice) -> list[Agent]:
    """Everybody of the centre, each with a daily shift; names run on through the teams."""
    starts = shift_starts(centre.staff_day)
    people: list[Agent] = []
    for team in TEAMS:
        queues = [queue for queue in centre.queues if queue.team == team]
        channels = CHANNELS[team]
        online = centre.team_agents(team)
        # The running sum is rounded, not each start, so that no fraction of a person is lost.
        sums = [0.0]
        for start in starts:
            sums.append(sums[-1] + start * online)
        begin = [index for index, (low, high) in enumerate(pairwise(sums)) for _ in range(round(high) - round(low))]
        if online and not begin:
            begin = [STARTS * 9 // 24]
        mains = interleaved([queue.share for queue in queues], len(begin))
        faces = interleaved([share for _, share in channels], len(begin))
        for index, start in enumerate(begin):
            skills = _skills(queues, mains[index], dice)
            slots = _slots(centre, team, dice)
            agent = Agent(len(people) + 1, team, skills, slots, channels[faces[index]][0])
            agent.shift_day_ms = start * 30 * MINUTE_MS + int((dice.random() - 0.5) * 16 * MINUTE_MS)
            agent.shift_day_ms %= DAY_MS
            agent.care = 0.75 + 0.5 * dice.random()
            people.append(agent)
    return people


def interleaved(shares: list[float], count: int) -> list[int]:
    """Indexes such that every run of people, not only the whole, holds each in its share."""
    total = sum(shares)
    credit = [0.0] * len(shares)
    chosen: list[int] = []
    for _ in range(count):
        credit = [have + share / total for have, share in zip(credit, shares, strict=True)]
        best = max(range(len(shares)), key=credit.__getitem__)
        credit[best] -= 1
        chosen.append(best)
    return chosen


def pauses(dice: Dice, begun_ms: int) -> list[tuple[int, str, int]]:
    """The breaks, meetings and trainings of one shift: (instant, kind, length in ms), in order and apart."""
    planned: list[tuple[int, str, int]] = []
    shift = int((dice.random() - 0.5) * 80)
    for minute, kind, minutes, share in PAUSES:
        if dice.random() < share:
            at_ms = begun_ms + (minute + shift) * MINUTE_MS + int(dice.random() * MINUTE_MS)
            planned.append((at_ms, kind, int(minutes * MINUTE_MS * (0.9 + 0.2 * dice.random()))))
    return planned


def _skills(queues: list[Queue], main: int, dice: Dice) -> tuple[str, ...]:
    name = queues[main].name
    if len(queues) == 1 or dice.random() > SECOND_SKILL_SHARE:
        return (name,)
    second = queues[(main + 1) % len(queues)].name
    return (name, queues[main].overflow or second)


def _slots(centre: Centre, team: str, dice: Dice) -> int:
    if team == "chat":
        low, high = centre.chat_slots
        return low + int(dice.random() * (high - low + 1))
    return WRITTEN_SLOTS if team == "written" else 1
