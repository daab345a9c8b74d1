"""`floorwatch dashboards push` as it is typed: what is done is listed, what is refused is one sentence and exit code 1, and no token is shown."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.dashboards_command import TOKEN_VARIABLE, dashboards
from tests.dashboards.grafana import EDITOR, VIEWER, Grafana, grafana


def typed(url: str, *more: str, token: str = EDITOR) -> Result:
    return CliRunner().invoke(dashboards, ["push", "--grafana", url, *more], env={TOKEN_VARIABLE: token})


def test_a_dry_run_shows_and_a_push_does_and_a_second_push_finds_all_the_same() -> None:
    with grafana() as server:
        dry = typed(server.url, "--dry-run")
        assert (dry.exit_code, server.writes) == (0, [])
        assert "+++ ours/dashboard floorwatch-capacity-zh" in dry.stdout
        done, again = typed(server.url), typed(server.url)
    assert done.exit_code == again.exit_code == 0
    assert {line.split(":")[0] for line in done.stdout.splitlines()} == {"created"}
    assert {line.split(":")[0] for line in again.stdout.splitlines()} == {"same"}
    for result in (dry, done, again):
        assert EDITOR not in result.output


def spoilt(server: Grafana, status: int) -> None:
    if status == 409:
        server.sources["mine"] = {"name": "Floorwatch"}
    if status == 412:
        server.dashboards["mine"] = {"uid": "mine", "title": "Floorwatch · Floor now", "version": 1}


@pytest.mark.parametrize(
    ("status", "token", "said"),
    [
        (401, "glsa_wrong", "the token is not known"),
        (403, VIEWER, "the token may not do this"),
        (409, EDITOR, "something of this name is there already"),
        (
            412,
            EDITOR,
            "something of this name is there already",
        ),  # A title that is taken; what is changed meanwhile is another test's.
    ],
)
def test_a_refusal_is_one_sentence_with_what_to_do(status: int, token: str, said: str) -> None:
    with grafana() as server:
        spoilt(server, status)
        told = typed(server.url, token=token)
    assert (told.exit_code, told.stdout) == (1, "")
    assert f"with {status}: {said}" in told.stderr and len(told.stderr.splitlines()) == 1
    assert token not in told.output


def test_no_grafana_and_no_token_are_told_apart(tmp_path: Path) -> None:
    away = typed("http://127.0.0.1:9")
    assert away.exit_code == 1 and "No Grafana answers" in away.stderr
    unarmed = typed("http://127.0.0.1:9", token="")
    assert unarmed.exit_code == 2 and TOKEN_VARIABLE in unarmed.stderr
    assert typed("http://127.0.0.1:9", "--token-file", str(tmp_path / "none")).exit_code == 2
