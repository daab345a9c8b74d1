"""A queue in balance: what its customers meet when so many people serve it. Erlang B, C and A, and several contacts at once per person.

Owns the one chain behind all of them; never searches, never reads figures. Contacts come at random at an even rate, each takes an
exponential time, the first come is served first, and who waits leaves after an exponential patience (none leaves where it is infinite).

A person holds up to `concurrency` contacts; the next one goes to whoever holds fewest. One of c contacts that a person holds at once takes
`handle * (1 + slowdown * (c - 1))`: 0 where the customer's thinking fills the time, 1 where attention is simply divided. The chain counts the contacts
in service and supposes that they are spread evenly, which is what handing them to whoever holds fewest comes to.

Law: rates are per second, every argument broadcasts, and nothing overflows: sums are kept with their exponents, and what lies below the
seventeenth digit is left out. Of a queue without arrivals everybody is served at once.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Outcome", "erlang_b", "outcome"]

Values = NDArray[np.float64]

#: Cells that are worked on together: their nodes then fit the cache.
_CHUNK = 1 << 12
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
#: What is e to the minus this of the most is nothing.
_NOTHING = 28.0
_BIG = 1e250
_LOG_BIG = float(np.log(_BIG))


@dataclass(frozen=True)
class Outcome:
    """Shares of all who come, unless it says otherwise. Without patience a queue that is given more than it can do never settles: all wait, for ever.

    `waiting`: wait at all. `in_target`: are answered within the time; `abandoned_in_target`: leave within it; `abandoned`: leave. `asa_s`: mean wait
    of the answered; `wait_s`: of all. `occupancy`: of the time in which people hold a contact; `load`: contacts held, by what could be.
    """

    waiting: Values
    in_target: Values
    abandoned_in_target: Values
    abandoned: Values
    asa_s: Values
    wait_s: Values
    occupancy: Values
    load: Values


def erlang_b(offered_load: ArrayLike, servers: ArrayLike) -> Values:
    """The share that finds all servers taken where nobody can wait."""
    load, count = (np.asarray(one, np.float64) for one in np.broadcast_arrays(offered_load, servers))
    arrivals, agents = load.ravel(), count.ravel()
    one = np.ones_like(agents)
    total, log, _, _ = _below(np.where(arrivals > 0, arrivals, 1.0), one, agents, one, one - 1, agents)
    with np.errstate(over="ignore", divide="ignore"):
        lost = np.where(arrivals > 0, np.exp(-log) / total, np.where(agents > 0, 0.0, 1.0))
    found: Values = lost.reshape(load.shape)
    return found


def outcome(
    arrivals: ArrayLike, handle_s: ArrayLike, agents: ArrayLike, *, within_s: ArrayLike,
    patience_s: ArrayLike = np.inf, concurrency: ArrayLike = 1, slowdown: ArrayLike = 0.0,
) -> Outcome:  # fmt: skip
    """What customers meet. `agents` and `concurrency` are whole numbers, and nobody is served by none."""
    given = np.broadcast_arrays(arrivals, handle_s, agents, within_s, patience_s, concurrency, slowdown)
    shape = given[0].shape
    flat = [np.ascontiguousarray(one, np.float64).ravel() for one in given]
    parts = [_outcome(*(one[at : at + _CHUNK] for one in flat)) for at in range(0, max(1, len(flat[0])), _CHUNK)]
    return Outcome(*(np.concatenate([part[place] for part in parts]).reshape(shape) for place in range(len(parts[0]))))


def _outcome(
    arrivals: Values, handle_s: Values, agents: Values, within_s: Values, patience_s: Values, concurrency: Values,
    slowdown: Values,
) -> tuple[Values, ...]:  # fmt: skip
    seats = agents * concurrency
    none = (arrivals <= 0) | (seats <= 0)
    lam, people = np.where(none, 1.0, arrivals), np.where(seats <= 0, 1.0, agents)
    full = people * concurrency / (handle_s * (1 + slowdown * (concurrency - 1)))
    below, log, held, busy = _below(lam, handle_s, people, concurrency, slowdown, people * concurrency - 1)
    tail = _tail(lam, full, np.where(np.isinf(patience_s), 0.0, 1 / patience_s), within_s)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # Both are told with an exponent of their own; the larger one is taken out of both.
        most = np.maximum(log, tail.log)
        free, taken = below * np.exp(log - most), np.exp(tail.log - most) * lam
        total = free + taken * tail.all
        unsettled = np.isinf(tail.all)
        share = np.where(unsettled, 1.0, taken / total)
        waiting = np.where(unsettled, 1.0, share * tail.all)
        in_target = np.where(unsettled, 0.0, (free + taken * tail.answered_within) / total)
        abandoned = np.where(unsettled, 0.0, share * tail.abandoned)
        answered = np.where(unsettled, 1.0, (free + taken * tail.answered) / total)
        asa_s = np.where(unsettled, np.inf, share * tail.answered_wait / answered)
        wait_s = np.where(unsettled, np.inf, share * tail.wait)
        scale = np.exp(log - most) / total
        load = np.where(unsettled, 1.0, held * scale / (people * concurrency) + waiting)
        occupancy = np.where(unsettled, 1.0, busy * scale / people + waiting)
    nobody = seats <= 0
    in_target = np.where(none, np.where(nobody & (arrivals > 0), 0.0, 1.0), in_target)
    lost = np.where(nobody & (arrivals > 0), 1.0, 0.0)
    left = np.where(np.isinf(patience_s), 0.0, lost)
    return (
        np.where(none, lost, waiting), in_target,
        np.where(none, left * -np.expm1(-within_s / patience_s), np.where(unsettled, 0.0, share * tail.left_within)),
        np.where(none, left, abandoned), np.where(none, np.where(lost > 0, np.inf, 0.0), asa_s),
        np.where(none, np.where(lost > 0, patience_s, 0.0), wait_s), np.where(none, 0.0, occupancy),
        np.where(none, 0.0, load),
    )  # fmt: skip


def _below(
    lam: Values, handle_s: Values, people: Values, concurrency: Values, slowdown: Values, highest: Values
) -> tuple[Values, Values, Values, Values]:
    """Over the states from `highest` contacts in service down to none, with that state's weight as 1: the sum of the weights, the
    exponent by which this and the rest are to be multiplied, and the sums of contacts held and of people with one.

    The weight of a state is that of the one above, by the rate of leaving that one and of coming to it. Weights rise until as many leave as come
    and then fall for good, so the sum ends long before zero where there are many.
    """
    single = bool((concurrency == 1).all())
    states = highest.copy()
    term, total, log = np.ones_like(lam), np.ones_like(lam), np.zeros_like(lam)
    held, busy = states.copy(), np.minimum(states, people)
    result = tuple(np.empty_like(lam) for _ in range(4))
    rows: NDArray[np.int64] = np.arange(len(lam))
    step = 0
    while len(rows):
        step += 1
        alive = states > 0
        rate = states / handle_s if single else _leaving(states, people, handle_s, slowdown)
        term = np.where(alive, term * (rate / lam), 0.0)
        states = states - alive
        total += term
        held += term * states
        busy += term * (states if single else np.minimum(states, people))
        if step % 8 and alive.all():
            continue
        over = total > _BIG
        if over.any():
            for one in (term, total, held, busy):
                one[over] /= _BIG
            log[over] += _LOG_BIG
        done = ~alive | ((term < 1e-17 * total) & (rate < lam))
        if done.any():
            for into, part in zip(result, (total, log, held, busy), strict=True):
                into[rows[done]] = part[done]
            kept = ~done
            rows = rows[kept]
            states, term, total, log, held, busy = (one[kept] for one in (states, term, total, log, held, busy))
            lam, handle_s, people, slowdown = (one[kept] for one in (lam, handle_s, people, slowdown))
    return result[0], result[1], result[2], result[3]


def _leaving(states: Values, people: Values, handle_s: Values, slowdown: Values) -> Values:
    """The rate at which contacts end when so many are in service and spread evenly."""
    each = np.floor(states / people)
    more = states - each * people
    rate: Values = (
        more * (each + 1) / (1 + slowdown * each)
        + (people - more) * each / (1 + slowdown * np.maximum(each - 1, 0))
    ) / handle_s  # fmt: skip
    return rate


@dataclass(frozen=True)
class _Tail:
    """Integrals over the wait that is ahead of who has to wait, of its density with the weight of the highest state below as 1; each is to be
    multiplied by the rate of arrivals, and by e to the `log`."""

    log: Values
    all: Values
    answered: Values
    answered_within: Values
    answered_wait: Values
    abandoned: Values
    left_within: Values
    wait: Values


def _tail(lam: Values, full: Values, impatience: Values, within_s: Values) -> _Tail:
    """The density of the wait ahead is e to the `lam * (1 - e^(-impatience x)) / impatience - full x` (Baccelli and Hebuterne; Zeltyn and Mandelbaum)."""
    if not impatience.any():
        return _patient(lam, full, within_s)
    theta = np.where(impatience > 0, impatience, 1.0)
    overload = np.log(np.maximum(lam / full, 1.0)) / theta
    # Where it is e^-28 of its most: from bounds of x - 1 + e^-x, so that no search is needed.
    steepest = _NOTHING * theta / np.maximum(np.minimum(lam, full), 1e-300)
    upper = overload + (steepest + np.sqrt(steepest * steepest + 8 * steepest)) / 2 / theta
    lower = np.maximum(0.0, overload - np.sqrt(2 * steepest) / theta)
    with np.errstate(divide="ignore"):
        upper = np.where(lam < full, np.minimum(upper, _NOTHING / np.maximum(full - lam, 1e-300)), upper)
    cut = np.clip(within_s, lower, upper)
    log = lam * -np.expm1(-theta * overload) / theta - full * overload
    first, second = (_integrals(a, b, lam, full, theta, log) for a, b in ((lower, cut), (cut, upper)))
    both = [one + other for one, other in zip(first, second, strict=True)]
    left_within = first[2] + -np.expm1(-theta * within_s) * second[0]
    found = (log, both[0], both[1], first[1], both[3], both[2], left_within, both[2] / theta)
    if impatience.all():
        return _Tail(*found)
    patient = _patient(lam, full, within_s)
    return _Tail(*(
        np.where(impatience > 0, one, getattr(patient, name.name))
        for one, name in zip(found, fields(_Tail), strict=True)
    ))  # fmt: skip


def _integrals(a: Values, b: Values, lam: Values, full: Values, theta: Values, log: Values) -> list[Values]:
    """From a to b: of the density, of it times the share that stays, that leaves, and of the wait of those who stay."""
    half = (b - a) / 2
    x = (a + half)[:, None] + half[:, None] * _NODES
    left = -np.expm1(-theta[:, None] * x)
    density = np.exp((lam / theta)[:, None] * left - full[:, None] * x - log[:, None]) * (half[:, None] * _WEIGHTS)
    gone = (density * left).sum(axis=1)
    all_ = density.sum(axis=1)
    waited = density * x
    return [all_, all_ - gone, gone, waited.sum(axis=1) - (waited * left).sum(axis=1)]


def _patient(lam: Values, full: Values, within_s: Values) -> _Tail:
    spare = full - lam
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = np.where(spare > 0, 1 / spare, np.inf)
        within = np.where(spare > 0, -np.expm1(-spare * within_s) / spare, np.inf)
        waited = np.where(spare > 0, 1 / (spare * spare), np.inf)
    nothing = np.zeros_like(lam)
    return _Tail(nothing, whole, whole, within, waited, nothing, nothing, waited)
