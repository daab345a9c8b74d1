"""Each response measure that ships, worked out by hand, with the traps of its published definition. Times are Shanghai's."""

from dataclasses import replace
from math import isnan
from typing import Any

import pytest

from engine.definitions import LEFT_OUT, SHIPPED, Measure
from engine.errors import InvalidSetting
from engine.measures import measures, responses
from engine.pipeline import Engine, Settings
from engine.policy import Policy
from engine.windows import Spec
from streams.policy.reading import default_policy
from tests.engine.events import DAY_US, HOUR_US, MINUTE_US, S, clock_us, window
from tests.engine.events import at as at_utc
from tests.engine.running import feed, figures_of
from tests.reference import Arrival

HOURS = default_policy().hours
SETTINGS = Settings(
    rollups=((), ("channel",)), windows=(Spec(30 * MINUTE_US, 30 * MINUTE_US),), linger_us=3 * DAY_US,
    policy=Policy((), hours=HOURS, measures=tuple(SHIPPED.values())),
)  # fmt: skip
CUSTOMER, AGENT, BOT, QUEUED, ANSWERED, CLOSED = (
    "message.customer", "message.agent", "message.bot", "contact.queued", "contact.answered", "contact.closed",
)  # fmt: skip


def local_us(clock: str, day: int = 0) -> int:
    return clock_us(clock) - 8 * HOUR_US + day * DAY_US


def at(clock: str, kind: str, contact: str = "a", *, day: int = 0, **said: Any) -> Arrival:
    return at_utc(local_us(clock, day), kind, contact, **said)


def fed(*arrivals: Arrival, settings: Settings = SETTINGS) -> Engine:
    engine = Engine(settings)
    feed(engine, arrivals)
    return engine


def told(engine: Engine, name: str) -> tuple[int, int, float]:
    """Count, count in target, and seconds in all, over everything."""
    rollup = engine.tallies.rollups[0]
    count, in_target, us = (
        int(rollup.totals[0, rollup.fields[f"responses.{name}.{part}"]]) for part in ("count", "in_target", "us")
    )
    return count, in_target, us / S


def of(name: str, *arrivals: Arrival) -> tuple[int, int, float]:
    engine = fed(*arrivals)
    engine.finish()
    return told(engine, name)


# The customers' and our own.


def test_the_first_reply_of_any_kind_counts_a_bots_and_the_human_one_waits_for_a_person_to_be_asked_for() -> None:
    #  8:00:00 written | :05 bot | 8:10 queued | 8:11 person
    events = (at("8:00", CUSTOMER), at("8:00:05", BOT), at("8:10", QUEUED), at("8:11", AGENT))
    assert of("first_reply_any", *events) == (1, 1, 5)
    assert of("first_human_reply", *events) == (1, 1, 60)
    assert of("first_human_reply", at("8:00", CUSTOMER), at("8:00:05", BOT), at("8:01", CLOSED)) == (0, 0, 0)


def test_a_reply_at_the_limit_itself_is_in_target_and_one_after_it_is_not() -> None:
    assert of("average_response", at("8:00", CUSTOMER), at("8:01", AGENT)) == (1, 1, 60)
    assert of("average_response", at("8:00", CUSTOMER), at("8:01:00.001", AGENT)) == (1, 0, 60.001)


def test_the_average_response_is_over_every_turn_from_its_first_message() -> None:
    #  8:00:00, 8:00:20 -> 8:00:30 | 8:02:00 -> 8:03:30 | 8:04:00 nobody any more
    events = (
        at("8:00", CUSTOMER), at("8:00:20", CUSTOMER), at("8:00:30", AGENT), at("8:00:40", AGENT),
        at("8:02", CUSTOMER), at("8:03:30", AGENT), at("8:04", CUSTOMER), at("8:05", CLOSED),
    )  # fmt: skip
    assert of("average_response", *events) == (2, 1, 120)


# Taobao.


def test_taobao_counts_several_questions_from_the_first_and_no_automatic_reply() -> None:
    events = (
        at("20:00", CUSTOMER, channel="taobao"), at("20:00:20", AGENT, automatic=True), at("20:01", CUSTOMER),
        at("20:02:59", AGENT),
    )  # fmt: skip
    assert of("taobao_3min_human_rate", *events) == (1, 1, 179)
    assert of("jd_first_30s_rate", *events) == (0, 0, 0), "it is another shop's"


def test_taobao_caps_a_round_at_ten_minutes() -> None:
    events = (at("20:00", CUSTOMER, channel="taobao"), at("20:15", AGENT))
    assert of("taobao_average_response", *events) == (1, 0, 600)


