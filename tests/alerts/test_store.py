"""The store: one leads at a time, an old leader keeps nothing, nothing is kept twice; the same in SQLite and PostgreSQL."""

from pathlib import Path

import pytest

from alerts.alert import Act, Alert, Decision, Outcome
from alerts.store import LEASE_US, Lost, Store
from alerts.tables import migrate, version
from engine.alarms import Alarm

ALARM = Alarm(1, "wait", "broken", "contact", "c-1", 1, ("sales",))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alerts.sqlite'}"
    return str(request.getfixturevalue("postgresql"))


def test_one_leads_until_its_lease_is_over_and_then_keeps_nothing(url: str) -> None:
    first, second = Store(url), Store(url)
    assert first.lead(1) is not None
    assert second.lead(2) is None
    assert second.lead(2 + 2 * LEASE_US) is not None
    with pytest.raises(Lost), first.leading(3 + 2 * LEASE_US) as connection:
        first.keep(connection, Outcome(decisions=[Decision("a", 1, "opened")]), [])
    first.close()
    second.close()


def test_an_alarm_comes_once_however_often_it_is_told(url: str) -> None:
    store = Store(url)
    store.put([ALARM, ALARM])
    store.put([ALARM])
    store.lead(1)
    with store.leading(2) as connection:
        alarms, _ = store.waiting(connection)
        assert alarms == [ALARM]
        store.keep(connection, Outcome(taken={ALARM.id: "a"}), alarms)
    store.put([ALARM])
    with store.leading(3) as connection:
        assert store.waiting(connection) == ([], [])
    store.close()


def test_what_fails_half_way_is_not_kept_at_all(url: str) -> None:
    store = Store(url)
    store.lead(1)
    alert = Alert(id="a", rule="r", group=(), severity="critical", facts={}, opened_us=1)
    with pytest.raises(ZeroDivisionError), store.leading(2) as connection:
        store.keep(connection, Outcome(changed={"a": alert}), [])
        _ = 1 // 0
    assert store.story("a") is None
    store.close()


def test_a_link_is_used_once_and_an_act_is_kept_once(url: str) -> None:
    store = Store(url)
    assert store.use_link("m-1", 1)
    assert not store.use_link("m-1", 2)
    act = Act(id="1", alert="a", what="acknowledge", by="ann")
    store.put_act(act, 1)
    store.put_act(act, 2)
    store.lead(1)
    with store.leading(2) as connection:
        assert store.waiting(connection)[1] == [act]
    store.close()


def test_a_key_is_drawn_once_for_all_hubs(url: str) -> None:
    first, second = Store(url), Store(url)
    assert first.secret("links") == second.secret("links")
    assert first.secret("links") != first.secret("other")
    first.close()
    second.close()


def test_a_store_of_a_newer_program_is_refused(url: str) -> None:
    store = Store(url)
    with store._engine.begin() as connection:
        connection.execute(version.update().values(version=99))
    with pytest.raises(RuntimeError, match="run the newer program"), store._engine.begin() as connection:
        migrate(connection)
    store.close()
