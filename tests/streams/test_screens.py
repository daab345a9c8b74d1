"""The file of the walls' layouts: what it says is taken, and what it must not say is told by its line."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboards.wall import views
from engine.errors import InvalidSetting
from streams.run import run
from streams.screens import FIGURES, NAMES_MAX, PAGES, SCREENS_MAX, read_screens

WALLS = Path(__file__).parents[2] / "dashboards" / "wall" / "page"


def written(folder: Path, text: str) -> Path:
    path = folder / "wall.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_whole_screen_is_taken_as_it_is_written(tmp_path: Path) -> None:
    text = """
screens:
  floor-1:
    pages: [overview, queues]
    seconds: 20
    hold_seconds: 30
    language: zh
    queues: [售后, "on"]
    tenants: shop
    key_accounts: [shop]
    thresholds: {service_level: [80%, 70%], longest_wait_s: [60, 120]}
    sound: {high: yes, warned: no, quiet: "22:00-07:00"}
    kiosk: yes
  plain: {pages: trends}
"""
    assert read_screens(written(tmp_path, text)) == {
        "floor-1": {
            "pages": ["overview", "queues"], "seconds": 20, "hold_seconds": 30, "language": "zh", "queues": ["售后", "on"],
            "tenants": ["shop"], "key_accounts": ["shop"], "kiosk": True,
            "thresholds": {"service_level": [0.8, 0.7], "longest_wait_s": [60.0, 120.0]},
            "sound": {"high": True, "warned": False, "quiet": ["22:00-07:00"]},
        },
        "plain": {"pages": ["trends"]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "write screens:"),
        ("screen: {}", 1, "did you mean screens?"),
        ("screens: [a]", 1, "screens are names"),
        ("screens:\n  a b: {pages: queues}", 2, "cannot stand in an address"),
        ("screens:\n  a: {pages: queue}", 2, "choose from overview"),
        ("screens:\n  a:\n    page: queues", 3, "did you mean pages?"),
        ("screens:\n  a:\n    seconds: 2", 3, "write 5 to 3600"),
        ("screens:\n  a:\n    language: fr", 3, "choose from en, zh"),
        ("screens:\n  a:\n    kiosk: maybe", 3, "write one of them"),
        ("screens:\n  a:\n    queues: []", 3, "name something"),
        ("screens:\n  a:\n    thresholds: {waiting: [1]}", 3, "two different numbers"),
        ("screens:\n  a:\n    thresholds: {waiting: [nan, 2]}", 3, "two different numbers"),
        ("screens:\n  a:\n    thresholds: {mood: [1, 2]}", 3, "choose from waiting"),
        ('screens:\n  a:\n    sound: {quiet: "7-22"}', 3, "22:00-07:00"),
        ("screens:\n  a: {kiosk: yes", 2, "this is no YAML"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_what_would_be_right(
    text: str, line: int, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InvalidSetting) as refusal:
        read_screens(path)
    assert f"{path}:{line}: " in str(refusal.value)
    assert said in str(refusal.value)


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "screens:\n  a: {pages: queue, kiosk: maybe}\n  b: {language: fr}")
    with pytest.raises(InvalidSetting) as refusal:
        read_screens(path)
    assert len(str(refusal.value).splitlines()) == 3


def test_a_file_has_no_more_screens_and_a_screen_no_more_names_than_their_limits(tmp_path: Path) -> None:
    many = "screens:\n" + "".join(f"  s{n}: {{kiosk: yes}}\n" for n in range(SCREENS_MAX + 1))
    with pytest.raises(InvalidSetting, match="a file may have"):
        read_screens(written(tmp_path, many))
    assert NAMES_MAX == views.NAMES_MAX
    names = ", ".join(f"q{n}" for n in range(NAMES_MAX + 1))
    with pytest.raises(InvalidSetting, match="it may name"):
        read_screens(written(tmp_path, f"screens:\n  a: {{queues: [{names}]}}"))


def test_the_screen_that_the_readme_shows_is_one(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    shown = re.search(r"```text\n(screens:.*?)```", readme, re.DOTALL)
    assert shown
    assert set(read_screens(written(tmp_path, shown[1]))["floor-1"]) >= {"pages", "thresholds", "sound", "kiosk"}


@pytest.mark.parametrize("text", ["screens: {a: {pages: none}}", None])
def test_the_service_does_not_start_with_a_bad_or_missing_layout(text: str | None, tmp_path: Path) -> None:
    path = written(tmp_path, text) if text else tmp_path / "missing.yaml"
    told = CliRunner().invoke(run, ["--wall", str(path), "--data", str(tmp_path / "data")])
    assert told.exit_code == 2
    assert str(path) in told.output.replace("\n", "")


def test_the_page_knows_the_same_pages_and_figures() -> None:
    settings = (WALLS / "settings.js").read_text("utf-8")
    for page in PAGES:
        assert f'"{page}"' in settings.split("export const PAGES")[1].split("\n")[0]
    figures = (WALLS / "figures.js").read_text("utf-8")
    for figure in FIGURES:
        assert f"\n  {figure}: " in figures, figure
