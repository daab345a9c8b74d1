"""A queue by itself, event by event and person by person: what the models are held against. Shares nothing with them."""

import numpy as np
from numba import njit

__all__ = ["met"]


@njit(cache=True)
def met(arrivals, handle_s, people, seats, slowdown, patience_s, within_s, count, dice):
    """Shares of `count` arrivals: waited, answered in target, left; and of people's time with a contact. The next contact goes to whoever holds fewest."""
    held = np.zeros(seats + 1, np.int64)  # People by how many contacts they hold.
    held[0] = people
    came = np.zeros(1 << 16)
    waiting = waited = in_target = left = arrived = 0
    now = busy = 0.0
    while arrived < count:
        ending = 0.0
        for each in range(1, seats + 1):
            ending += held[each] * each / (handle_s * (1 + slowdown * (each - 1)))
        leaving = waiting / patience_s
        whole = arrivals + ending + leaving
        step = dice.exponential(1 / whole)
        now += step
        busy += step * (people - held[0])
        drawn = dice.random() * whole
        if drawn < arrivals:
            arrived += 1
            if held[seats] < people:
                fewest = 0
                while held[fewest] == 0:
                    fewest += 1
                held[fewest] -= 1
                held[fewest + 1] += 1
                in_target += 1
            else:
                came[waiting] = now
                waiting += 1
                waited += 1
        elif drawn < arrivals + ending:
            drawn -= arrivals
            each = 1
            while each < seats:
                drawn -= held[each] * each / (handle_s * (1 + slowdown * (each - 1)))
                if drawn < 0:
                    break
                each += 1
            if waiting:
                in_target += now - came[0] <= within_s
                waiting -= 1
                came[:waiting] = came[1 : waiting + 1].copy()
            else:
                held[each] -= 1
                held[each - 1] += 1
        else:
            one = dice.integers(0, waiting)
            waiting -= 1
            left += 1
            came[one:waiting] = came[one + 1 : waiting + 1].copy()
    return waited / count, in_target / count, left / count, busy / now / people