def test_what_taobaos_automatic_bot_answers_is_in_neither_number() -> None:
    by_bot = (at("20:00", CUSTOMER, channel="taobao"), at("20:00:01", BOT))
    assert of("taobao_average_response", *by_bot, at("20:10", CLOSED)) == (0, 0, 0)
    then = (at("20:01", CUSTOMER), at("20:01:30", QUEUED), at("20:01:40", BOT), at("20:02", AGENT))
    assert of("taobao_average_response", *by_bot, *then) == (1, 1, 60)


def test_a_transfer_without_a_reply_leaves_the_first_account_unanswered() -> None:
    events = (
        at("20:00", ANSWERED, agent="ann", channel="taobao"), at("20:01", CUSTOMER), at("20:02", "contact.transferred"),
        at("20:02", ANSWERED, agent="bo"), at("20:03", CUSTOMER), at("20:03:10", AGENT, agent="bo"),
    )  # fmt: skip
    assert of("taobao_average_response", *events[:2], *events[3:]) == (1, 1, 130)
    events = tuple(replace(event, time_us=event.time_us + S * (number == 3)) for number, event in enumerate(events))
    assert of("taobao_average_response", *events) == (2, 1, 610)


def test_what_is_unanswered_on_its_day_counts_for_ten_minutes_on_that_day() -> None:
    #  22:50 written ... midnight | 00:15 no late event of the day can come any more | 8:10 answered
    written = at("22:50", CUSTOMER, channel="taobao")
    engine = fed(written)
    engine.advance(local_us("0:14:59", day=1))
    assert told(engine, "taobao_average_response") == (0, 0, 0)
    engine.advance(local_us("0:15", day=1))
    assert told(engine, "taobao_average_response") == (1, 0, 600)
    assert window(engine, "14:30", "15:00")["taobao_average_response_avg_s"] == 600
    feed(engine, [at("8:10", AGENT, day=1)])
    engine.finish()
    assert told(engine, "taobao_average_response") == (1, 0, 600)
    assert of("taobao_average_response", written, at("8:10", AGENT, day=1)) == (1, 0, 600)
    assert of("taobao_average_response", written, at("23:59:59", AGENT)) == (1, 0, 600)


# JD.


@pytest.mark.parametrize(
    ("start", "reply", "expected"),
    [
        ("22:59:59", "23:00:20", (1, 1, 21)), ("22:59:59", "23:10", (1, 0, 601)), ("23:00", "23:00:10", (0, 0, 0)),
        ("8:56", "9:01", (0, 0, 0)), ("9:00", "9:00:30", (1, 1, 30)), ("9:00", "9:00:31", (1, 0, 31)),
    ],
)  # fmt: skip
def test_jd_leaves_a_session_out_by_when_it_starts_alone(start: str, reply: str, expected: Any) -> None:
    events = (at(start, CUSTOMER, channel="jd"), at(reply, AGENT))
    assert of("jd_first_30s_rate", *events) == expected
    assert of("jd_average_response", *events) == expected


def test_jd_counts_the_first_reply_alone_and_a_session_without_any_as_missed() -> None:
    events = (at("9:00", CUSTOMER, channel="jd"), at("9:00:10", AGENT), at("9:01", CUSTOMER), at("9:05", AGENT))
    assert of("jd_first_30s_rate", *events) == (1, 1, 10)
    assert of("jd_average_response", *events) == (2, 1, 250)
    assert of("jd_first_30s_rate", events[0], at("9:00:20", CLOSED)) == (1, 0, 20)


@pytest.mark.parametrize(("again", "count"), [("9:11:59", 1), ("9:12", 2)])
def test_a_contact_reopened_within_ten_minutes_is_the_same_jd_session(again: str, count: int) -> None:
    events = (
        at("9:00", CUSTOMER, channel="jd"), at("9:00:10", AGENT), at("9:02", CLOSED), at(again, "contact.reopened"),
        at("9:13", CUSTOMER), at("9:13:20", AGENT),
    )  # fmt: skip
    assert of("jd_first_30s_rate", *events)[0] == count


# Douyin and Kuaishou.

_TWO_WAITS = (
    at("20:00", CUSTOMER, channel="douyin"), at("20:00:10", QUEUED), at("20:01", AGENT), at("20:02", CUSTOMER),
    at("20:03", CUSTOMER), at("20:05:30", AGENT),
)  # fmt: skip


