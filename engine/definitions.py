"""How response times are measured: the parameters of one definition, and the named definitions that ship.

Owns what a definition says and that it does not contradict itself; `engine.responses` applies it. Never measures anything.
The law: every published definition is one set of these parameters, so that two numbers of different names can be told apart
by reading both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from engine.errors import InvalidSetting
from engine.events import DIMENSIONS
from engine.times import MINUTE_US, SECOND_US

__all__ = [
    "AS_ELAPSED", "LEFT_OUT", "MEASURES_MAX", "NO_CAP_US", "REPLIERS", "SHIPPED", "STARTS", "STOPS", "UNITS", "Measure",
    "fields_of",
]  # fmt: skip

#: What is counted. `contact`: a contact, once; `turn`: the customer's messages up to a reply; `message`: each message of the customer;
#: `customer`: a customer of a tenant on one local day, whatever the number of contacts.
UNITS = ("contact", "turn", "message", "customer")
#: When a wait begins. `opened`: the contact's first event; `handed`: likewise, and again whenever it is handed from a bot that has replied to a
#: person; `written`: the customer's first message; `unanswered`: the first unanswered message, again and again;
#: `further`: likewise, but only after the first reply that counts; `queued`: it first waits for a person; `answered`: a person first takes it.
STARTS = ("opened", "handed", "written", "unanswered", "further", "queued", "answered")
#: What ends it: a reply by one of `by`, or that a person takes the contact.
STOPS = ("reply", "answer")
REPLIERS = ("human", "bot", "automatic")
#: Of each contact there is a bit a definition.
MEASURES_MAX = 64
NO_CAP_US = 2**62
#: What an unanswered wait counts for, beside a duration: nothing at all, or the time that has passed.
LEFT_OUT, AS_ELAPSED = -2, -1

#: Names whose columns the report has already.
_TAKEN = ("abandonment", "critical_error", "csat", "first_response", "pass", "response")
_NAME = re.compile("[a-z][a-z0-9_]{0,63}", re.ASCII)
_NOTHING: Mapping[str, frozenset[str]] = MappingProxyType({})
_ONCE = ("opened", "handed", "written", "queued", "answered")
_STARTS_OF = {"contact": (*_ONCE, "unanswered"), "turn": ("unanswered", "further"),
              "message": ("unanswered", "further"), "customer": ("unanswered",)}  # fmt: skip


@dataclass(frozen=True)
class Measure:
    """One definition. Durations in microseconds, above zero. Raises InvalidSetting for what contradicts itself.

    A wait is in target if a reply that counts comes within `within_us`, the limit included. A contact whose waits are `unanswered`, and a customer, are
    in target while every one of their waits is.

    `by` may end the wait. `aside`: a reply by these takes it out of the measure while no person is asked for, that is,
    while the contact neither waits for a person nor has one. `asked`: a wait runs only while a person is asked for; what was
    unanswered when that began is waited for from then on.

    `hours` names hours of the policy, "" for all. Judged by `start`, a wait that begins outside of them is left out and another runs by the clock;
    judged by `elapsed`, only the time within them counts. `zone` says when its local days begin.

    A wait is unanswered when the contact ends; with `by_day` also when the local day ends on which it began; with `by_agent` also when
    the contact is transferred. It is missed then and counts for `unanswered_us`, a duration, `AS_ELAPSED` or, where it is not counted at all, `LEFT_OUT`.
    No wait counts for more than `cap_us`.

    `again_us`: a contact that is reopened so long after its end, or longer, counts anew; `NO_CAP_US` for never. The
    measure is for contacts that have one of the values of every dimension in `when`, and none of those in `unless`.
    """

    name: str
    unit: str
    start: str
    within_us: int
    stop: str = "reply"
    by: frozenset[str] = frozenset({"human"})
    aside: frozenset[str] = frozenset()
    asked: bool = False
    hours: str = ""
    judged_by: str = "start"
    zone: str = "Asia/Shanghai"
    by_day: bool = False
    by_agent: bool = False
    unanswered_us: int = LEFT_OUT
    cap_us: int = NO_CAP_US
    again_us: int = NO_CAP_US
    when: Mapping[str, frozenset[str]] = field(default_factory=lambda: _NOTHING)
    unless: Mapping[str, frozenset[str]] = field(default_factory=lambda: _NOTHING)
    where: str = "default policy"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise self._fault(f"{self.name!r} is no name of a measure; use small letters, digits and _, at most 64")
        if self.name in _TAKEN:
            raise self._fault(f"the report has columns of {self.name!r} already; give the measure another name")
        for what, value, known in (
            ("unit", self.unit, UNITS), ("stop", self.stop, STOPS), ("judged_by", self.judged_by, ("start", "elapsed")),
            ("start", self.start, STARTS), ("start", self.start, _STARTS_OF.get(self.unit, STARTS)),
        ):  # fmt: skip
            if value not in known:
                of = f" of the unit {self.unit}" if what == "start" and value in STARTS else ""
                raise self._fault(f"{value!r} is no {what}{of}; choose from {', '.join(known)}")
        for what, values in (("by", self.by), ("aside", self.aside)):
            for value in sorted(values - set(REPLIERS)):
                raise self._fault(f"{value!r} cannot reply; choose from {', '.join(REPLIERS)} for {what}")
        if not self.by:
            raise self._fault(f"nobody may end the wait; say who in by: {', '.join(REPLIERS)}")
        if self.by & self.aside:
            raise self._fault(
                f"a reply by {min(self.by & self.aside)} both counts and does not; take it out of by or of aside"
            )
        if self.stop == "answer" and (self.by != {"human"} or self.start == "answered"):
            raise self._fault(
                "only a person takes a contact, and once; with stop: answer leave by out, and start earlier"
            )
        for what, value_us in (("within", self.within_us), ("cap", self.cap_us), ("again", self.again_us)):
            if value_us <= 0:
                raise self._fault(f"{what} of {self.name} is {value_us} µs; it must be above zero")
        if self.unanswered_us <= 0 and self.unanswered_us not in (LEFT_OUT, AS_ELAPSED):
            raise self._fault(f"unanswered of {self.name} is {self.unanswered_us} µs; it must be above zero")
        if self.judged_by == "elapsed" and not self.hours:
            raise self._fault(
                "without hours nothing is judged by elapsed time in them; name hours, or leave judged_by out"
            )
        for values_of in (self.when, self.unless):
            for name, accepted in values_of.items():
                if name not in DIMENSIONS:
                    raise self._fault(f"{name!r} is no dimension; choose from {', '.join(DIMENSIONS)}")
                if not accepted:
                    raise self._fault(f"{name} has no value; name one, or leave {name} out")

    @property
    def once(self) -> bool:
        """Whether a contact has one wait only."""
        return self.unit == "contact" and self.start != "unanswered"

    @property
    def every(self) -> bool:
        """Whether the unit is in target while every one of its waits is."""
        return self.unit == "customer" or (self.unit == "contact" and self.start == "unanswered")

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Whether it is for a contact of these values."""
        return all(facts.get(name, "") in values for name, values in self.when.items()) and not any(
            facts.get(name, "") in values for name, values in self.unless.items()
        )

    def _fault(self, told: str) -> InvalidSetting:
        return InvalidSetting(f"{self.where}: {told}")


