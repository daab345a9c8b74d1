"""People one by one: who is listed, in which order, and how many at most."""

from typing import Any

from engine.people import FIELDS, people
from tests.engine.events import at, clock_us, engine_of


def listed(*events: Any, count: int = 10) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    told = people(engine_of(*events), count)
    return told, [dict(zip(FIELDS, row, strict=True)) for row in told["rows"]]


def state(clock: str, agent: str, name: str, **more: Any) -> Any:
    return at(clock, "agent.state", agent=agent, state=name, **more)


def test_a_person_is_listed_with_state_load_and_place() -> None:
    _, rows = listed(
        state("9:00", "ann", "available", slots=2, queue="q", tenant="t"),
        at("9:01", "contact.queued", "c", queue="q"),
        at("9:02", "contact.answered", "c", agent="ann"),
    )
    assert rows == [
        {"name": "ann", "state": "available", "since_us": clock_us("9:00"), "load": 1, "slots": 2, "queue": "q", "tenant": "t"}
    ]  # fmt: skip


def test_who_never_reported_but_holds_a_contact_has_no_state_and_no_instant() -> None:
    _, rows = listed(at("9:00", "contact.opened", "c"), at("9:01", "contact.answered", "c", agent="bob"))
    assert [(row["name"], row["state"], row["since_us"], row["slots"]) for row in rows] == [("bob", None, None, None)]


def test_the_overloaded_come_first_then_who_is_longest_in_a_state_and_the_absent_last() -> None:
    told, rows = listed(
        state("8:00", "gone", "offline"),
        state("9:10", "late", "busy"),
        state("9:00", "early", "break"),
        state("9:20", "over", "busy", slots=1),
        *(at("9:21", "contact.opened", f"c{n}") for n in range(2)),
        *(at("9:22", "contact.answered", f"c{n}", agent="over") for n in range(2)),
    )
    assert [row["name"] for row in rows] == ["over", "early", "late", "gone"]
    assert told["overloaded"] == 1


def test_a_list_is_cut_at_its_limit_and_says_how_many_were_left_out() -> None:
    told, rows = listed(*(state(f"9:0{n}", f"a{n}", "busy") for n in range(5)), count=2)
    assert [row["name"] for row in rows] == ["a0", "a1"]
    assert (told["count"], told["hidden"]) == (5, 3)


def test_without_slots_nobody_is_overloaded() -> None:
    told, _ = listed(
        state("9:00", "ann", "busy", slots=0),
        at("9:01", "contact.opened", "c"),
        at("9:02", "contact.answered", "c", agent="ann"),
    )
    assert told["overloaded"] == 0