def test_douyins_versions_disagree_about_the_same_conversation() -> None:
    # One wait of two is too long, so the conversation is missed; of three messages one waited for more than three minutes.
    assert of("douyin_3min_contacts", *_TWO_WAITS)[:2] == (1, 0)
    assert of("douyin_3min_messages", *_TWO_WAITS)[:2] == (3, 2)


def test_a_conversation_is_taken_out_of_target_when_it_goes_on_and_misses() -> None:
    engine = fed(*_TWO_WAITS[:3], at("20:01:40", "contact.opened", "b"))
    engine.settle()
    assert told(engine, "douyin_3min_contacts")[:2] == (1, 1)
    feed(engine, _TWO_WAITS[3:])
    engine.finish()
    assert told(engine, "douyin_3min_contacts")[:2] == (1, 0)


def test_a_wait_that_is_too_long_is_missed_by_the_clock_while_it_goes_on() -> None:
    engine = fed(at("20:00", CUSTOMER, channel="douyin"), at("20:00", QUEUED))
    engine.advance(local_us("20:03"))
    assert told(engine, "douyin_3min_contacts")[:2] == (1, 1)
    engine.advance(local_us("20:03") + 1)
    assert told(engine, "douyin_3min_contacts")[:2] == (1, 0)


def test_a_late_reply_that_was_in_time_makes_up_for_what_the_clock_found() -> None:
    engine = fed(at("20:00", CUSTOMER, channel="douyin"), at("20:00", QUEUED), at("20:04", "contact.opened", "b"))
    engine.settle()
    assert told(engine, "douyin_3min_contacts")[:2] == (1, 0)
    feed(engine, [at("20:02", AGENT)])
    engine.finish()
    assert engine.counters.late == 1
    assert told(engine, "douyin_3min_contacts") == (1, 1, 120)


def test_who_was_never_assigned_is_missed_and_who_never_asked_for_a_person_is_not_counted() -> None:
    unassigned = (at("20:00", CUSTOMER, channel="douyin"), at("20:00", QUEUED), at("20:01", "contact.abandoned"))
    assert of("douyin_3min_contacts", *unassigned)[:2] == (1, 0)
    by_bot = (at("20:00", CUSTOMER, channel="douyin"), at("20:00:01", BOT), at("20:09", CLOSED))
    assert of("douyin_3min_contacts", *by_bot)[:2] == (0, 0)


def test_douyins_day_ends_before_eleven() -> None:
    assert of("douyin_3min_messages", at("22:59:59", ANSWERED, channel="douyin"), at("22:59:59", CUSTOMER))[0] == 0
    late = (
        at("22:59:58", ANSWERED, channel="douyin"),
        at("22:59:59", CUSTOMER),
        at("23:00", CUSTOMER),
        at("23:01", AGENT),
    )
    assert of("douyin_3min_messages", *late) == (1, 1, 61)


def _kuaishou(contact: str, customer: str, start: str, reply: str, **said: Any) -> tuple[Arrival, ...]:
    who = {"customer": customer, "channel": "kuaishou", **said}
    return at(start, CUSTOMER, contact, **who), at(start, ANSWERED, contact), at(reply, AGENT, contact)


def test_kuaishou_counts_users_and_not_rounds() -> None:
    #  x: 1 min, 4 min, in two contacts | y: 1 min | x in another shop: 1 min
    contacts = (
        *_kuaishou("a", "x", "20:00", "20:01"), *_kuaishou("b", "x", "20:10", "20:14"),
        *_kuaishou("c", "y", "20:20", "20:21"), *_kuaishou("d", "x", "20:30", "20:31", tenant="shop-2"),
    )  # fmt: skip
    assert of("kuaishou_3min_users", *contacts) == (3, 2, 7 * 60)
    assert of("kuaishou_3min_users", *contacts, *_kuaishou("e", "x", "20:40", "20:49")) == (3, 2, 16 * 60)


def test_a_user_counts_anew_on_the_next_day_and_without_a_name_by_contact() -> None:
    tomorrow = (replace(event, time_us=event.time_us + DAY_US) for event in _kuaishou("b", "x", "20:00", "20:01"))
    assert of("kuaishou_3min_users", *_kuaishou("a", "x", "20:00", "20:01"), *tomorrow)[0] == 2
    unknown = [
        replace(event, event={**event.event, "customer": None})
        for name in "ab"
        for event in _kuaishou(name, "", "20:00", "20:01")
    ]
    assert of("kuaishou_3min_users", *sorted(unknown, key=lambda event: event.time_us))[0] == 2


