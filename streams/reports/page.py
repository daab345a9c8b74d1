"""A report as one page that opens without a network: head, tiles, trend, heat maps, worst first, promises.

Owns the layout. Never computes a figure. Law: no script and nothing from elsewhere; what has come from outside is escaped; what is no data says so.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from html import escape
from math import isnan
from typing import Any

import numpy as np

from engine.times import DAY_US
from streams.reports.charts import heat, lines
from streams.reports.gathering import Gathered, Row
from streams.reports.style import STYLE
from streams.reports.words import WORDS

__all__ = ["TILES", "change", "figure_text", "page", "share_text", "span_text", "worst_first"]

ROWS_MAX = 50
TILES = (
    "offered",
    "service_level",
    "abandonment_rate",
    "asa_s",
    "first_response_mean_s",
    "aht_s",
    "occupancy",
    "csat_share",
)
_COLUMNS = (
    "offered",
    "answered",
    "service_level",
    "abandonment_rate",
    "asa_s",
    "first_response_mean_s",
    "aht_s",
    "occupancy",
    "breaches",
)
_TRENDS = ("offered", "service_level", "asa_s", "abandonment_rate")
_SHARES = ("service_level", "abandonment_rate", "occupancy", "csat_share", "first_contact_resolution")
#: 1 where more is better, -1 where less is.
_BETTER = {"service_level": 1, "csat_share": 1, "first_contact_resolution": 1, "abandonment_rate": -1, "asa_s": -1,
           "first_response_mean_s": -1, "response_mean_s": -1, "breaches": -1}  # fmt: skip
_REWARD = (("first_contact_resolution", 0.92), ("csat_share", 0.94))


def page(told: Gathered, language: str) -> str:
    """The whole document."""
    words = WORDS[language]
    asked = told.asked
    by = words["by"].format("、".join(words["dimensions"].get(name, name) for name in asked.dimensions)
                            if language == "zh" else ", ".join(words["dimensions"].get(name, name) for name in asked.dimensions)) if asked.dimensions else words["all"]  # fmt: skip
    span = span_text(asked.from_us, asked.until_us, asked.zone)
    before = asked.before()
    head = (
        f"<header><div><h1>{words['title']}</h1><p>{escape(span)} · {escape(by)} · {escape(str(asked.zone))}</p></div>"
        f"<p class=side>{words['before'].format(escape(span_text(before.from_us, before.until_us, asked.zone)))}<br>"
        f"{words['made'].format(share_text(told.kept), f'{told.corrections:,}')}</p></header>"
    )
    body = [
        head,
        _tiles(told, words),
        _trends(told, words),
        _heats(told, words),
        _worst(told, words),
        _kept(told, words),
    ]
    foot = f"<footer>{words['formula'].format(words['formulas'][asked.formula])}<br>{words['footer']}</footer>"
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{words['title']} {escape(span)}</title><style>{STYLE}</style></head><body><main>{''.join(body)}{foot}</main></body></html>\n"
    )


def _tiles(told: Gathered, words: Mapping[str, Any]) -> str:
    parts = []
    for name in TILES:
        value, old = told.total.figures.get(name, np.nan), told.before.figures.get(name, np.nan)
        shown = figure_text(name, value, words)
        parts.append(
            f'<div class="tile{" none" if isnan(value) else ""}" data-figure="{name}"><h3>{words["figures"][name]}</h3><strong>{shown}</strong>'
            f"{_change(name, value, old, words)}</div>"
        )
    return f'<section class="tiles">{"".join(parts)}</section>'


def _change(name: str, value: float, old: float, words: Mapping[str, Any]) -> str:
    """How it moved, with a sign beside the colour."""
    told, kind = change(name, value, old)
    if not told:
        return f'<small class="flat">{words["change"]}: {words["none"]}</small>'
    return f'<small class="{kind}" title="{words["change"]}">{told}</small>'


def change(name: str, value: float, old: float) -> tuple[str, str]:
    """How a figure moved, and whether that is good, bad or flat; "" where either is no data."""
    moved = value - old if name in _SHARES else (value / old - 1 if old else np.nan)
    if isnan(moved):
        return "", "flat"
    sign = "▲" if moved > 0.0005 else "▼" if moved < -0.0005 else "■"
    better = _BETTER.get(name, 0) * moved
    kind = "good" if better > 0.0005 else "bad" if better < -0.0005 else "flat"
    return f"{sign} {abs(moved) * 100:.1f} {'pp' if name in _SHARES else '%'}", kind


def _trends(told: Gathered, words: Mapping[str, Any]) -> str:
    labels = [_moment(start, told.asked.step_us, told.asked.zone) for start in told.starts_us]
    cards = []
    for name in _TRENDS:
        drawn = lines(
            told.trend[name], told.trend_before[name], labels, partial(_text_of, words, name),
            title=words["figures"][name], share=name == "service_level",
        )  # fmt: skip
        cards.append(f"<figure><figcaption>{words['figures'][name]}</figcaption>{drawn}</figure>")
    legend = f'<p class="legend"><i class="now"></i>{words["now"]}<i class="then"></i>{words["then"]}</p>'
    return f'<section><h2>{words["trend"]}</h2>{legend}<div class="two">{"".join(cards)}</div></section>'


def _heats(told: Gathered, words: Mapping[str, Any]) -> str:
    offered, level = told.heat["offered"], told.heat["service_level"]
    most = float(np.nanmax(offered)) if (~np.isnan(offered)).any() else 1.0
    cards: list[tuple[str, Any, Callable[[float], str]]] = [
        ("offered", offered, lambda value: _between("#e8eef8", "#1d4fa3", value / max(most, 1e-9))),
        ("service_level", level, _judged),
    ]
    parts = []
    for name, values, colour in cards:
        drawn = heat(values, words["days"], partial(_text_of, words, name), colour, title=words["figures"][name])
        parts.append(f"<figure><figcaption>{words['figures'][name]}</figcaption>{drawn}</figure>")
    return f'<section><h2>{words["heat"]}</h2><div class="two">{"".join(parts)}</div></section>'


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """Groups by service level, those without one last; where none has any, by what was broken."""

    def rank(row: Row) -> tuple[float, float]:
        level = row.figures["service_level"]
        return (2.0 if isnan(level) else level, -row.figures["breaches"])

    return sorted(rows, key=rank)


def _worst(told: Gathered, words: Mapping[str, Any]) -> str:
    rows = worst_first(told.groups)
    head = "".join(f"<th>{words['figures'][name]}</th>" for name in _COLUMNS)
    lines_ = []
    for row in rows[:ROWS_MAX]:
        old = told.groups_before.get(row.names)
        name = " · ".join(one or "—" for one in row.names) or words["total"]
        cells = "".join(_cell(name_, row, old, words) for name_ in _COLUMNS)
        lines_.append(f"<tr><th scope=row>{escape(name)}</th>{cells}</tr>")
    more = f"<p class=note>{words['more'].format(f'{len(rows) - ROWS_MAX:,}')}</p>" if len(rows) > ROWS_MAX else ""
    return (
        f"<section><h2>{words['worst']}</h2><div class=wide><table><thead><tr><th>{words['group']}</th>{head}</tr></thead>"
        f"<tbody>{''.join(lines_)}</tbody></table></div>{more}</section>"
    )


def _cell(name: str, row: Row, old: Row | None, words: Mapping[str, Any]) -> str:
    value = row.figures[name]
    if isnan(value):
        return f'<td class="void">{words["none"]}</td>'
    bar = ""
    if name == "service_level":
        bar = f'<i class="bar"><b style="width:{max(0.0, min(1.0, value)) * 100:.1f}%;background:{_judged(value)}"></b></i>'
    change = _change(name, value, old.figures[name], words) if old and name in ("service_level", "offered") and not isnan(old.figures[name]) else ""  # fmt: skip
    return f"<td>{figure_text(name, value, words)}{change}{bar}</td>"


def _kept(told: Gathered, words: Mapping[str, Any]) -> str:
    most = max((count for _, count, _ in told.broken), default=1)
    broken = "".join(
        f"<tr><th scope=row>{escape(words['commitments'].get(name, name))}</th><td>{count:,}{_change('breaches', count, before, words) if before else ''}</td>"
        f'<td class="long"><i class="bar"><b style="width:{count / most * 100:.1f}%;background:#c8553d"></b></i></td></tr>'
        for name, count, before in told.broken
    )
    made, kept, in_time = told.promises
    rows = broken.split("</tr>")[:-1]
    half = -(-len(rows) // 2)
    columns = "".join(
        f"<table class=tight><tbody>{''.join(row + '</tr>' for row in part)}</tbody></table>"
        for part in (rows[:half], rows[half:])
    )
    left = f"<div class=two>{columns}</div>" if broken else f"<p class=note>{words['nothing_broken']}</p>"
    facts = [
        (words["promised"], f"{words['made_n']} {made:,} · {words['kept_n']} {kept:,} · {words['in_time']} {in_time:,}" if made + kept else words["none"]),
        (words["reward"], _reward(told, words)),
        (words["benchmark"], _benchmark(told, words)),
    ]  # fmt: skip
    right = "".join(f"<div><dt>{title}</dt><dd>{text}</dd></div>" for title, text in facts)
    return (
        f"<section><h2>{words['promises']}</h2><figure><figcaption>{words['broken']}</figcaption>{left}</figure>"
        f"<figure class=facts><dl>{right}</dl></figure></section>"
    )


def _reward(told: Gathered, words: Mapping[str, Any]) -> str:
    values = [told.total.figures.get(name, np.nan) for name, _ in _REWARD]
    if any(isnan(value) for value in values):
        state = words["none"]
    else:
        reached = all(value >= limit for value, (_, limit) in zip(values, _REWARD, strict=True))
        state = f"{'✔' if reached else '✘'} {words['reached' if reached else 'missed']} ({', '.join(share_text(value) for value in values)})"
    return f"{state}<br><small>{words['reward_told']}</small>"


def _benchmark(told: Gathered, words: Mapping[str, Any]) -> str:
    share, gap = (told.total.figures.get(name, np.nan) for name in ("benchmark_share", "benchmark_gap_s"))
    if isnan(share):
        return f"{words['none']}<br><small>{words['benchmark_told']}</small>"
    return f"{share_text(share)} · {words['gap']} {gap:+.1f} {words['units']['s']}<br><small>{words['benchmark_told']}</small>"


def figure_text(name: str, value: float, words: Mapping[str, Any]) -> str:
    """A figure as it is written, with its unit."""
    if isnan(value):
        return str(words["none"])
    if name in _SHARES:
        return share_text(value)
    if name.endswith("_s"):
        units = words["units"]
        if value < 120:
            return f"{value:.0f} {units['s']}" if value >= 10 else f"{value:.1f} {units['s']}"
        return f"{value / 60:.1f} {units['m']}" if value < 7200 else f"{value / 3600:.1f} {units['h']}"
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"


def _text_of(words: Mapping[str, Any], name: str, value: float) -> str:
    return figure_text(name, value, words)


def share_text(value: float) -> str:
    """A share as it is written."""
    return f"{value * 100:.1f} %"


def _judged(level: float) -> str:
    """From red at 60 % over amber at 80 % to green at 95 %."""
    if level < 0.8:
        return _between("#c8553d", "#e9c46a", (level - 0.6) / 0.2)
    return _between("#e9c46a", "#3c9d74", (level - 0.8) / 0.15)


def _between(low: str, high: str, share: float) -> str:
    share = min(1.0, max(0.0, share))
    pairs = ((int(low[at : at + 2], 16), int(high[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def span_text(from_us: int, until_us: int, zone: Any) -> str:
    """A span in local days, or instants where it is not made of days."""
    first, last = (datetime.fromtimestamp(us / 1e6, zone) for us in (from_us, until_us))
    if first.hour == first.minute == last.hour == last.minute == 0:
        last = datetime.fromtimestamp(until_us / 1e6 - 1, zone)
        return f"{first:%Y-%m-%d}" if first.date() == last.date() else f"{first:%Y-%m-%d} – {last:%Y-%m-%d}"
    return f"{first:%Y-%m-%d %H:%M} – {last:%Y-%m-%d %H:%M}"


def _moment(start_us: int, step_us: int, zone: Any) -> str:
    at = datetime.fromtimestamp(start_us / 1e6, zone)
    return f"{at:%m-%d}" if step_us == DAY_US else f"{at:%m-%d %H:%M}"
