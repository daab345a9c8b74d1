"""A wall that is held to a shop and two pages, in a real Chromium: it shows theirs, and after a revocation the login page."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.tokens import Revoked, append, made
from tests.browser.chromium import Chromium
from tests.browser.service import Running
from tests.browser.test_wall import LOOKS, SAID, SHOWN, untranslated

TOKEN = "the-token-of-the-service"


def test_a_wall_of_one_shop_shows_its_figures_and_its_pages_until_its_token_is_revoked(
    chromium: Chromium, tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORWATCH_TOKEN", TOKEN)
    line, given = made("wall of a", "viewer", ("shop-a",), ("overview", "shops"), None)
    append(tmp_path / "tokens.jsonl", line)
    now_ms = time.time_ns() // 1_000_000
    events = [
        {"type": "contact.queued", "time": now_ms - 900 + number, "contact": f"{shop}/{number}", "queue": "both", "channel": "app", "tenant": shop}
        for shop, count in (("shop-a", 3), ("shop-b", 5)) for number in range(count)
    ]  # fmt: skip
    with (
        Running(tmp_path / "data", "--tokens", str(tmp_path / "tokens.jsonl"), token=TOKEN) as service,
        chromium.page() as page,
    ):
        service.post("\n".join(json.dumps(event) for event in events).encode())
        service.settle()
        page.open(f"{service.address}/?language=zh")
        page.wait("document.querySelector('form input[name=token]')")
        page.tell(
            f"(document.querySelector('input').value = {json.dumps(given)}, document.querySelector('form').requestSubmit())"
        )
        page.wait(f"{SHOWN} && document.querySelector('[data-figure=waiting]')?.dataset.value === '3'", 20)
        assert page.tell("[...document.querySelectorAll('nav a')].map(one => one.textContent)") == ["总览", "店铺"]
        for key, name in (("1", "overview"), ("5", "shops"), ("4", "shops")):
            page.press(key)
            page.wait(f"document.body.dataset.page === '{name}'")
            assert "shop-b" not in page.tell("document.documentElement.outerHTML")
            assert not page.tell(LOOKS)
            assert not untranslated(page.tell(SAID), "zh")
            page.picture(pictures / f"one-shop-{name}-zh-1080p.png")
        assert "shop-a" in page.tell("document.querySelector('footer .scope').textContent")
        assert page.tell("(async () => (await fetch('/api/v1/people')).status)()") == 403
        append(tmp_path / "tokens.jsonl", Revoked(line.id, datetime.now(UTC)))
        page.wait("document.querySelector('form input[name=token]')", 15)
        assert "shop-a" not in page.tell("document.documentElement.outerHTML")
