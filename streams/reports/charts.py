"""Charts as SVG text: lines against the period before, and heat maps. No script, no font, no network.

Owns the drawing. Never knows what is drawn. A value that is no data is a gap, or an empty cell; all text is escaped.
"""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

__all__ = ["heat", "lines"]

Values = NDArray[np.float64]
_W, _H, _LEFT, _RIGHT, _TOP, _BOTTOM = 560, 190, 52, 10, 12, 24


def lines(
    now: Values, then: Values, labels: Sequence[str], told: Callable[[float], str], *, title: str, share: bool = False
) -> str:
    """One figure by interval, that of the period before dashed behind it. `labels` are of the intervals; a few of them are shown."""
    known = np.concatenate((now[~np.isnan(now)], then[~np.isnan(then)]))
    most = 1.0 if share and known.size and known.max() > 0.5 else _round_up(float(known.max()) if known.size else 1.0)
    width, height = _W - _LEFT - _RIGHT, _H - _TOP - _BOTTOM
    count = max(len(now), 2)

    def x(at: float) -> float:
        return _LEFT + width * at / (count - 1)

    def y(value: float) -> float:
        return _TOP + height * (1 - value / most)

    parts = [f'<svg viewBox="0 0 {_W} {_H}" role="img" aria-label="{escape(title)}">']
    for share_of in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_W - _RIGHT}" y1="{y(most * share_of):.1f}" y2="{y(most * share_of):.1f}"/>'
        )
        if share_of in (0.0, 0.5, 1.0):
            parts.append(
                f'<text class="axis end" x="{_LEFT - 7}" y="{y(most * share_of) + 4:.1f}">{escape(told(most * share_of))}</text>'
            )
    shown = max(1, -(-len(labels) // 7))
    for at in range(0, len(labels), shown):
        anchor = "start" if at == 0 else "end" if x(at) > _W - _RIGHT - 24 else "middle"
        parts.append(f'<text class="axis {anchor}" x="{x(at):.1f}" y="{_H - 6}">{escape(labels[at])}</text>')
    parts += [f'<path class="then" d="{path}"/>' for path in _paths(then[:count], x, y)]
    for path in _paths(now, x, y):
        parts.append(f'<path class="now" d="{path}"/>')
    if (last := np.flatnonzero(~np.isnan(now))).size:
        parts.append(f'<circle class="dot" r="3.5" cx="{x(last[-1]):.1f}" cy="{y(now[last[-1]]):.1f}"/>')
    return "".join((*parts, "</svg>"))


def heat(
    values: Values, rows: Sequence[str], told: Callable[[float], str], colour: Callable[[float], str], *, title: str
) -> str:
    """Weekdays by hours; every cell tells its value when it is pointed at."""
    cell, left, top = 21.5, 40, 18
    parts = [
        f'<svg viewBox="0 0 {left + 24 * cell + 2:.0f} {top + 7 * cell + 2:.0f}" role="img" aria-label="{escape(title)}">'
    ]
    parts += [
        f'<text class="axis middle" x="{left + (hour + 0.5) * cell:.1f}" y="{top - 6}">{hour}</text>'
        for hour in range(0, 24, 3)
    ]
    for day, name in enumerate(rows):
        parts.append(
            f'<text class="axis end" x="{left - 7}" y="{top + (day + 0.5) * cell + 4:.1f}">{escape(name)}</text>'
        )
        for hour in range(24):
            value = float(values[day, hour])
            fill = "none" if np.isnan(value) else colour(value)
            kind = ' class="void"' if np.isnan(value) else f' style="fill:{fill}"'
            parts.append(
                f'<rect{kind} x="{left + hour * cell:.1f}" y="{top + day * cell:.1f}" width="{cell - 2:.1f}" height="{cell - 2:.1f}" rx="3">'
                f"<title>{escape(f'{name} {hour}:00  {told(value)}')}</title></rect>"
            )
    return "".join((*parts, "</svg>"))


def _paths(values: Values, x: Callable[[float], float], y: Callable[[float], float]) -> list[str]:
    """A path for each stretch without a gap; a value by itself is a short stroke."""
    known = np.flatnonzero(~np.isnan(values))
    stretches = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1) if known.size else []
    found = []
    for stretch in stretches:
        points = [f"{x(at):.1f},{y(values[at]):.1f}" for at in stretch.tolist()]
        found.append("M" + " L".join(points) if len(points) > 1 else f"M{points[0]} h0.1")
    return found


def _round_up(value: float) -> float:
    """A number at or above it that reads well."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** np.floor(np.log10(value))
    return next(
        float(step * scale) for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * scale >= value * 0.999
    )