def fields_of(measures: tuple[Measure, ...]) -> tuple[str, ...]:
    """The tallies' columns of some measures: how many units, how many of them in target, and how long was waited."""
    return tuple(f"responses.{measure.name}.{part}" for measure in measures for part in ("count", "in_target", "us"))


def _of(channel: str) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({"channel": frozenset({channel})})


_HUMAN, _ANYBODY, _BOT = frozenset({"human"}), frozenset(REPLIERS), frozenset({"bot"})
_TEN_MINUTES_US = 600 * SECOND_US
#: Rounds of Taobao and Tmall, 08:00 to 23:00 by when they begin: from the first sentence of several to a person's reply, every sub-account's by
#: itself. What the fully automatic bot answers is in neither number. Unanswered on the day it counts for ten minutes, and none counts for more.
_TAOBAO = Measure(
    "taobao_average_response", "turn", "unanswered", 3 * MINUTE_US, by=_HUMAN, aside=_BOT, hours="taobao", by_day=True,
    by_agent=True, unanswered_us=_TEN_MINUTES_US, cap_us=_TEN_MINUTES_US, when=_of("taobao"),
)  # fmt: skip
#: First replies of JD: a session that begins between 23:00 and 09:00 is left out, whenever it is answered. One that is reopened less than ten
#: minutes after its end is the same.
_JD = Measure(
    "jd_first_30s_rate", "contact", "written", 30 * SECOND_US, hours="jd", unanswered_us=AS_ELAPSED,
    again_us=_TEN_MINUTES_US, when=_of("jd"),
)  # fmt: skip
#: Feige's conversations that were handed to a person, 08:00:00 to 22:59:59: those in which every wait of the buyer was below three minutes. One that no
#: person is found for is missed.
_DOUYIN = Measure(
    "douyin_3min_contacts", "contact", "unanswered", 3 * MINUTE_US, asked=True, hours="douyin", by_day=True,
    unanswered_us=AS_ELAPSED, when=_of("douyin"),
)  # fmt: skip

