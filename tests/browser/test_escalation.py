"""The alerts page in a real Chromium where somebody is told of alerts: a supervisor acts on it, a viewer only looks."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.tokens import append, made
from tests.alerts.test_channels import Receiver
from tests.browser.chromium import Chromium, Page
from tests.browser.service import Running
from tests.browser.test_wall import LOOKS, SAID, SCREENS, SHOWN, untranslated

TOKEN = "the-token-of-the-service"
PLAN = """\
channels: {{hook: {{url: "webhook+http://127.0.0.1:{port}/", private: yes}}}}
people: {{li-na: {{name: 李娜, channels: [hook]}}, wang: {{name: "<b>Wang", channels: [hook]}}}}
schedules: {{supervisor: {{rotations: [{{people: [li-na], from: 2026-01-05 09:00}}]}}}}
ladders: {{floor: {{levels: [{{to: [wang], wait: 5m}}, {{to: [supervisor], wait: 15m}}]}}}}
rules:
  - {{name: case, when: {{about: case}}, severity: critical, ladder: floor, by: [name]}}
  - {{name: rest, ladder: floor, by: [commitment, queue]}}
"""
ROW = "[...document.querySelectorAll('.escalation tbody tr')].find(row => row.innerText.includes({name}))"


@contextmanager
def logged_in(chromium: Chromium, service: Running, given: str, screen: str, language: str) -> Iterator[Page]:
    width, height, phone = SCREENS[screen]
    with chromium.page(width, height, phone=phone, language=language) as page:
        # Tokens are for one browser: who was logged in before is no longer.
        page.ask("Network.clearBrowserCookies")
        page.open(f"{service.address}/?language={language}#alerts")
        page.wait("document.querySelector('form input[name=token]')")
        page.errors.clear()  # The login page itself is a refusal.
        page.tell(
            f"(document.querySelector('input').value = {json.dumps(given)}, document.querySelector('form').requestSubmit())"
        )
        page.wait(f"{SHOWN} && document.body.dataset.page === 'overview'", 20)
        page.press("6")
        page.wait("document.querySelectorAll('.escalation tbody tr').length >= 2", 20)
        yield page


def said_wrong(page: Page) -> list[str]:
    """Its errors, without the picture that browsers ask of the login page by themselves."""
    return [error for error in page.errors if "favicon" not in error]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("escalation")
    found = {}
    for name, role in (("wall", "viewer"), ("Sun Yi", "supervisor")):
        line, found[name] = made(name, role, None, None, None)
        append(folder / "tokens.jsonl", line)
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    (folder / "alerts.yaml").write_text(PLAN.format(port=receiver.server_address[1]), "utf-8")
    (folder / "token").write_text(TOKEN)
    options = (
        "--tokens",
        str(folder / "tokens.jsonl"),
        "--token-file",
        str(folder / "token"),
        "--alerts",
        str(folder / "alerts.yaml"),
    )
    now_ms = time.time_ns() // 1_000_000
    events = [
        {"type": "case.opened", "time": now_ms - 9_000_000, "case": "case-1", "kind": "outage", "owner": "W" * 200, "tenant": "<i>shop"},
        {"type": "contact.queued", "time": now_ms - 400_000, "contact": "c-1", "queue": "售后", "channel": "app"},
        {"type": "contact.queued", "time": now_ms - 900, "contact": "c-2", "queue": "售后", "channel": "app"},
    ]  # fmt: skip
    with Running(folder / "data", *options, token=TOKEN) as service:
        service.post("\n".join(json.dumps(event) for event in events).encode())
        service.settle()
        until = time.monotonic() + 60
        while len(service.get("/api/v1/alerts")["alerts"]) < 2 or len(receiver.got) < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        yield service, found
    receiver.shutdown()
    receiver.server_close()


def test_a_supervisor_acknowledges_snoozes_and_hands_over_in_the_own_name(
    given: tuple[Running, dict[str, str]], chromium: Chromium, pictures: Path
) -> None:
    service, tokens = given
    with logged_in(chromium, service, tokens["Sun Yi"], "1080p", "en") as page:
        assert page.tell(LOOKS) == []
        row = ROW.format(name="'Wait'")
        assert "supervisor" in page.tell(f"{row}.innerText")
        assert "1 of 2" in page.tell(f"{row}.innerText")
        page.picture(pictures / "escalation-supervisor-en-1080p.png")
        assert (
            page.tell(
                f"(() => {{ const box = {row}.querySelector('button').getBoundingClientRect(); return document.elementFromPoint(box.x + 5, box.y + 5).innerText; }})()"
            )
            == "Acknowledge"
        )
        page.tell(f"[...{row}.querySelectorAll('button')].find(one => one.innerText === 'Acknowledge').click()")
        page.wait(f"{row}?.innerText.includes('Sun Yi') && {row}.innerText.includes('acknowledged')")
        alert = next(one for one in service.get("/api/v1/alerts")["alerts"] if one["facts"]["commitment"] == "wait")
        assert (alert["status"], alert["owner"], alert["next"]) == ("acknowledged", "Sun Yi", None)
        page.tell(f"[...{row}.querySelectorAll('button')].find(one => one.innerText.startsWith('Snooze')).click()")
        page.wait(f"{row}?.innerText.includes('snoozed')")
        page.tell(
            f"(() => {{ const to = {row}.querySelector('select'); to.value = 'li-na'; to.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()"
        )
        page.wait(f"{row}?.children[3].innerText.includes('李娜')")
        assert said_wrong(page) == []
        story = service.get(f"/api/v1/alerts/{alert['id']}")
        assert [(act["what"], act["by"]) for act in story["acts"]] == [
            ("acknowledge", "Sun Yi"), ("snooze", "Sun Yi"), ("hand_over", "Sun Yi"),
        ]  # fmt: skip
        page.open(service.address + page.tell(f"{row}.querySelector('a').getAttribute('href')"))
        page.wait("document.body?.innerText.includes('Sun Yi to li-na')")


def test_a_viewer_sees_who_has_what_and_has_no_buttons(
    given: tuple[Running, dict[str, str]], chromium: Chromium, pictures: Path
) -> None:
    service, tokens = given
    with logged_in(chromium, service, tokens["wall"], "4k", "zh") as page:
        assert page.tell(LOOKS) == []
        assert not untranslated([text for text in page.tell(SAID) if text != "Sun Yi"], "zh")
        page.picture(pictures / "escalation-viewer-zh-4k.png")
        assert page.tell("document.querySelectorAll('.escalation button, .escalation select').length") == 0
        path = page.tell(f"{ROW.format(name=json.dumps('排队等待'))}.querySelector('a').getAttribute('href')")
        assert (
            page.tell(
                f"(async () => (await fetch('/api/v1{path}/acknowledge', {{ method: 'POST', body: '{{}}' }})).status)()"
            )
            == 403
        )


def test_one_tap_on_a_telephone_acknowledges(
    given: tuple[Running, dict[str, str]], chromium: Chromium, pictures: Path
) -> None:
    service, tokens = given
    with logged_in(chromium, service, tokens["Sun Yi"], "phone", "zh") as page:
        assert page.tell(LOOKS) == []
        page.picture(pictures / "escalation-supervisor-zh-phone.png")
        row = ROW.format(name="'事件'")
        assert page.tell(f"{row}.querySelector('button').getBoundingClientRect().height") >= 28
        page.tell(f"{row}.querySelector('button').click()")
        page.wait(f"{row} && !{row}.innerText.includes('确认')")
        assert any(one["owner"] == "Sun Yi" for one in service.get("/api/v1/alerts")["alerts"])
        assert said_wrong(page) == []
