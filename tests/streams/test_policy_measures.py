"""The section `measures` of a policy's file: what it says is what is measured, and what it cannot say is refused with its line."""

import re
from dataclasses import replace

import pytest

from engine.definitions import AS_ELAPSED, NO_CAP_US, SHIPPED, Measure
from engine.source import InvalidFile
from engine.times import HOUR_US, MINUTE_US, SECOND_US
from streams.policy.reading import default_policy, parse_policy

FULL = """\
zone: Europe/London
hours:
  desk: {week: {mon-fri: 09:00-18:00}, zone: Asia/Tokyo}
measures:
  - name: mail_reply
    unit: turn
    start: unanswered
    within: 2h
    by: [human, automatic]
    aside: bot
    asked: yes
    hours: desk
    judged_by: elapsed
    by_day: yes
    by_agent: yes
    unanswered: elapsed
    cap: 1d
    again: 10m
    channel: [email, message]
    except: {queue: spam}
"""


def measures(text: str) -> tuple[Measure, ...]:
    return parse_policy(text.encode(), "p.yaml").measures


def only(text: str) -> Measure:
    (found,) = measures(f"measures:\n  - {text}\n")
    return found


def test_a_definition_in_full_says_every_parameter() -> None:
    (found,) = measures(FULL)
    assert found == Measure(
        "mail_reply", "turn", "unanswered", 2 * HOUR_US, by=frozenset({"human", "automatic"}), aside=frozenset({"bot"}),
        asked=True, hours="desk", judged_by="elapsed", zone="Asia/Tokyo", by_day=True, by_agent=True,
        unanswered_us=AS_ELAPSED, cap_us=24 * HOUR_US, again_us=10 * MINUTE_US,
        when={"channel": frozenset({"email", "message"})}, unless={"queue": frozenset({"spam"})}, where="p.yaml:5",
    )  # fmt: skip


def test_a_shipped_definition_is_taken_by_its_name_or_with_what_differs() -> None:
    jd = SHIPPED["jd_first_30s_rate"]
    assert only("jd_first_30s_rate") == replace(jd, where="p.yaml:2")
    found = only("{use: jd_first_30s_rate, name: quick, channel: [jd, jd-x], tier: vip, within: 20s, cap: none}")
    assert (found.name, found.within_us, found.cap_us) == ("quick", 20 * SECOND_US, NO_CAP_US)
    assert found.when == {"channel": {"jd", "jd-x"}, "tier": {"vip"}}
    assert found.hours == jd.hours
    assert only("{use: jd_first_30s_rate, hours: none}").hours == ""


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_definition_finds_its_hours_in_the_default_policy(name: str) -> None:
    assert only(name) == replace(SHIPPED[name], where="p.yaml:2")


def test_the_default_measures_stay_where_a_file_names_none_and_none_means_none() -> None:
    assert measures("limits: {wait: 10s}") == default_policy().measures
    assert measures("measures: none") == ()
    everywhere = [measure.name for measure in default_policy().measures if not measure.when]
    assert everywhere == ["first_reply_any", "first_human_reply", "average_response"]
    for measure in default_policy().measures[3:]:
        assert measure.when == {"channel": {measure.name.partition("_")[0]}}
        assert measure == replace(SHIPPED[measure.name], where=measure.where)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jd_first_20s_rate", "no measure 'jd_first_20s_rate'; did you mean jd_first_30s_rate?"),
        ("{use: speed}", "no measure 'speed'; choose from first_reply_any"),
        ("{name: x, unit: turn}", "does not say start and within"),
        ("{use: first_reply_any, withn: 3s}", "did you mean within?"),
        ("{use: first_reply_any, within: 0s}", "within of first_reply_any is 0"),
        ("{use: first_reply_any, within: none}", "none is no duration"),
        ("{use: first_reply_any, hours: night}", "there are no hours 'night'"),
        ("{use: first_reply_any, unanswered: lost}", "write left_out, elapsed, or 10m"),
        ("{use: first_reply_any, unit: [turn]}", "write the value alone"),
        ("{use: first_reply_any, asked: true}", "neither yes nor no"),
        ("{use: first_reply_any, zone: Mars}", "no IANA time zone"),
        ("{use: first_reply_any, except: spam}", "except consists of"),
        ("{use: first_reply_any, except: {mood: bad}}", "'mood' is no dimension"),
        ("{use: first_reply_any, start: further}", "no start of the unit contact"),
        ("{use: first_reply_any, name: csat}", "columns of 'csat' already"),
    ],
)
def test_what_a_measure_cannot_say_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        only(text)
    (fault,) = refused.value.faults
    assert re.match(r"p\.yaml:2: ", fault)
    assert said in fault


def test_the_faults_of_several_measures_are_said_at_once() -> None:
    with pytest.raises(InvalidFile) as refused:
        measures("measures:\n  - first_rply\n  - average_response\n  - {use: average_response, within: soon}\n")
    assert [fault.partition(": ")[0] for fault in refused.value.faults] == ["p.yaml:2", "p.yaml:4"]
