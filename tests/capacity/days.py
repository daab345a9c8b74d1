"""Days of a telephone queue whose arrivals and people change by the minute: the truth that early warnings are held against."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["DAY_MINUTES", "Drawn", "day", "drawn_day"]

DAY_MINUTES = 14 * 60


class Drawn(NamedTuple):
    """A day before it happens: by minute arrivals a second, people, what usually comes and who is planned; times in seconds."""

    rates: Any
    people: Any
    handle_s: float
    patience_s: float
    usual: Any
    plan: Any
    dice: Any


@njit(cache=True)
def day(rates, people, handle_s, patience_s, within_s, dice):
    """By minute: arrivals; of these answered in target, and abandoned; waiting at its end; contacts handled and waits of all, in seconds; people with a contact
    at its end. People who leave finish first."""
    minutes = len(rates)
    offered, good, gone, waiting, handled, waited, busy = (
        np.zeros(minutes),
        np.zeros(minutes),
        np.zeros(minutes),
        np.zeros(minutes),
        np.zeros(minutes),
        np.zeros(minutes),
        np.zeros(minutes),
    )
    free_at = np.zeros(1000)  # Who serves, by when they are free; the first `people` take contacts.
    came = np.zeros(100_000)
    leaves = np.zeros(100_000)
    head = tail = 0
    now = 0.0
    while True:
        minute = int(now // 60)
        if minute >= minutes:
            break
        step = dice.exponential(1.0) / max(rates[minute], 1e-6)
        if now + step >= (minute + 1) * 60:
            now = (minute + 1) * 60.0
        else:
            now += step
            offered[minute] += 1
            came[tail] = now
            leaves[tail] = now + dice.exponential(1.0) * patience_s
            tail += 1
        # Whoever could be served by now, in their order.
        while head < tail:
            staff = max(1, int(people[min(int(now // 60), minutes - 1)]))
            first = 0
            for one in range(1, staff):
                if free_at[one] < free_at[first]:
                    first = one
            start = max(free_at[first], came[head])
            at = int(came[head] // 60)
            if leaves[head] <= min(start, now):
                gone[at] += 1
                waited[at] += leaves[head] - came[head]
                head += 1
                continue
            if start > now:
                break
            free_at[first] = start + dice.exponential(1.0) * handle_s
            good[at] += start - came[head] <= within_s
            waited[at] += start - came[head]
            handled[min(int(start // 60), minutes - 1)] += 1
            head += 1
        if now >= (minute + 1) * 60:
            there = 0
            for one in range(head, tail):
                there += leaves[one] > now
            waiting[minute] = there
            busy[minute] = (free_at > now).sum()
    return offered, good, gone, waiting, handled, waited, busy


def drawn_day(seed):
    """A day of a queue of ten to sixty people: staffed for its curve, but for hours in which some do not come, and a surge nobody planned."""
    dice = np.random.default_rng(seed)
    at = np.arange(DAY_MINUTES) / 60
    size = dice.uniform(0.05, 0.25)
    shape = 0.35 + np.exp(-(((at - 3.5) / 2) ** 2)) + 0.8 * np.exp(-(((at - 10) / 2.2) ** 2))
    rates, handle_s = size * shape, dice.uniform(150, 300)
    load = rates * handle_s
    people = np.repeat(np.ceil(load + 1.2 * np.sqrt(load)).reshape(-1, 30).max(axis=1), 30)
    usual, plan = rates.copy(), people.copy()
    for _ in range(2):
        begins = dice.integers(60, DAY_MINUTES - 150)
        people[begins : begins + dice.integers(60, 150)] *= dice.uniform(0.6, 0.85)
    begins = dice.integers(60, DAY_MINUTES - 150)
    rates[begins : begins + 90] *= 1 + dice.uniform(0.2, 0.6) * np.minimum(np.arange(90) / 30, 1)
    return rates, np.floor(people), handle_s, dice.uniform(120, 400), usual * 60, plan, dice
