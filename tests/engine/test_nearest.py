"""What ends next is listed with the time left, the tiers that come first before the others."""

from dataclasses import replace

from engine.pipeline import Engine, Settings
from engine.policy import Policy, line
from tests.engine.events import S, at, clock_us
from tests.engine.running import feed

LINES = (line("wait", 120), line("wait", 60, channel="phone"), line("first_reply", 30), line("next_reply", None))


def _listed(*events: object, now: str, lines: tuple[object, ...] = LINES) -> list[tuple[object, ...]]:
    engine = Engine(Settings(policy=Policy(lines), disorder_bound_us=0))  # type: ignore[arg-type]
    feed(engine, events)  # type: ignore[arg-type]
    engine.advance(clock_us(now))
    return [(row["contact"], row["commitment"], row["left_s"], row["warned"]) for row in engine.now()["due"]]


def test_the_clock_that_ends_next_comes_first_with_its_time_left():
    events = [
        at("8:00", "contact.queued", "slow"), at("8:00:10", "contact.queued", "call", channel="phone"),
        at("8:00:20", "contact.queued", "both"), at("8:00:20", "message.customer", "both"),
    ]  # fmt: skip
    assert _listed(*events, now="8:00:40") == [
        ("both", "first_reply", 10.0, False), ("call", "wait", 30.0, False), ("slow", "wait", 80.0, False),
    ]  # fmt: skip


def test_key_accounts_and_vips_come_first_however_much_time_they_have_left():
    events = [
        at("8:00", "contact.queued", "plain"), at("8:00:10", "contact.queued", "vip", tier="vip"),
        at("8:00:20", "contact.queued", "ka", tier="ka"), at("8:00:05", "contact.queued", "basic", tier="standard"),
    ]  # fmt: skip
    assert [row[0] for row in _listed(*events, now="8:00:40")] == ["ka", "vip", "plain", "basic"]


def test_what_was_warned_of_says_so_and_what_is_over_is_gone():
    queued = at("8:00", "contact.queued", "a")
    assert _listed(queued, now="8:01:40") == [("a", "wait", 20.0, True)]
    assert _listed(queued, now="8:02:01") == []


def test_what_stands_still_or_has_no_limit_or_ends_much_later_is_not_listed():
    lines = (replace(line("wait", 120), pauses=True), line("first_reply", 3600), line("next_reply", None))
    events = [
        at("8:00", "contact.queued", "paused"), at("8:00:10", "contact.pending", "paused"), at("8:00:11", "message.customer", "far"),
    ]  # fmt: skip
    assert _listed(*events, now="8:00:40", lines=lines) == []
    assert _listed(*events, now="8:00:40", lines=(line("wait", 120),)) == [("paused", "wait", 80.0, False)]


def test_the_list_is_as_long_as_anybody_reads():
    events = [at(clock_us("8:00") + number * S, "contact.queued", f"c{number}") for number in range(110)]
    assert [row[0] for row in _listed(*events, now="8:01:55")] == [f"c{number}" for number in range(100)]
