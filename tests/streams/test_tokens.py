"""Tokens of people and walls: at rest only as hashes, judged by their line, taken back by another one."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams import tokens as module
from streams.settings import ServiceSettings, SettingsError
from streams.token_command import token as command
from streams.tokens import Revoked, Token, TokenFile, append, made, read_tokens

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def create(path: Path, *options: str) -> str:
    """A token by the command line."""
    done = CliRunner().invoke(command, ["create", "--tokens", str(path), "--name", "wall", *options])
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.jsonl"


@pytest.fixture(autouse=True)
def looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.0)


def test_a_token_is_nowhere_in_its_file_which_only_its_owner_can_read(path: Path) -> None:
    given = create(path, "--role", "viewer", "--tenant", "shop-a", "--page", "queues")
    assert path.stat().st_mode & 0o077 == 0
    assert given not in path.read_text()
    assert given.split("_", 2)[2] not in path.read_text()
    found, _ = TokenFile(path).judge(given)
    assert found
    assert (found.role, found.tenants, found.pages) == ("viewer", ("shop-a",), ("queues",))
    assert found.expires
    assert timedelta(days=89) < found.expires - datetime.now(UTC) <= timedelta(days=90)


def test_a_wrong_token_is_refused_however_it_is_wrong(path: Path) -> None:
    given = create(path, "--role", "viewer")
    file = TokenFile(path)
    for wrong in ("", "fw", "fw__", given[:-1], given + "x", given.upper(), given.split("_", 2)[1], "fw_\udcff_\udcff"):
        assert file.judge(wrong) == (None, "wrong_token")


def test_a_token_ends_at_its_instant(path: Path) -> None:
    line, given = made("wall", "viewer", None, None, NOW)
    append(path, line)
    for now, expected in ((NOW - timedelta(seconds=1), ""), (NOW, "expired_token")):
        file = TokenFile(path, now=lambda now=now: now)  # type: ignore[misc]
        assert file.judge(given)[1] == expected
        assert (file.holding(line.id) is None) == bool(expected)


def test_two_tokens_of_one_name_hold_until_one_of_them_is_revoked(path: Path) -> None:
    old, new = create(path, "--role", "viewer"), create(path, "--role", "viewer")
    file = TokenFile(path)
    assert [file.judge(given)[1] for given in (old, new)] == ["", ""]
    done = CliRunner().invoke(command, ["revoke", "--tokens", str(path), old.split("_")[1]])
    assert done.exit_code == 0, done.output
    assert [file.judge(given)[1] for given in (old, new)] == ["wrong_token", ""]
    listed = CliRunner().invoke(command, ["list", "--tokens", str(path)]).output
    assert listed.count("wall") == 2
    assert listed.count("revoked 20") == listed.count("holds") == 1
    assert new not in listed


def test_a_file_that_cannot_be_read_any_more_lets_nobody_in_until_it_can(path: Path) -> None:
    given, said = create(path, "--role", "viewer"), []
    file = TokenFile(path, tell=said.append)
    kept = path.read_bytes()
    path.write_bytes(kept + b"{broken\n")
    assert file.judge(given)[0] is None
    assert f"{path}:2" in said[0]
    path.write_bytes(kept)
    assert file.judge(given)[0] is not None
    path.unlink()
    assert file.judge(given)[0] is None


LINE = {"is": "token", "id": "a", "name": "n", "role": "viewer", "sha256": "0" * 64, "created": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"role": "root"}, "no role"), ({"name": ""}, "a name has"), ({"name": "a\nb"}, "a name has"), ({"tenants": []}, "1 to 200"),
        ({"tenants": ["(other)"]}, "everybody's"), ({"tenants": [""]}, "everybody's"), ({"pages": ["cellar"]}, "no page"),
        ({"pages": []}, "some page"), ({"expires": "2027-01-01T00:00:00"}, "offset"), ({"role": "admin", "tenants": ["a"]}, "admin"),
        ({"role": "writer", "pages": ["queues"]}, "no page"), ({"signs": True}, "only a writer"), ({"rate": 0}, "a rate is"),
        ({"tenant": ["a"]}, "tenant"), ({"is": "ticket"}, "ticket"),
    ],
)  # fmt: skip
def test_a_line_that_says_what_it_should_not_is_refused_with_its_place(path: Path, changed: Any, says: str) -> None:
    path.write_text(json.dumps(LINE | {"id": "b"}) + "\n" + json.dumps(LINE | changed) + "\n")
    with pytest.raises(SettingsError, match=says) as fault:
        read_tokens(path)
    assert f"{path}:2: " in str(fault.value)


def test_an_id_is_given_once_and_a_torn_line_spoils_no_later_one(path: Path) -> None:
    path.write_text(json.dumps(LINE) + "\n" + json.dumps(LINE))
    with pytest.raises(SettingsError, match="given before"):
        read_tokens(path)
    path.write_text(json.dumps(LINE))
    append(path, Revoked("a", NOW))
    assert read_tokens(path)[1] == {"a": Revoked("a", NOW)}


def test_with_a_file_of_tokens_other_addresses_may_be_listened_on(tmp_path: Path, path: Path) -> None:
    ServiceSettings(data=tmp_path, host="0.0.0.0", tokens=path)


@pytest.mark.parametrize(
    "options",
    [
        ("--role", "root"), ("--role", "viewer", "--page", "cellar"), ("--role", "admin", "--tenant", "a"),
        ("--role", "viewer", "--expires", "soon"), ("--role", "viewer", "--expires", "9999999d"), ("--role", "viewer", "--tenant", ""),
    ],
)  # fmt: skip
def test_a_wish_that_makes_no_token_is_wrong_usage_and_writes_nothing(path: Path, options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(command, ["create", "--tokens", str(path), "--name", "wall", *options])
    assert done.exit_code == 2, done.output
    assert not path.exists()


def test_who_is_not_in_the_file_cannot_be_revoked(path: Path) -> None:
    create(path, "--role", "viewer")
    assert CliRunner().invoke(command, ["revoke", "--tokens", str(path), "nobody"]).exit_code == 2
    assert CliRunner().invoke(command, ["list", "--tokens", str(path) + "x"]).exit_code == 1


def test_the_token_of_a_line_has_more_secret_than_anybody_can_guess() -> None:
    lines: list[tuple[Token, str]] = [made("n", "viewer", None, None, None) for _ in range(100)]
    assert len({line.sha256 for line, _ in lines}) == 100
    assert all(len(given.split("_", 2)[2]) >= 43 for _, given in lines)