_SHIPPED = (
    # C1: from the customer's first message to a reply of any kind.
    Measure("first_reply_any", "contact", "written", 60 * SECOND_US, by=_ANYBODY),
    # C1: from when a customer who has written waits for a person or has one, to a person's first reply.
    Measure("first_human_reply", "contact", "written", 60 * SECOND_US, asked=True),
    # C2: every turn of the customer, to a person's reply.
    Measure("average_response", "turn", "unanswered", 60 * SECOND_US),
    # C11, the marketplaces. Section 3.3 of the survey of definitions, sources CN1 to CN9.
    replace(_TAOBAO, name="taobao_3min_human_rate"),
    _TAOBAO,
    _JD,
    # The mean over all turns of the same sessions; a turn that begins outside of the hours is left out, and one without a reply.
    replace(_JD, name="jd_average_response", unit="turn", start="unanswered", unanswered_us=LEFT_OUT, again_us=NO_CAP_US),
    _DOUYIN,
    # The other published version: messages to a person that were answered in three minutes.
    replace(_DOUYIN, name="douyin_3min_messages", unit="message"),
    # Kuaishou counts users, not rounds: who was left waiting for more than three minutes once is missed for the day.
    replace(_DOUYIN, name="kuaishou_3min_users", unit="customer", hours="kuaishou", when=_of("kuaishou")),
    # Chatwoot's report: from the end of the last hand-over by a bot, else from the opening, to the first human reply (CW3).
    Measure("chatwoot_report_first_response", "contact", "handed", 60 * SECOND_US),
    # Chatwoot's SLA disagrees with its report: always from the opening (CW4). We count a contact without any reply as missed.
    Measure("chatwoot_sla_frt", "contact", "opened", 60 * SECOND_US, unanswered_us=AS_ELAPSED),
    # Chatwoot's waiting_since to a human reply, after the first one. A "thanks, bye" that nobody answers is left out (#10178).
    Measure("chatwoot_reply_time", "turn", "further", 60 * SECOND_US),
    # Zendesk: from the creation to the first public comment of an agent; after a bot from the takeover by a person (Z3, Z5).
    Measure("zendesk_first_reply", "contact", "handed", 60 * SECOND_US),
    # Zendesk: from the oldest unanswered comment to the next of an agent, after the first reply.
    Measure("zendesk_next_reply", "turn", "further", 60 * SECOND_US),
    # Amazon Connect's AgentFirstResponseTime: from when the agent obtained the chat, without its time in the queue (AC12).
    Measure("connect_agent_first_response", "contact", "answered", 60 * SECOND_US),
)  # fmt: skip
#: The definitions that ship, by name. The hours that some name are in the default policy.
SHIPPED: Mapping[str, Measure] = MappingProxyType({measure.name: measure for measure in _SHIPPED})
