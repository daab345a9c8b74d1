"""The rates from Kafka, ours and the others', as bars in SVG. Owns the drawing; no script, no font, no network. All text is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from benchmarks.figures import Figure

__all__ = ["chart"]

_WIDTH, _ROW, _LEFT, _BARS = 900, 30, 400, 400
_FROM = 1_000.0


def chart(figures: Iterable[Figure]) -> str:
    """Bars of all figures whose unit is events a second of a core, the longest first; a scale of powers of ten, for they differ a thousandfold."""
    shown = sorted((one for one in figures if one.unit.startswith("events/s of")), key=lambda one: -one.value)
    height = _ROW * (len(shown) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13" role="img" '
        'aria-label="Events a second of one core">', f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>']  # fmt: skip
    most = max((one.high for one in shown), default=_FROM)
    for power in range(3, math.ceil(math.log10(most)) + 1):
        x = _LEFT + _length(10.0**power, most)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_ROW}" y2="{height - _ROW}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" fill="#555">{10**power:,}</text>')
    for place, one in enumerate(shown):
        y = _ROW * (place + 1)
        colour = "#0b6e4f" if "ours" in one.name or one.name.startswith("engine") else "#8a94a6"
        low, high = _LEFT + _length(one.low, most), _LEFT + _length(one.high, most)
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 18}" text-anchor="end">{escape(_short(one.what))}</text>',
            f'<rect x="{_LEFT}" y="{y + 5}" width="{_length(one.value, most):.1f}" height="{_ROW - 10}" fill="{colour}"/>',
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y + _ROW / 2}" y2="{y + _ROW / 2}" stroke="#000" stroke-width="2"/>',
            f'<text x="{max(high, _LEFT + 4) + 8:.1f}" y="{y + 18}">{one.value:,.0f}</text>',
        ]
    return "\n".join((*parts, "</svg>\n"))


def _short(words: str) -> str:
    return words.removeprefix("from Kafka, one event a record: ")


def _length(value: float, most: float) -> float:
    return max(0.0, _BARS * math.log(value / _FROM) / math.log(max(most, 10 * _FROM) / _FROM))
