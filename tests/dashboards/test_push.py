"""Pushing to Grafana: what differs is changed, what is the same is left alone, and every refusal says what to do."""

from collections.abc import Iterator

import pytest

from dashboards.push import Pushed, Refused, push
from engine.policy import Period, Policy
from tests.dashboards.grafana import EDITOR, VIEWER, Grafana, grafana

POLICY = Policy(periods=(Period("double-11", 1_762_776_000_000_000, 1_762_876_800_000_000),))


@pytest.fixture
def server() -> Iterator[Grafana]:
    with grafana() as held:
        yield held


def pushed(server: Grafana, policy: Policy = POLICY, token: str = EDITOR, **options: bool) -> Pushed:
    return push(server.url, token, policy, prometheus="http://prom:9090", wall="http://wall:8080", **options)  # type: ignore[arg-type]


def test_the_first_push_makes_everything_and_the_second_changes_nothing(server: Grafana) -> None:
    assert {outcome for _, outcome in pushed(server).outcomes} == {"created"}
    assert set(server.folders) == set(server.sources) == {"floorwatch"}
    assert len(server.dashboards) == 16
    assert server.annotations[0]["text"] == "double-11"
    server.requests.clear()
    again = pushed(server)
    assert {outcome for _, outcome in again.outcomes} == {"same"}
    assert not server.writes and not again.diff


def test_a_dry_run_shows_the_difference_and_sends_nothing(server: Grafana) -> None:
    assert not [name for name, outcome in pushed(server, dry_run=True).outcomes if outcome != "created"]
    assert not server.writes
    pushed(server)
    server.dashboards["floorwatch-floor-en"]["title"] = "Mine"
    server.requests.clear()
    told = pushed(server, dry_run=True)
    assert [name for name, outcome in told.outcomes if outcome == "changed"] == ["dashboard floorwatch-floor-en"]
    assert '- "title": "Mine",' in told.diff
    assert '+ "title": "Floorwatch · Floor now",' in told.diff
    assert not server.writes


def test_what_was_changed_by_hand_or_by_the_policy_is_put_right(server: Grafana) -> None:
    pushed(server)
    server.dashboards["floorwatch-floor-en"]["title"] = "Mine"
    server.sources["floorwatch"]["url"] = "http://elsewhere"
    moved = Policy(periods=(Period("double-11", POLICY.periods[0].start_us, POLICY.periods[0].end_us + 1_000_000),))
    changed = [name for name, outcome in pushed(server, moved).outcomes if outcome == "changed"]
    assert changed == ["data source", "dashboard floorwatch-floor-en", "period double-11"]
    assert server.dashboards["floorwatch-floor-en"]["title"] == "Floorwatch · Floor now"
    assert server.dashboards["floorwatch-floor-en"]["version"] == 2
    assert server.annotations[0]["timeEnd"] == moved.periods[0].end_us // 1000
    assert len(server.annotations) == 1


@pytest.mark.parametrize(
    ("token", "said"), [("glsa_wrong", "401: the token is not known"), (VIEWER, "403: the token may not")]
)
def test_a_token_that_may_not_is_told_what_it_lacks_and_never_shown(server: Grafana, token: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        pushed(server, token=token)
    assert token not in str(refused.value)


def test_a_dashboard_that_somebody_changed_in_between_is_not_overwritten(server: Grafana) -> None:
    pushed(server)
    board = server.dashboards["floorwatch-floor-en"]
    board["title"] = "Mine"
    server.before_save = lambda: board.update(version=board["version"] + 1)  # type: ignore[assignment]
    with pytest.raises(Refused, match="412: somebody changed it"):
        pushed(server)
    assert board["title"] == "Mine"


def test_a_data_source_of_the_same_name_is_not_taken_over(server: Grafana) -> None:
    server.sources["mine"] = {"name": "Floorwatch"}
    with pytest.raises(Refused, match="409: something of this name"):
        pushed(server)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "ftp://x", "http://me:secret@host"])
def test_where_no_grafana_is_one_sentence_says_so(url: str) -> None:
    with pytest.raises(Refused, match=r"No Grafana answers|is no address") as refused:
        push(url, EDITOR, POLICY, prometheus="http://p", wall="http://w")
    assert len(str(refused.value).splitlines()) == 1
