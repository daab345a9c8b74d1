"""What a policy changes is told by what it says, not by where it says it."""

from streams.policy.difference import differences
from streams.policy.reading import default_policy, parse_policy

OLD = b"""
hours: {desk: {week: {mon-fri: 09:00-18:00}}}
periods:
  - {name: sale, from: 2026-11-11, until: 2026-11-12}
  - {name: sale, from: 2027-11-11, until: 2027-11-12}
limits:
  wait: [5m, {limit: 30s, channel: phone}, {limit: 2m, tier: [vip, ka]}]
"""


def changed(new: bytes) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    found = differences(parse_policy(OLD, "old.yaml"), parse_policy(new, "new.yaml"))
    return [(each.of, each.goes, each.comes) for each in found]


def test_the_same_in_another_place_and_order_is_no_change() -> None:
    moved = OLD.replace(b"[5m, {limit: 30s, channel: phone}", b"[{limit: 30s, channel: phone}, 5m")
    assert changed(b"# A remark.\n" + moved) == []
    assert differences(default_policy(), parse_policy(b"{}", "new.yaml")) == []


def test_lines_go_and_come_with_their_conditions_and_values() -> None:
    assert changed(
        OLD.replace(b"limit: 2m, tier: [vip, ka]", b"limit: 1m, tier: [vip, ka], pauses: yes, hours: desk")
    ) == [
        ("wait", ("tier ka or vip: 2m, warned at 80%",), ("tier ka or vip: 1m, in hours desk, pauses, warned at 80%",))
    ]
    assert changed(OLD + b"  transfers: none\n") == [("transfers", ("everybody: 3",), ("everybody: none",))]


def test_periods_hours_and_the_formula_are_told_by_name() -> None:
    assert changed(OLD.replace(b"2027-11-12", b"2027-11-13")) == [("periods", ("sale",), ("sale",))]
    assert changed(OLD.replace(b"desk: {week: {mon-fri: 09:00-18:00}}", b"desk: {week: {mon-fri: 09:00-17:00}}, night: {week: {mon-sun: 22:00-06:00}}")) == [
        ("hours", ("desk",), ("desk", "night"))
    ]  # fmt: skip
    assert changed(OLD + b"service_level: answered_of_answered\n") == [
        ("service_level", ("answered_of_ended",), ("answered_of_answered",))
    ]
