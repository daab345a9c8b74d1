"""An alerts file is refused with its line and what to do, and no secret stands in it."""

from pathlib import Path

import pytest

from alerts.reading import default_plan, plan_of, read_plan
from engine.errors import InvalidSetting

WHOLE = """\
channels:
  a: {url: "json://x"}
people:
  ann: {channels: [a]}
ladders:
  floor:
    levels:
      - {to: [ann], wait: 5m}
rules:
  - {name: all, ladder: floor}
"""


def test_the_default_is_sound_and_tells_nobody_yet() -> None:
    assert default_plan().people == {}


@pytest.mark.parametrize(("old", "new", "line", "told"), [
    ("wait: 5m", "wait: 5", 8, "is not a duration"),
    ("[ann], wait", "[bob], wait", 8, "'bob' is nobody in this file"),
    ("channels: [a]", "channels: [b]", 4, "there is no channel 'b'"),
    ("ladder: floor", "ladder: roof", 10, "there is no ladder 'roof'"),
    ("ladder: floor", "ladder: floor, when: {colour: red}", 10, "'colour' is nothing that an alarm says"),
    ("channels: [a]", "channels: [a], quiet: late", 4, "is no time of day"),
    ("channels: [a]", "channels: [a], colour: red", 4, "unknown field"),
    ("channels: [a]", "channels: [a], zone: Mars/Base", 4, "is no IANA time zone"),
    ('"json://x"', "&x json", 2, "anchor"),
    ("ann:", "owner:", 4, "has a meaning of its own"),
    ('url: "json://x"', 'url: "${NOT_SET_ANYWHERE}"', 2, "the variable NOT_SET_ANYWHERE is not set"),
    ('url: "json://x"', "url_file: missing.url", 2, "cannot be read"),
])  # fmt: skip
def test_a_fault_is_told_by_its_line(old: str, new: str, line: int, told: str) -> None:
    assert old in WHOLE
    with pytest.raises(InvalidSetting, match=f"^alerts.yaml:{line}: ") as refused:
        plan_of(WHOLE.replace(old, new, 1).encode(), "alerts.yaml")
    assert told in str(refused.value)


def test_all_names_that_are_missing_are_told_at_once() -> None:
    text = WHOLE.replace("[ann], wait", "[bob], wait").replace("ladder: floor", "ladder: roof")
    with pytest.raises(InvalidSetting) as refused:
        plan_of(text.encode(), "alerts.yaml")
    assert len(str(refused.value).splitlines()) == 2


def test_an_address_comes_from_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WECOM_URL", "wecombot://secret")
    (tmp_path / "mail.url").write_text("mail+smtps://secret\n")
    text = WHOLE.replace('a: {url: "json://x"}', 'a: {url: "${WECOM_URL}"}\n  b: {url_file: mail.url}')
    (tmp_path / "alerts.yaml").write_text(text)
    channels = read_plan(tmp_path / "alerts.yaml").channels
    assert (channels["a"].url, channels["b"].url) == ("wecombot://secret", "mail+smtps://secret")
