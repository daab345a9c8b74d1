"""The wall in a real Chromium, over a sale peak in a real service: every page, both languages, three screens."""

import json
import re
import time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Chromium, Page
from tests.browser.peak import AGENTS, HOSTILE
from tests.browser.service import Running

PAGES = ("overview", "queues", "commitments", "agents", "shops", "alerts", "capacity", "trends")
LANGUAGES = ("en", "zh")
SCREENS = {"1080p": (1920, 1080, False), "4k": (3840, 2160, False), "phone": (390, 844, True)}
LOOKS, SAID = (Path(__file__).with_name(name).read_text("utf-8") for name in ("looks.js", "said.js"))
SHOWN = "document.querySelector('main') && document.body.dataset.version"
#: Words that are the same in both languages.
COMMON = re.compile(r"Floorwatch|answered_[a-z_]+|\bn = |KA|VIP")
HAN = re.compile("[\u4e00-\u9fff]")


def show(page: Page, service: Running, name: str, language: str, query: str = "") -> None:
    """Opens a page and waits until it has its figures, those it fetches included."""
    page.open(f"{service.address}/?language={language}{query}#{name}")
    filled = {
        "agents": "document.querySelector('.grid .said')",
        "trends": "document.querySelectorAll('.uplot').length === 6",
    }
    page.wait(f"{SHOWN} && document.body.dataset.page === '{name}' && {filled.get(name, 'true')}", 30)
    page.wait("document.querySelectorAll('tbody tr, canvas').length > 0", 30)
    if name == "agents":
        page.wait(
            f"document.querySelector('.grid h2 small').textContent.replace(/\\D/g, '').length >= {len(str(AGENTS))}", 30
        )


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_fits_its_screen_and_is_in_one_language(
    language: str, screen: str, chromium: Chromium, service: Running, pictures: Path
) -> None:
    width, height, phone = SCREENS[screen]
    with chromium.page(width, height, phone=phone, language=language) as page:
        for name in PAGES:
            show(page, service, name, language)
            page.tell("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.picture(pictures / f"{name}-{language}-{screen}.png")
            assert page.tell(LOOKS) == [], name
            assert not untranslated(page.tell(SAID), language), name
            assert page.errors == [], name
        assert page.tell("document.querySelectorAll('script:not([src]), img').length") == 0


def untranslated(texts: list[str], language: str) -> list[str]:
    """Of the texts those that are not in that language."""
    if language == "zh":
        return [text for text in texts if re.search("[A-Za-z]{2,}", COMMON.sub("", text))]
    return [text for text in texts if HAN.search(text.replace("中文", ""))]


def test_both_languages_have_the_same_words(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        page.open(f"{service.address}/")
        page.wait(SHOWN)
        keys = """(async () => {
          const paths = (table, at = "") => Object.entries(table).flatMap(([key, value]) =>
            value && typeof value === "object" && !Array.isArray(value) ? paths(value, `${at}${key}.`)
              : [`${at}${key}:${Array.isArray(value) ? value.length : typeof value === "function" ? `f${value.length}` : typeof value}`]);
          return [paths((await import("/english.js")).default), paths((await import("/chinese.js")).default)];
        })()"""
        english, chinese = page.tell(keys)
    assert len(english) > 150
    assert english == chinese


def test_every_figure_that_is_shown_has_a_definition(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        for name in PAGES:
            show(page, service, name, "en")
            for figure in page.tell(
                "[...new Set([...document.querySelectorAll('[data-figure]')].map(one => one.dataset.figure))]"
            ):
                label = page.tell(f"document.querySelector('[data-figure={figure}]').getAttribute('aria-label')")
                assert re.match(r".+\. .{15,}\. window: .+", label), (name, label)


def test_a_tile_tells_its_definition_to_whoever_points_at_it_or_tabs_to_it(
    chromium: Chromium, service: Running
) -> None:
    with chromium.page() as page:
        show(page, service, "overview", "en")
        page.tell("document.querySelector('[data-figure=service_level]').focus()")
        page.wait("document.querySelector('.tip')")
        tip = page.tell("document.querySelector('.tip').innerText")
    assert "answered_of_ended" in tip
    assert "last 15 min" in tip
    assert re.search(r"[\d,]+ contacts", tip)


FIGURES = {
    "waiting": lambda row: whole(row["waiting"]),
    "longest_wait_s": lambda row: clock(row["longest_wait_s"]),
    "service_level": lambda row: share(row["service_level"]) + "%",
    "first_response_avg_s": lambda row: f"{int(row['first_response_avg_s'] + 0.5)}s",
    "answered": lambda row: whole(row["answered"]),
    "abandoned": lambda row: whole(row["abandoned"]),
    "in_service": lambda row: whole(row["in_service"]),
}
SAME_VERSION = """(async () => {
  for (;;) {
    const facts = await (await fetch("/api/v1/now")).json();
    for (let n = 0; n < 40 && Number(document.body.dataset.version) < facts.service.version; n += 1) await new Promise(done => setTimeout(done, 25));
    if (Number(document.body.dataset.version) !== facts.service.version) continue;
    return [JSON.stringify(facts), Object.fromEntries([...document.querySelectorAll("[data-figure] .figure")].map(one =>
      [one.closest("[data-figure]").dataset.figure, [...one.querySelectorAll(".number, small")].map(part => part.textContent).join("")])),
      [...document.querySelectorAll(".card:last-child tbody tr")].map(row => [...row.children].map(cell => cell.innerText.trim()))];
  }
})()"""


def test_figures_on_the_page_are_those_of_the_api_at_the_same_version(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        show(page, service, "overview", "en")
        told, tiles, rows = page.tell(SAME_VERSION)
    facts = json.loads(told)
    total = facts["groups"]["total"][0]
    for figure, written in FIGURES.items():
        assert tiles[figure] == written(total), figure
    present = sum(count for state, count in total["agents"].items() if state != "offline")
    assert tiles["agents"] == whole(present)
    queues = sorted(facts["groups"]["queue"], key=lambda row: -(row["longest_wait_s"] or 0))
    for row, queue in zip(rows, queues, strict=False):
        assert row[1:3] == [whole(queue["waiting"]), clock(queue["longest_wait_s"])], queue["queue"]
    assert len(rows) >= 5


def whole(value: int) -> str:
    return f"{value:,}"


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def share(value: float) -> str:
    if value == 0 or value >= 0.9995:
        return "100" if value else "0"
    return str(Decimal(100 * value).quantize(Decimal("0.1"), ROUND_HALF_UP))  # As people round, and as the page does.


def test_names_that_want_to_do_harm_are_only_text(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        show(page, service, "queues", "en")
        names = page.tell("[...document.querySelectorAll('td.name bdi')].map(one => one.textContent)")
        assert set(HOSTILE) <= set(names)
        assert page.tell("document.title") == "Floorwatch · Queues"
        assert page.tell("document.querySelectorAll('td img, td script').length") == 0
        # What turns the direction around does so inside of its own name only.
        assert page.tell(
            "[...document.querySelectorAll('td.name bdi')].every(one => getComputedStyle(one).unicodeBidi === 'isolate')"
        )
        assert page.errors == []


def test_no_data_is_said_and_looks_unlike_zero(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        show(page, service, "queues", "en")
        cells: list[Any] = page.tell(
            "[...document.querySelectorAll('td.figure')].map(one => [one.innerText.trim(), one.querySelector('.none') !== null])"
        )
    said = dict(cells)
    assert said["no data"] is True
    assert said["0%"] is False


def test_a_screen_of_the_layout_file_shows_its_own_queues_and_turns_its_pages(
    chromium: Chromium, service: Running
) -> None:
    with chromium.page() as page:
        page.open(f"{service.address}/?screen=floor-1")
        page.wait(f"{SHOWN} && document.querySelectorAll('tbody tr').length", 20)
        assert page.tell("document.documentElement.lang") == "zh-CN"
        assert page.tell("document.body.dataset.page") == "queues"
        assert sorted(page.tell("[...document.querySelectorAll('td.name bdi')].map(one => one.textContent)")) == [
            "售前-051",
            "售后-050",
        ]
        assert page.tell("document.querySelector('nav, .buttons')") is None
        assert page.tell("document.querySelectorAll('.cell.is-over').length") >= 2
        page.wait("document.body.dataset.page === 'alerts'", 8)


def test_an_unknown_screen_shows_everything_and_says_so(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        page.open(f"{service.address}/?screen=nowhere&language=en")
        page.wait(SHOWN, 20)
        assert "no screen nowhere" in page.tell("document.querySelector('footer').innerText")


def test_a_new_breach_stops_the_turning_and_brings_its_page(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        page.open(f"{service.address}/?page=trends,shops&seconds=600&hold_seconds=60&language=en")
        page.wait(SHOWN, 20)
        # At a peak something breaks every second.
        page.wait("document.body.dataset.page === 'commitments'", 30)
        assert "held for a breach" in page.tell("document.querySelector('footer').innerText")


def test_the_keyboard_reaches_the_pages_and_every_person(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        show(page, service, "overview", "en")
        page.press("4")
        page.wait(
            "document.body.dataset.page === 'agents' && document.querySelector('.grid h2 small').textContent.length > 3",
            20,
        )
        page.tell("document.querySelector('canvas').focus()")
        page.press("ArrowRight")
        page.wait("document.querySelector('.grid .said bdi')")
        assert "contacts" in page.tell("document.querySelector('.grid .said').textContent")


def test_contrast_of_text_is_at_least_that_of_wcag_aa(chromium: Chromium, service: Running) -> None:
    contrast = """(() => {
      const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
      const parse = text => text.match(/[\\d.]+/g).map(Number);
      const ground = element => { for (let one = element; one; one = one.parentElement) { const colour = parse(getComputedStyle(one).backgroundColor); if (colour.length < 4 || colour[3] === 1) return colour; } return [8, 11, 16]; };
      const found = [];
      for (const element of document.querySelectorAll("header *, main *, footer *")) {
        if (element.closest(".uplot") || ![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
        const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${element.className} ${element.textContent.slice(0, 30)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
      }
      return [...new Set(found)];
    })()"""
    with chromium.page() as page:
        for name in PAGES:
            show(page, service, name, "en")
            assert page.tell(contrast) == [], name


def test_a_stopped_service_is_told_within_five_seconds_and_found_again_within_three(
    chromium: Chromium, service: Running
) -> None:
    with chromium.page() as page:
        show(page, service, "overview", "en")
        page.tell("""window.back = 0; window.seen = 0; new MutationObserver(() => {
          const now = Number(document.querySelector('[data-figure=longest_wait_s]').dataset.value);
          if (now < window.seen - 0.001) window.back += 1;
          window.seen = now;
        }).observe(document.querySelector('.tiles'), { subtree: true, attributes: true })""")
        time.sleep(1.5)
        service.stop()
        stopped = time.monotonic()
        page.wait("document.body.classList.contains('stale') && document.querySelector('.band')", 8)
        assert time.monotonic() - stopped < 5.0
        assert re.search(r"since \d\d:\d\d:\d\d", page.tell("document.querySelector('.band').innerText"))
        service.start()
        started = time.monotonic()
        page.wait("!document.body.classList.contains('stale') && !document.querySelector('.band:not(.behind)')", 8)
        assert time.monotonic() - started < 3.0
        time.sleep(2)
        assert page.tell("window.seen") > 0
        assert page.tell("window.back") == 0


FURTHER = """(async () => {
  const { wall, changed } = await import("/state.js");
  const as_of = wall.facts.as_of_us;
  const long = "<b>" + "W".repeat(300);
  const counts = { open: 4, in_progress: 3, near_limit: 2, overdue: 1 };
  const told = {
    cases: { count: 10, ...counts, by_kind: [{ kind: "outage", ...counts }, { kind: long, ...counts }], by_department: [{ department: "technical", ...counts }, { department: "", ...counts }],
      rows: [{ case: "case-1", kind: "outage", grade: "major", priority: "high", owner: long, department: "technical", since_us: as_of - 6e9, state: "overdue", next: "case_resolve", due_us: as_of - 6e7, left_s: -60 },
             { case: "case-2", kind: "complaint", grade: "ordinary", priority: "", owner: "", department: "service", tenant: long, tier: "ka", since_us: as_of - 6e9, next: "something_new", due_us: as_of + 6e8, left_s: 600 }] },
    promises: { count: 1, ...counts, rows: [{ promise: "promise-1", contact: "c-1", since_us: as_of - 6e8, due_us: as_of + 6e7, left_s: 60, state: "open" }] },
    conditions: [{ name: "surge", severity: "critical", of: { queue: long }, since_us: as_of - 6e7, figure: 3, limit: 2 }, { name: "unheard_of", severity: "info", of: {}, since_us: as_of, figure: null }],
    due: [], alarms: [{ id: "x", at_us: as_of, commitment: "something_new", step: "renewed", case: "case-9", since_us: as_of - 6e7, grade: "extraordinary", owner: long }, ...wall.facts.alarms.slice(0, 3)],
  };
  let newest = wall.facts;
  Object.defineProperty(wall, "facts", { configurable: true, get: () => ({ ...newest, ...told }), set: (facts) => { newest = facts; } });
  changed();
  await new Promise(done => setTimeout(done, 1500));
  return [document.querySelector("main").innerText, LOOKS];
})()"""


@pytest.mark.parametrize("screen", SCREENS)
def test_cases_promises_conditions_and_names_nobody_knew_are_shown_as_they_are(
    screen: str, chromium: Chromium, service: Running, pictures: Path
) -> None:
    width, height, phone = SCREENS[screen]
    looks = LOOKS[LOOKS.index("(() =>") :].strip()
    with chromium.page(width, height, phone=phone) as page:
        show(page, service, "commitments", "en")
        text, faults = page.tell(FURTHER.replace("LOOKS", looks))
        page.picture(pictures / f"cases-en-{screen}.png")
        assert faults == []
        for told in ("‼ high", "Case: resolution", "something_new", "Promise", "technical", "outage", "−1:0"):
            assert told in text, told
        assert text.index("Case: resolution") < text.index("something_new") < text.rindex("Promise")
        show(page, service, "alerts", "en")
        text, faults = page.tell(FURTHER.replace("LOOKS", looks))
        page.picture(pictures / f"conditions-en-{screen}.png")
        assert faults == []
        for told in ("renewed", "surge", "critical", "unheard_of", "whole centre"):
            assert told in text, told
        assert page.errors == []
