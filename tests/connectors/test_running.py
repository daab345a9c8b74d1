"""`floorwatch run --connect` and `floorwatch connect` as their operator uses them."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from streams.connect_command import connect
from streams.connectors.place import Place
from streams.run import run
from tests.connectors.test_queue_log import CALL
from tests.streams.replaying import replay
from tests.streams.test_run import Service, running


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def total(service: Service) -> tuple[int, int]:
    """Offered and abandoned, as everybody sees it."""
    for group in service.now()["groups"].get("total", ()):
        return group["offered"], group["abandoned"]
    return 0, 0


def test_a_log_that_grows_is_on_the_wall_and_its_place_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "queue_log"
    log.touch()
    (tmp_path / "connect.yaml").write_text(
        f"connectors:\n  pbx: {{use: queue_log, file: {log}, set: {{tenant: shop-7}}}}\n"
    )

    def write(number: int, event: str) -> None:
        with log.open("a") as file:
            file.write(f"{int(time.time())}|c-{number}|sales|NONE|{event}\n")

    with running(tmp_path / "data", "--connect", str(tmp_path / "connect.yaml"), "--disorder", "3s") as service:
        until(lambda: json.loads(service.get("/api/v1/connect"))["pbx"]["state"] == "reads")
        for number, event in (
            (1, "ENTERQUEUE||555|1"),
            (2, "ENTERQUEUE||555|2"),
            (1, "ABANDON|1|1|0"),
            (1, "RINGNOANSWER|1"),
        ):
            write(number, event)
        until(lambda: total(service) == (2, 1))
        text = service.get("/metrics").decode()
        assert 'floorwatch_connector_records_total{connection="pbx"} 4.0' in text
        assert 'floorwatch_left_out_records_total{reason="rings_only"} 1.0' in text
        assert service.end() == 0
    kept = Place(tmp_path / "data", "pbx").read()
    assert kept is not None
    assert kept.offset == log.stat().st_size


def test_a_file_with_faults_is_refused_at_the_start_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "connect.yaml"
    path.write_text("connectors:\n  chat:\n    use: chatwot\n")
    done = CliRunner().invoke(run, ["--connect", str(path), "--data", str(tmp_path / "data")])
    assert done.exit_code == 2
    assert "connect.yaml:3: 'chatwot' is no connector; did you mean chatwoot?" in done.output
    done = CliRunner().invoke(run, ["--connect", str(tmp_path / "nowhere.yaml"), "--data", str(tmp_path / "data")])
    assert (done.exit_code, "cannot be read" in done.output) == (2, True)


def asked(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(connect, [str(word) for word in words])
    return done.exit_code, done.output


def test_check_tells_of_every_record_what_it_became_or_why_not(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(CALL)
    code, said = asked("check", "queue_log", tmp_path / "log", "--zone", "UTC")
    assert code == 0
    first, second, *_, totals = said.splitlines()
    assert first == "1: ENTERQUEUE = contact.queued 2013-04-23T12:32:20Z 1366720340.1 sales"
    assert second == "2: RINGNOANSWER - left out, rings_only: rings at an agent and nobody answered"
    assert totals.startswith(
        "4 records: 3 became 3 events (contact.queued 1, contact.answered 1, contact.closed 1); 1 left out (rings_only 1)"
    )
    assert "555123" not in said


def test_check_gives_json_and_fails_where_a_record_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(CALL + b"nonsense\n")
    code, said = asked("check", "queue_log", tmp_path / "log", "--json")
    *records, totals = map(json.loads, said.splitlines())
    assert (code, totals["records"], totals["wrong"], totals["left_out"]) == (
        1,
        5,
        1,
        {"rings_only": 1, "malformed": 1},
    )
    assert (records[0]["events"][0]["type"], records[4]["reason"]) == ("contact.queued", "malformed")
    assert "customer" not in records[0]["events"][0]
    assert asked("check", "queue_log", tmp_path / "log", "--totals")[1].count("\n") == 1


def test_check_and_list_refuse_what_they_do_not_know() -> None:
    code, said = asked("check", "chatwot", "x")
    assert (code, "did you mean chatwoot?" in said) == (2, True)
    code, said = asked("check", "table", "x")
    assert (code, "--mapping" in said) == (2, True)
    assert all(name in asked("list")[1] for name in ("chatwoot", "queue_log", "ami", "twilio", "qiyu", "table"))


def test_replay_of_a_source_tells_what_it_left_out(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(CALL + b"nonsense\n")
    done = replay(tmp_path, "--source", "queue_log", "log", "--set", "tenant=shop-7", "--by", "tenant")
    assert (done.summary["offered"], done.summary["rejected"], done.summary["left_out"]) == (
        1,
        {"malformed": 1},
        {"rings_only": 1},
    )
    assert done.rows[0]["tenant"] == "shop-7"
    assert "left out 1 × rings_only" in done.complained
    assert replay(tmp_path, "--source", "queue_log", "log", "--strict").code == 1
    assert replay(tmp_path, "--source", "queue_lag", "log").code == 2