# Chatwoot, Zendesk, Amazon Connect.


def test_chatwoots_report_begins_at_the_last_hand_over_by_a_bot_and_its_sla_does_not() -> None:
    events = (
        at("8:00", "contact.opened"), at("8:00", CUSTOMER), at("8:00:05", BOT), at("8:10", QUEUED), at("8:11", AGENT),
    )  # fmt: skip
    assert of("chatwoot_report_first_response", *events) == (1, 1, 60)
    assert of("chatwoot_sla_frt", *events) == (1, 0, 660)
    without = (events[0], events[1], *events[3:])
    assert of("chatwoot_report_first_response", *without) == of("chatwoot_sla_frt", *without) == (1, 0, 660)


def test_a_thank_you_that_nobody_answers_is_no_reply_time() -> None:
    events = (
        at("8:00", CUSTOMER), at("8:00:30", AGENT), at("8:01", CUSTOMER), at("8:01:50", AGENT), at("8:02", CUSTOMER),
        at("9:00", CLOSED),
    )  # fmt: skip
    for name in ("chatwoot_reply_time", "zendesk_next_reply"):
        assert of(name, *events) == (1, 1, 50)


def test_zendesk_waits_for_the_takeover_by_a_person_and_nobody_who_was_written_to_first_waits() -> None:
    events = (at("8:00", "contact.opened"), at("8:00:01", BOT), at("8:05", ANSWERED, agent="ann"), at("8:05:45", AGENT))
    assert of("zendesk_first_reply", *events) == (1, 1, 45)
    assert of("zendesk_first_reply", at("8:00", AGENT), at("8:01", AGENT)) == (0, 0, 0)


def test_connects_clock_begins_when_the_agent_obtained_the_chat() -> None:
    events = (at("8:00", CUSTOMER), at("8:00", QUEUED), at("8:05", ANSWERED, agent="ann"), at("8:05:30", AGENT))
    assert of("connect_agent_first_response", *events) == (1, 1, 30)


# Of one's own.


def measured(*own: Measure, **settings: Any) -> Settings:
    return replace(SETTINGS, policy=Policy((), hours=HOURS, measures=own), **settings)


def test_judged_by_elapsed_only_the_time_within_the_hours_counts() -> None:
    #  Wednesday 17:59 written ... Thursday 9:30 answered, office hours 9:00 to 18:00
    own = Measure("mail", "turn", "unanswered", HOUR_US, hours="office", judged_by="elapsed")
    engine = fed(at("17:59", CUSTOMER), at("9:30", AGENT, day=1), settings=measured(own))
    engine.finish()
    assert told(engine, "mail") == (1, 1, 31 * 60)


def test_without_data_there_is_neither_a_rate_nor_an_average() -> None:
    engine = fed(at("8:00", CUSTOMER, channel="jd"), at("8:00:10", AGENT))
    engine.advance(local_us("8:01"))
    found = window(engine, "0:00", "0:30")
    assert found["jd_first_30s_rate_count"] == 0
    assert isnan(found["jd_first_30s_rate_rate"])
    assert isnan(found["jd_first_30s_rate_avg_s"])
    (total,) = engine.now()["groups"]["total"]
    assert total["measures"]["average_response"] == {"rate": 1, "avg_s": 10, "count": 1}
    assert "jd_first_30s_rate" not in total["measures"]


def test_waits_and_customers_days_have_limits_that_are_counted() -> None:
    own = replace(SHIPPED["kuaishou_3min_users"], when={}), replace(SHIPPED["average_response"])
    settings = measured(*own, waits_max=3, customer_days_max=1)
    events = [event for name in "abc" for event in _kuaishou(name, f"customer of {name}", "20:00", "20:01")]
    engine = fed(*events, settings=settings)
    engine.finish()
    assert engine.limits_reached["customer_days_max"] == 2
    assert told(engine, "kuaishou_3min_users") == (1, 1, 60)
    engine = fed(*(event for event in events if event.event["type"] != AGENT), settings=settings)
    engine.finish()
    assert engine.limits_reached["waits_max"] == 3


def test_days_of_customers_are_forgotten_when_nothing_can_change_them() -> None:
    engine = fed(*_kuaishou("a", "x", "20:00", "20:01"), *_kuaishou("b", "y", "20:01", "23:59"))
    for clock, known in (("0:14", 2), ("0:16", 0)):
        engine.advance(local_us(clock, day=1))
        engine.responses.forget(engine.watermark_us)
        assert len(engine.responses.records_in_use()) == known


