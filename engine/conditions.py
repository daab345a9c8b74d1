"""What is watched over windows: measured conditions, as a policy says them.

A condition looks at a figure of every group of some dimensions again and again: at each whole `step` since 1970, over the window
that ends there. It is broken when its figure has been beyond the limit for long enough, and ended when the figure is back
behind where it clears. Settings only, frozen and checked when made; what they find is `engine.watch`'s matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.errors import InvalidSetting
from engine.events import DIMENSIONS
from engine.facts import FIELDS, LEVELS
from engine.measures import SERVICE_FIELDS
from engine.ratios import RATIOS
from engine.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US

__all__ = [
    "CHARTS", "COUNTED", "FORMS", "LEVEL_MEANS", "MEASURES", "NOW", "SAMPLE", "SEVERITIES", "SLICES_MAX", "Bound", "Condition",
    "fields_of", "sample_of",
]  # fmt: skip

#: What holds at an instant, whatever the window: the levels; agents `present`, which is all that are not offline; agents who hold
#: more contacts than their slots; conversations in which a customer's message has no person's reply; the longest wait that
#: goes on; and how long a source has sent nothing.
NOW = (*LEVELS, "present", "overloaded", "unreplied", "longest_wait_s", "silent_s")
#: Figures of the window that only add.
COUNTED = tuple(name for name in FIELDS if not name.endswith(("_us", "_net")))
LEVEL_MEANS = {"queue_depth_mean": "waiting", "in_service_mean": "in_service", "load_mean": "load"}
MEASURES = (*RATIOS, "service_level", *LEVEL_MEANS, *NOW, *COUNTED)
#: What may be below zero.
SIGNED = ("nps", "benchmark_gap_s")
#: How a figure is looked at. `figure`: itself. `times_usual`: by how much it is the usual of this hour (C52, C43). By the windows
#: that went before: `control`, its distance from their mean, where 1 is the control limit; `run`, how many of the newest lie on
#: one side of that mean; `variation`, their standard deviation by their mean (C41).
CHARTS = ("control", "run", "variation")
FORMS = ("figure", "times_usual", *CHARTS)
SEVERITIES = ("info", "warning", "critical")
#: So many contacts, ratings, checks make a share or mean worth a page.
SAMPLE = 10
#: A window is kept as so many slices at most.
SLICES_MAX = 1_500
WINDOW_US_MAX = 31 * DAY_US
DIMENSIONS_MAX = 3


def fields_of(measure: str) -> tuple[str, ...]:
    """The fields of the sums that a measure is made of; of what holds now, those whose change makes a group known."""
    if measure in RATIOS:
        return RATIOS[measure].fields
    if measure in LEVEL_MEANS:
        return (f"{LEVEL_MEANS[measure]}_area_us",)
    if measure in LEVELS:
        return (f"{measure}_net",)
    if measure == "present":
        return tuple(f"{state}_net" for state in LEVELS[LEVELS.index("available") :] if state != "offline")
    known = {"service_level": SERVICE_FIELDS, "overloaded": ("load_net",), "unreplied": ("customer_messages",),
             "longest_wait_s": ("waiting_net",), "silent_s": ()}  # fmt: skip
    return known.get(measure, (measure,))


def sample_of(measure: str) -> tuple[str, ...]:
    """The fields whose sum says of how many a measure is a share or a mean, none where it is neither."""
    if measure == "service_level":
        return ("answered", "abandoned")
    return RATIOS[measure].sample if measure in RATIOS else ()


@dataclass(frozen=True)
class Bound:
    """What a figure must not go beyond. `clear` is where it is well again, the limit itself unless said.

    For `times_usual`, a usual below `usual_least` counts as that. For charts, `intervals` windows before the newest count, of which
    half must have data.
    """

    measure: str
    limit: float
    is_above: bool
    clear: float | None = None
    form: str = "figure"
    usual_least: float = 0
    intervals: int = 24

    @property
    def clear_at(self) -> float:
        return self.limit if self.clear is None else self.clear


@dataclass(frozen=True)
class Condition:
    """One condition; broken where its figures are beyond any of its bounds, well where beyond none. `place` says where it is written.

    `by`: the dimensions whose groups are judged each by itself; `where`: the values that others must have, and the `period`.
    `sample`: fields and how many they must come to, or there is no data; None for what each measure is a share of, and `SAMPLE`.
    Without data nothing begins and nothing ends; after a whole window without any it is over. Raises InvalidSetting.
    """

    name: str
    any_of: tuple[Bound, ...]
    by: tuple[str, ...] = ()
    where: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    window_us: int = 30 * MINUTE_US
    step_us: int = MINUTE_US
    for_us: int = 0
    sample: tuple[tuple[str, ...], int] | None = None
    severity: str = "warning"
    place: str = "default policy"

    def __post_init__(self) -> None:
        wrong = [
            *self._misspelt(),
            *self._mistimed(),
            *(said for bound in self.any_of for said in self._misused(bound)),
        ]
        if wrong:
            raise InvalidSetting("\n".join(f"{self.place}: {sentence}" for sentence in wrong))

    def key(self, *parts: str) -> str:
        """What tells it from others in a snapshot, all of it or these parts: a condition that changed begins anew."""
        told = {
            name: getattr(self, name)
            for name in parts or ("name", "any_of", "by", "window_us", "step_us", "for_us", "sample")
        }
        return repr((told, sorted((name, sorted(values)) for name, values in self.where.items())))

    def needs(self, bound: Bound) -> tuple[tuple[str, ...], int]:
        """The fields that count the sample of a bound, none where every figure counts; and how many there must be."""
        if self.sample is not None:
            return self.sample
        return sample_of(bound.measure), SAMPLE

    def _misspelt(self) -> list[str]:
        told = []
        if not self.name or self.name != self.name.strip():
            told.append("the condition has no name; give it one, without blanks around it")
        if not self.any_of:
            told.append(f"{self.name} has no bound; name a measure and a limit")
        if self.severity not in SEVERITIES:
            told.append(f"{self.severity!r} is no severity; choose from {', '.join(SEVERITIES)}")
        for name in self.by:
            if name not in DIMENSIONS:
                told.append(f"{name!r} is no dimension; choose from {', '.join(DIMENSIONS)}")
        if len(set(self.by)) != len(self.by) or len(self.by) > DIMENSIONS_MAX:
            told.append(
                f"{self.name} is by {', '.join(self.by)}; name each dimension once, and {DIMENSIONS_MAX} at most"
            )
        for name, values in self.where.items():
            if name not in (*DIMENSIONS, "period"):
                told.append(f"{name!r} is nothing to choose by; choose from {', '.join(DIMENSIONS)}, period")
            if not values:
                told.append(f"{name} accepts nothing; name a value, or leave it out")
        for name in self.sample[0] if self.sample else ():
            if name not in COUNTED:
                told.append(f"{name!r} is no count; choose from {', '.join(COUNTED)}")
        return told

    def _mistimed(self) -> list[str]:
        told = []
        if self.step_us < SECOND_US or self.step_us % SECOND_US or DAY_US % self.step_us:
            told.append(
                f"the step of {self.name} must be of whole seconds and divide a day; write it like 10s, 1m or 5m"
            )
        elif self.window_us < self.step_us or self.window_us % self.step_us:
            told.append(f"the window of {self.name} is not made of whole steps; make it a multiple of the step")
        elif self.window_us // self.step_us > SLICES_MAX:
            told.append(f"the window of {self.name} is more than {SLICES_MAX:,} steps; take a longer step")
        if self.window_us > WINDOW_US_MAX:
            told.append(f"the window of {self.name} is longer than {WINDOW_US_MAX // DAY_US} days; take a shorter one")
        if self.for_us < 0:
            told.append(f"{self.name} must hold for a negative time; write none, or a duration")
        return told

    def _misused(self, bound: Bound) -> list[str]:
        told = []
        if bound.measure not in MEASURES:
            return [f"{bound.measure!r} is no measure that conditions know; choose from {', '.join(MEASURES)}"]
        if bound.form not in FORMS:
            return [f"{bound.form!r} is no way to look at a figure; choose from {', '.join(FORMS)}"]
        if (bound.clear_at > bound.limit) if bound.is_above else (bound.clear_at < bound.limit):
            told.append(
                f"{self.name} would clear on the wrong side of its limit; put clear on the side where all is well"
            )
        if bound.form != "figure" and bound.measure in NOW:
            told.append(f"{bound.measure} is of an instant, so it has neither a usual nor a chart; leave 'as' out")
        if bound.form == "times_usual" and self.window_us > HOUR_US:
            told.append(
                f"the window of {self.name} is longer than an hour, of which the usual is known; take 1h at most"
            )
        if bound.form in CHARTS and self.step_us != self.window_us:
            told.append(f"{self.name} is by a chart, whose intervals do not overlap; make its step its window")
        if not 4 <= bound.intervals <= 200:
            told.append(f"a chart of {bound.intervals} intervals tells nothing or too much; take 4 to 200")
        if bound.measure == "silent_s" and (self.by or self.where or len(self.any_of) > 1):
            told.append(
                "silent_s is of sources, which have no dimensions; say neither by nor where, and one bound only"
            )
        if bound.limit <= 0 and not bound.is_above and bound.measure not in SIGNED:
            told.append(f"{self.name} is below {bound.limit:g}, which nothing is; give a limit above zero")
        return told
