"""Alerts over HTTP, with the real stage behind: who may act, what a link does, and what is recorded when somebody is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alerts.actors import ANYBODY, Actor
from alerts.channels import Delivery
from alerts.links import Link, sealed
from alerts.plan import Channel
from alerts.reading import plan_of
from alerts.routes import alert_routes
from alerts.stage import Stage, now_us
from alerts.store import Store
from engine.alarms import Alarm
from tests.alerts.playing import PLAN


class Centre:
    """A stage that runs, a client, and the deliveries that went out."""

    def __init__(self, folder: Path) -> None:
        self.out: list[Delivery] = []
        plan = plan_of((PLAN + "link: https://floor.example.com\n").encode(), "plan.yaml")
        self.stage = Stage(plan, Store(f"sqlite:///{folder / 'alerts.sqlite'}"), carry=self.carry)
        self.actor = ANYBODY
        self.client = TestClient(Starlette(routes=alert_routes(self.stage, lambda request: self.actor)))
        self.stage.start()
        now = now_us()
        self.stage.tell([Alarm(now, "wait", "broken", "contact", "<b>c-1", now, ("sales",))])
        while not self.out:
            self.stage.flush(0.05)
        self.alert = self.client.get("/api/v1/alerts").json()["alerts"][0]["id"]
        self.link = self.out[0].events[0]["link"].removeprefix("https://floor.example.com")

    def carry(self, channel: Channel, delivery: Delivery) -> str:
        self.out.append(delivery)
        return ""

    def status(self) -> str:
        return str(self.client.get(f"/api/v1/alerts/{self.alert}").json()["alert"]["status"])

    def refusals(self) -> list[str]:
        return [refusal["why"] for refusal in self.stage.store.refusals()]


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    found = Centre(tmp_path)
    yield found
    found.stage.stop()
    assert found.stage.failure is None


def test_looking_at_a_link_does_nothing_and_its_button_acknowledges_once(centre: Centre) -> None:
    assert "<form method=post>" in centre.client.get(centre.link).text
    assert centre.status() == "notified"
    assert "已确认" in centre.client.post(centre.link).text
    assert centre.status() == "acknowledged"
    again = centre.client.post(centre.link)
    assert (again.status_code, centre.refusals()) == (403, ["used"])


def test_forged_and_expired_links_are_refused_and_recorded(centre: Centre) -> None:
    old = sealed(Link("m", centre.alert, "lead", 1), centre.stage.key)
    forged = sealed(Link("m", centre.alert, "lead", 1 << 60), b"another key")
    assert centre.client.post(f"/a/{old}").status_code == 403
    assert centre.client.get(f"/a/{forged}").status_code == 403
    assert centre.refusals() == ["forged", "expired"]
    assert centre.status() == "notified"


def test_who_is_not_in_the_plan_may_not_act_and_is_recorded(centre: Centre) -> None:
    refused = centre.client.post(f"/api/v1/alerts/{centre.alert}/acknowledge", json={"by": "stranger"})
    assert (refused.status_code, centre.refusals()) == (403, ["nobody of that name"])
    assert centre.status() == "notified"


def test_a_person_of_the_plan_acts_and_the_story_tells_it(centre: Centre) -> None:
    path = f"/api/v1/alerts/{centre.alert}"
    assert centre.client.post(f"{path}/snooze", json={"by": "lead", "until": "10m"}).json() == {"answer": "done"}
    assert centre.client.post(f"{path}/hand_over", json={"by": "lead", "to": "nobody"}).status_code == 409
    assert centre.client.post(f"{path}/hand_over", json={"by": "lead", "to": "wang"}).json() == {"answer": "done"}
    assert centre.client.post(f"{path}/resolve", json={"by": "wang"}).json() == {"answer": "done"}
    assert centre.client.post(f"{path}/acknowledge", json={"by": "wang"}).json() == {"answer": "the alert is over"}
    story = centre.client.get(path).json()
    assert [decision["what"] for decision in story["decisions"]] == [
        "opened",
        "tells",
        "snoozed",
        "handed over",
        "resolved",
    ]
    assert [(act["what"], act["by"]) for act in story["acts"]][-1] == ("acknowledge", "wang")
    assert story["messages"][0]["state"] == "sent"
    assert story["alarms"][0]["commitment"] == "wait"


def test_a_supervisor_acts_in_the_name_of_the_own_token_only(centre: Centre) -> None:
    centre.actor = Actor("Sun Yi", acts=True)
    path = f"/api/v1/alerts/{centre.alert}"
    refused = centre.client.post(f"{path}/acknowledge", json={"by": "lead"})
    assert (refused.status_code, centre.refusals()) == (403, ["in another's name"])
    assert centre.client.post(f"{path}/acknowledge", json={}).json() == {"answer": "done"}
    [row] = centre.client.get("/api/v1/alerts").json()["alerts"]
    assert (row["status"], row["owner"], row["owner_name"], row["next"]) == ("acknowledged", "Sun Yi", "Sun Yi", None)
    assert row["lapses_us"] - now_us() == pytest.approx(30 * 60_000_000, abs=60_000_000)


def test_a_token_named_as_somebody_of_the_plan_is_that_person(centre: Centre) -> None:
    plan = plan_of(PLAN.replace("lead: {channels", "lead: {name: Li Na, channels").encode(), "plan.yaml")
    assert [Actor(name).person(plan) for name in ("lead", "Li Na", "Zhang")] == ["lead", "lead", "Zhang"]
    centre.actor = Actor("sup", acts=True)
    assert centre.client.get("/api/v1/alerts").json()["acting_as"] == "sup"


def test_who_may_not_act_is_refused_recorded_and_told_of_nobody(centre: Centre) -> None:
    centre.actor = Actor("wall")
    assert centre.client.post(f"/api/v1/alerts/{centre.alert}/acknowledge", json={}).status_code == 403
    assert centre.refusals() == ["role"]
    told = centre.client.get("/api/v1/alerts").json()
    assert (told["acting_as"], "people" in told) == ("", False)


def test_who_is_held_to_a_shop_sees_and_acts_on_what_is_known_to_be_of_it(centre: Centre) -> None:
    now = now_us()
    for shop in ("shop-a", "shop-b"):
        case = {"kind": "outage", "owner": "li"}
        centre.stage.tell([Alarm(now, "case_respond", "broken", "case", f"{shop}/case", now, ("", "", shop), tuple(case.items()))])  # fmt: skip
    while len(whole := centre.client.get("/api/v1/alerts?limit=9").json()["alerts"]) < 3:
        centre.stage.flush(0.05)
    theirs = {row["facts"].get("tenant"): row["id"] for row in whole}
    centre.actor = Actor("supervisor of a", acts=True, tenants=frozenset(("shop-a",)))
    assert [row["facts"]["tenant"] for row in centre.client.get("/api/v1/alerts?limit=9").json()["alerts"]] == [
        "shop-a"
    ]
    for shop, status in (("shop-a", 200), ("shop-b", 404), (None, 404)):
        assert centre.client.get(f"/api/v1/alerts/{theirs[shop]}").status_code == status
        assert centre.client.get(f"/alerts/{theirs[shop]}").status_code == status
        assert centre.client.post(f"/api/v1/alerts/{theirs[shop]}/acknowledge", json={}).status_code == status
    assert centre.refusals() == ["scope", "scope"]


def test_the_list_tells_the_level_and_who_is_told_next_and_when(centre: Centre) -> None:
    [row] = centre.client.get("/api/v1/alerts").json()["alerts"]
    assert (row["level"], row["levels"], row["next"]) == (1, 3, {"level": 2, "to": ["sup"]})
    assert row["climbs_us"] - now_us() == pytest.approx(5 * 60_000_000, abs=60_000_000)
    assert centre.client.get(row["story"]).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b'{"by": 1}', b'{"by": "lead", "more": 1}', b"{" * 5_000])
def test_a_body_that_is_not_what_it_should_be_is_refused(body: bytes, centre: Centre) -> None:
    assert centre.client.post(f"/api/v1/alerts/{centre.alert}/acknowledge", content=body).status_code == 400


def test_what_came_from_outside_is_escaped_on_the_storys_page(centre: Centre) -> None:
    text = centre.client.get(f"/alerts/{centre.alert}").text
    assert "&lt;b&gt;c-1" in text
    assert "<b>" not in text


def test_what_does_not_exist_is_not_found(centre: Centre) -> None:
    for path in ("/api/v1/alerts/none", "/alerts/none", "/api/v1/oncall/none.ics"):
        assert centre.client.get(path).status_code == 404
    assert centre.client.post(f"/api/v1/alerts/{centre.alert}/explode", json={"by": "lead"}).status_code == 404


def test_the_figures_count_what_happened_without_naming_anybody(centre: Centre) -> None:
    centre.client.post(centre.link)
    text = centre.stage.measures.text().decode()
    assert 'floorwatch_alert_messages_total{result="sent"} 1.0' in text
    assert 'floorwatch_alert_acknowledge_seconds_count{severity="warning"} 1.0' in text
    assert "c-1" not in text
    assert "sales" not in text