def test_a_snapshot_made_with_other_measures_is_refused() -> None:
    data = fed(at("8:00", CUSTOMER)).snapshot()
    with pytest.raises(InvalidSetting, match="other response measures"):
        Engine.restore(data, measured(SHIPPED["average_response"]))


_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"name": "Mine"}, "small letters"), ({"name": "csat"}, "columns of 'csat' already"), ({"unit": "round"}, "no unit"),
    ({"start": "first"}, "no start; choose"), ({"start": "written"}, "no start of the unit turn"), ({"stop": "close"}, "no stop"),
    ({"judged_by": "end"}, "no judged_by"), ({"by": frozenset({"robot"})}, "cannot reply"), ({"by": frozenset()}, "nobody may end"),
    ({"aside": frozenset({"human"})}, "both counts and does not"), ({"within_us": 0}, "within of x is 0"),
    ({"cap_us": -1}, "cap of x"), ({"unanswered_us": 0}, "unanswered of x"), ({"judged_by": "elapsed"}, "name hours"),
    ({"stop": "answer", "by": frozenset({"bot"})}, "only a person"), ({"when": {"mood": frozenset({"a"})}}, "no dimension"),
    ({"unless": {"queue": frozenset()}}, "has no value"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "why"), _FAULTS)
def test_a_definition_that_contradicts_itself_is_refused(fault: dict[str, Any], why: str) -> None:
    sound = {"name": "x", "unit": "turn", "start": "unanswered", "within_us": S, "unanswered_us": LEFT_OUT}
    Measure(**sound)
    with pytest.raises(InvalidSetting, match=f"default policy: .*{why}"):
        Measure(**sound | fault)


def test_a_policy_refuses_the_same_name_twice_unknown_hours_and_more_than_64() -> None:
    one = SHIPPED["average_response"]
    for own, why in (
        ((one, one), "said already"), ((SHIPPED["jd_average_response"],), "no hours 'jd'"),
        (tuple(replace(one, name=f"m{number}") for number in range(65)), "a policy may have 64"),
    ):  # fmt: skip
        with pytest.raises(InvalidSetting, match=why):
            Policy((), measures=own)


def test_no_measure_can_take_the_name_of_a_column() -> None:
    engine = fed(at("8:00", CUSTOMER))
    figures = figures_of(engine, engine.tallies.rollups[0], 0, engine.pane_us)
    plain = set(measures(figures, figures.windows + 1, "answered_of_ended")) - set(responses(figures))
    stems = {name.removesuffix(end) for name in plain for end in ("_rate", "_avg_s", "_count") if name.endswith(end)}
    for name in stems:
        with pytest.raises(InvalidSetting, match="already"):
            Measure(name, "turn", "unanswered", S)


def test_under_another_policy_measures_of_the_same_name_keep_what_they_have_and_others_begin() -> None:
    slow, quick = (Measure(name, "turn", "unanswered", seconds * S) for name, seconds in (("slow", 60), ("quick", 5)))
    engine = fed(
        at("10:00", ANSWERED), at("10:01:00", CUSTOMER), at("10:01:10", AGENT), at("10:02:00", CUSTOMER),
        at("10:02:01", "contact.opened", "b"),
        settings=replace(SETTINGS, disorder_bound_us=0, policy=Policy((), measures=(slow,))),
    )  # fmt: skip
    engine.adopt(Policy((), measures=(quick, slow)))
    assert (told(engine, "slow"), told(engine, "quick")) == ((1, 1, 10.0), (0, 0, 0.0))
    # The turn that was open counts for nothing; the next one does.
    feed(engine, [at("10:02:20", AGENT), at("10:03:00", CUSTOMER), at("10:03:08", AGENT)])
    restored = Engine.restore(engine.snapshot(), engine.settings)
    for each in (engine, restored):
        each.finish()
        assert (told(each, "slow"), told(each, "quick")) == ((2, 2, 18.0), (1, 0, 8.0))


def test_under_another_policy_with_the_same_measures_open_turns_go_on() -> None:
    slow = Measure("slow", "turn", "unanswered", 60 * S)
    engine = fed(
        at("10:00", ANSWERED), at("10:01:00", CUSTOMER), settings=replace(SETTINGS, policy=Policy((), measures=(slow,)))
    )
    engine.adopt(Policy((), measures=(replace(slow, where="policy.yaml:9"),), hours=HOURS))
    feed(engine, [at("10:01:20", AGENT)])
    engine.finish()
    assert told(engine, "slow") == (1, 1, 20.0)
