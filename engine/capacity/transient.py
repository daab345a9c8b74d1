"""A queue on its way: the share that is answered in time in each minute ahead, from who is there and waits at this moment.

Owns the equations; never reads figures. Contacts come at random at a rate of their minute, each takes an exponential time, people can hold so many at once,
and who waits leaves after an exponential patience. The number in the queue is taken for normal, and its mean and variance go on by the equations that this
closes (the Gaussian variance approximation of Massey and Pender, Queueing Systems 75, 2013). Unlike a queue in balance it knows that a queue of fifty is not
gone in a minute.

Law: every row is by itself, nothing is drawn, and no minute changes one before it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["below", "in_time"]

Values = NDArray[np.float64]
#: Steps of a minute.
_STEPS = 3


def below(x: ArrayLike) -> Values:
    """The share of a standard normal that lies below, to seven digits (Abramowitz and Stegun 7.1.26)."""
    value = np.asarray(x, np.float64)
    far = np.abs(value) * np.sqrt(0.5)
    t = 1 / (1 + 0.3275911 * far)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    found: Values = 0.5 * (1 + np.sign(value) * (1 - tail * np.exp(-far * far)))
    return found


def in_time(
    inside: Values, arrivals: Values, capacity: Values, contact_s: Values, patience_s: Values, within_s: float
) -> Values:
    """(rows, minutes): of those who come in a minute, the share answered within `within_s`. `inside` are contacts held and waiting now; `arrivals` (rows, minutes)
    are contacts a minute, `capacity` (rows, minutes) how many can be held at once."""
    each, leave = 1 / contact_s, 1 / patience_s
    mean, variance = inside.astype(np.float64), np.full(len(inside), 0.25)
    step_s = 60 / _STEPS
    found = np.empty(arrivals.shape)
    for minute in range(arrivals.shape[1]):
        most, rate = capacity[:, minute], arrivals[:, minute] / 60
        for step in range(_STEPS):
            spread = np.sqrt(variance)
            above = (mean - most) / spread
            full = below(above)
            waiting = (mean - most) * full + spread * np.exp(-above * above / 2) / np.sqrt(2 * np.pi)
            held = mean - waiting
            if step == _STEPS // 2:
                # Whoever comes now is answered in time if as many places become free as there are people too many.
                freed = most * each * within_s
                found[:, minute] = below((most + freed - 0.5 - mean) / np.sqrt(variance + freed + 1e-6))
            ending, leaving = each * held, leave * waiting
            mean = np.maximum(mean + (rate - ending - leaving) * step_s, 0)
            pull = each * (1 - full) + leave * full
            variance = np.maximum(variance + (rate + ending + leaving - 2 * variance * pull) * step_s, 1e-3)
    return found
