"""One report as a message: a title, a short summary in words, and the page as a file.

Owns what the summary says. Never computes a figure, never sends.
"""

from dataclasses import dataclass, field
from math import nan

from streams.history.store import Store
from streams.reports.gathering import Asked, Gathered, gathered
from streams.reports.letters import Letter
from streams.reports.page import TILES, change, figure_text, page, share_text, span_text, worst_first
from streams.reports.periods import STEPS_US, Period
from streams.reports.words import WORDS

__all__ = ["Message", "composed"]

_WORST = 5


@dataclass(frozen=True)
class Message:
    """`identity` is the same for the same report of the same period."""

    identity: str
    title: str
    body: str
    file_name: str
    page: str = field(repr=False)


def composed(store: Store, letter: Letter, period: Period, formula: str, identity: str) -> Message | None:
    """The report of a period, None where nothing of it is kept. Raises InvalidSetting where nothing is kept by its dimensions, StoreError."""
    span = store.span("total")
    if span is None or span[1] <= period.from_us or span[0] >= period.until_us:
        return None
    asked = Asked(period.from_us, period.until_us, STEPS_US[letter.every], letter.by, letter.zone, formula)
    told = gathered(store, asked)
    if not told.kept:
        return None
    days = span_text(asked.from_us, asked.until_us, asked.zone)
    name = f"{letter.name}-{days.replace(' – ', '-to-')}"
    title = f"{WORDS[letter.language]['every'][letter.every]} {days} · {letter.name}"
    return Message(identity, title, _summary(told, letter), f"{name}.html", page(told, letter.language))


def _summary(told: Gathered, letter: Letter) -> str:
    words = WORDS[letter.language]
    now, before = told.total.figures, told.before.figures
    lines = []
    for name in TILES:
        value = now.get(name, nan)
        moved, _ = change(name, value, before.get(name, nan))
        lines.append(f"{words['figures'][name]}: {figure_text(name, value, words)}" + (f" ({moved})" if moved else ""))
    if letter.by:
        lines += ["", f"{words['worst']}:"]
        for row in worst_first(told.groups)[:_WORST]:
            level, offered = (figure_text(name, row.figures[name], words) for name in ("service_level", "offered"))
            group = " · ".join(one or "—" for one in row.names)
            lines.append(
                f"- {group}: {words['figures']['service_level']} {level}, {words['figures']['offered']} {offered}"
            )
    then = told.asked.before()
    lines += ["", words["before"].format(span_text(then.from_us, then.until_us, then.zone))]
    lines += [words["made"].format(share_text(told.kept), f"{told.corrections:,}"), "", words["attached"], ""]
    return "\n".join(lines)
