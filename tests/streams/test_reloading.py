"""The policy of a running service: what changes it, what is refused, and what is told of either."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboards.exposition import Health, render
from engine.pipeline import Settings
from engine.source import FILE_BYTES_MAX
from streams.embedded import Embedded
from streams.gateway import Busy
from streams.guard import Guard
from streams.journal import Journal
from streams.policy.files import Bundle
from streams.policy.watching import PolicyFile
from streams.policy_routes import policy_routes
from streams.reloading import Refused, Reloading
from streams.settings import ServiceSettings
from tests.streams.test_embedded import as_killed, queued, tell, until

TOKEN = "a-token-of-good-length"


class Site:
    """A service with a policy file, without the clock that looks after it."""

    def __init__(self, folder: Path, path: Path | None, **settings: Any) -> None:
        self.told: list[str] = []
        self.file = PolicyFile(path)
        bundle, policy = self.file.read()
        self.settings = ServiceSettings(data=folder, disorder_bound_us=2_000_000, near_us=1_000_000, **settings)
        engine_settings = Settings(policy=policy, disorder_bound_us=2_000_000)
        self.journal = Journal(folder / "journal.sqlite")
        self.embedded = Embedded(self.journal, self.settings, engine_settings, bundle=bundle, tell=self.told.append)
        self.reloading = Reloading(self.embedded, self.file, self.told.append)
        guarded = Guard(Starlette(routes=policy_routes(self.embedded, self.reloading, self.settings)), self.settings)
        self.http = TestClient(guarded, base_url="http://127.0.0.1")

    def look(self) -> None:
        """Twice, since a file is left alone until it rests."""
        self.reloading.look()
        self.reloading.look()

    def waits(self) -> dict[str, int]:
        """Seconds by conditions."""
        return {
            line.why(): line.limit_us // 1_000_000 for line in self.embedded.policy_held.lines if line.limit == "wait"
        }

    def by(self) -> str:
        assert self.embedded.policy is not None
        return self.embedded.policy.by

    def reloads(self) -> dict[str, int]:
        return dict(self.embedded.vitals.policy_reloads)


@contextmanager
def site(folder: Path, path: Path | None, **settings: Any) -> Iterator[Site]:
    folder.mkdir(exist_ok=True)
    found = Site(folder, path, **settings)
    found.embedded.start()
    try:
        assert found.embedded.ready.wait(60)
        yield found
    finally:
        found.embedded.stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text("limits: {wait: 60s}")
    return path


def test_a_changed_file_is_taken_at_the_second_look_that_finds_it_the_same(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        running.look()
        assert (running.waits(), running.by(), running.reloads()) == ({"everybody": 60}, "start", {})
        file.write_text("limits: {wait: 9s}")
        running.reloading.look()
        assert running.waits() == {"everybody": 60}
        running.reloading.look()
        assert (running.waits(), running.by()) == ({"everybody": 9}, "file")
        assert running.told == [f"The policy {file} holds from now on; it changes wait."]
        running.look()
        assert running.reloads() == {"adopted": 1}


def test_a_file_that_says_the_same_again_changes_nothing(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        file.write_text("limits: {wait: 60s}")
        running.look()
        sequence = running.journal.sequence
        running.reloading.reload()
        assert (running.journal.sequence, running.reloads(), running.by()) == (sequence, {"unchanged": 1}, "start")


def test_a_change_of_what_the_file_names_is_a_change(tmp_path: Path, file: Path) -> None:
    shop, days = tmp_path / "shop.yaml", tmp_path / "days.ics"
    shop.write_text("limits: {wait: [60s, {limit: 20s, tenant: a}]}")
    days.write_text("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n")
    file.write_text("include: shop.yaml\nhours: {desk: {week: {mon-fri: 09:00-18:00}, calendar: days.ics}}")
    with site(tmp_path / "data", file) as running:
        running.look()
        shop.write_text("limits: {wait: [60s, {limit: 7s, tenant: a}]}")
        running.look()
        assert running.waits() == {"everybody": 60, "tenant a": 7}
        event = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260907\r\nSUMMARY:x\r\nEND:VEVENT\r\n"
        days.write_text(days.read_text().replace("END:VCALENDAR", event + "END:VCALENDAR"))
        running.look()
        assert len(running.embedded.policy_held.hours["desk"].closed) == 1
        assert running.told[-1].endswith("it changes hours.")


def test_a_bad_file_is_refused_with_its_faults_and_the_old_policy_stays_until_it_is_mended(
    tmp_path: Path, file: Path
) -> None:
    with site(tmp_path / "data", file) as running:
        tell(running.embedded, queued("a", 30))
        file.write_text("limits:\n  wait: soon\n  weit: 5s")
        running.look()
        assert running.waits() == {"everybody": 60}
        faults = [f"{file}:2: 'soon' is not a duration; write it like 30s, 15m, 1h30m or 250ms",
                  f"{file}:3: 'weit' is unknown in limits; did you mean wait?"]  # fmt: skip
        assert running.told[-1].splitlines() == ["The policy is refused, the one of before stays in force:", *faults]
        facts = until(running.embedded, lambda facts: bool(facts["policy"]["refused"]))["policy"]
        assert (facts["name"], facts["by"], facts["refused"]) == (str(file), "start", faults)
        assert facts["reloads"] == {"refused": 1}
        metrics = render({"policy": facts, "counters": {}}, Health()).decode()
        assert 'floorwatch_policy_reloads_total{outcome="refused"} 1.0' in metrics
        file.unlink()
        running.look()
        assert "the file cannot be read: No such file or directory; put it back" in running.told[-1]
        file.write_text("limits: {wait: 60s}")
        running.look()
        assert (running.embedded.refused, running.by(), running.told[-1]) == (
            (), "start", "The policy's file says nothing new; the policy in force stays.",
        )  # fmt: skip


def test_a_missing_file_of_those_included_is_read_as_soon_as_it_is_there(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        file.write_text("include: shop.yaml")
        running.look()
        assert "'shop.yaml' cannot be read" in running.told[-1]
        (tmp_path / "shop.yaml").write_text("limits: {wait: 8s}")
        running.look()
        assert (running.waits(), running.embedded.refused) == ({"everybody": 8}, ())


def test_running_clocks_move_and_what_was_raised_is_told_once(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        tell(running.embedded, queued("near"), queued("a", 40))
        file.write_text("limits: {wait: {limit: 10s, warn_at: none}}")
        running.look()
        facts = until(running.embedded, lambda facts: any(alarm["step"] == "broken" for alarm in facts["alarms"]))
        assert [alarm["contact"] for alarm in facts["alarms"] if alarm["step"] == "broken"] == ["a"]


def test_a_policy_that_was_sent_stands_until_the_file_changes_and_across_a_restart(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        taken = running.reloading.send(b"limits: {wait: 5s}")
        assert [(each.of, each.goes, each.comes) for each in taken.differences] == [
            ("wait", ("everybody: 1m, warned at 80%",), ("everybody: 5s, warned at 80%",))
        ]
        running.look()
        running.reloading.reload()
        assert (running.waits(), running.by()) == ({"everybody": 5}, "api")
        assert not running.reloading.send(b"limits: {wait: 5s}").is_new
    with site(tmp_path / "data", file) as running:
        running.look()
        assert (running.waits(), running.by()) == ({"everybody": 5}, "api")
        file.write_text("limits: {wait: 6s}")
        running.look()
        assert (running.waits(), running.by()) == ({"everybody": 6}, "file")


def test_a_file_that_changed_while_nothing_ran_is_adopted_behind_the_replay(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file, snapshot_interval_us=3_600_000_000) as running:
        tell(running.embedded, queued("near"), queued("a", 100))
        until(running.embedded, lambda facts: any(alarm["step"] == "broken" for alarm in facts["alarms"]))
        folder = as_killed(tmp_path / "data", tmp_path / "copy")
    file.write_text("limits: {wait: 10m}")
    with site(folder, file) as running:
        assert (running.waits(), running.by(), running.journal.sequence) == ({"everybody": 600}, "start", 2)
        # Under the new policy alone nothing would be broken.
        alarms = until(running.embedded, lambda facts: bool(facts["alarms"]))["alarms"]
        assert next((alarm["contact"], alarm["step"]) for alarm in alarms) == ("a", "broken")


def test_another_default_or_another_year_is_a_change_of_what_the_policy_stands_on(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        running.reloading.send(b"limits: {wait: 5s}")
    journal = Journal(tmp_path / "data" / "journal.sqlite")
    kept = journal.policy_at(journal.sequence)
    assert kept is not None
    journal.close()
    bundle = Bundle.unpacked(kept.bundle)
    with site(tmp_path / "data", file) as running:
        assert running.journal.sequence == kept.sequence
        running.embedded.adopt(
            type(kept)(
                0,
                "sent",
                "api",
                kept.file_digest,
                Bundle("sent", bundle.text, b"limits: {transfers: 9}", 2024).packed(),
            ),
            running.embedded.policy_held,
        ).result(10)
    with site(tmp_path / "data", file) as running:
        now = running.embedded.policy
        assert now is not None and Bundle.unpacked(now.bundle) == bundle
        assert (now.by, now.sequence, running.waits()) == ("start", kept.sequence + 2, {"everybody": 5})


def test_without_a_file_the_default_holds_and_a_signal_changes_nothing(tmp_path: Path) -> None:
    with site(tmp_path / "data", None) as running:
        running.look()
        running.reloading.reload()
        assert (running.reloads(), running.embedded.policy and running.embedded.policy.name) == (
            {"unchanged": 1}, "default.yaml",
        )  # fmt: skip


def test_what_cannot_be_taken_now_is_tried_again(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        running.embedded._closing = True
        file.write_text("limits: {wait: 9s}")
        running.look()
        assert "will be tried again" in running.told[-1]
        with pytest.raises(Busy):
            running.reloading.send(b"limits: {wait: 7s}")
        running.embedded._closing = False
        running.look()
        assert running.waits() == {"everybody": 9}


# Over HTTP.


def test_the_policy_in_force_is_told_and_another_one_is_taken(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        found = running.http.get("/api/v1/policy").json()
        assert (found["name"], found["by"], found["text"], found["refused"]) == (
            str(file),
            "start",
            "limits: {wait: 60s}",
            [],
        )
        before_us = time.time_ns() // 1_000
        answer = running.http.post("/api/v1/policy", content="limits: {wait: 5s}\nservice_level: answered_of_answered")
        assert answer.status_code == 200
        assert answer.json()["adopted"] and answer.json()["since_us"] >= before_us
        assert [(each["of"], each["comes"]) for each in answer.json()["changes"]] == [
            ("wait", ["everybody: 5s, warned at 80%"]), ("service_level", ["answered_of_answered"]),
        ]  # fmt: skip
        assert running.http.get("/api/v1/policy").json()["by"] == "api"
        again = running.http.post("/api/v1/policy", content="limits: {wait: 5s}\nservice_level: answered_of_answered")
        assert (again.status_code, again.json()["adopted"], again.json()["changes"]) == (200, False, [])


def test_a_policy_that_is_none_is_answered_with_all_its_faults(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file) as running:
        for text, faults in (
            ("limits: {wait: soon, weit: 5s}", ["sent:1: 'soon' is not", "sent:1: 'weit' is unknown"]),
            ("include: [policy.yaml]", ["sent:1: a policy that is sent names no files"]),
            ("", ["sent:1: the file says nothing"]),
        ):
            answer = running.http.post("/api/v1/policy", content=text)
            assert answer.status_code == 422
            found = sorted(answer.json()["faults"])
            assert len(found) == len(faults) and all(a.startswith(b) for a, b in zip(found, faults, strict=True))
            assert running.http.get("/api/v1/policy").json()["refused"] == answer.json()["faults"]
        assert running.http.post("/api/v1/policy", content=b"#" * (FILE_BYTES_MAX + 1)).status_code == 413
        assert running.waits() == {"everybody": 60}
        assert running.reloads() == {"refused": 3}


def test_the_policy_is_behind_the_same_guard_as_everything(tmp_path: Path, file: Path) -> None:
    with site(tmp_path / "data", file, token=TOKEN) as running:
        assert running.http.get("/api/v1/policy").status_code == 401
        assert running.http.post("/api/v1/policy", content="limits: {wait: 5s}").status_code == 401
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        elsewhere = {**bearer, "Origin": "http://evil.example"}
        assert running.http.post("/api/v1/policy", content="limits: {wait: 5s}", headers=elsewhere).status_code == 403
        assert running.waits() == {"everybody": 60}
        assert running.http.post("/api/v1/policy", content="limits: {wait: 5s}", headers=bearer).status_code == 200


def test_before_the_journal_is_replayed_nothing_is_taken(tmp_path: Path, file: Path) -> None:
    (tmp_path / "data").mkdir()
    early = Site(tmp_path / "data", file)
    assert early.http.get("/api/v1/policy").status_code == 503
    assert early.http.post("/api/v1/policy", content="limits: {wait: 5s}").status_code == 503
    with pytest.raises(Busy):
        early.reloading.send(b"limits: {wait: 5s}")
    with pytest.raises(Refused):
        early.reloading.send(b"limits: {wait: x}")
    early.journal.close()
