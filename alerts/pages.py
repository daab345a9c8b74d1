"""The two pages that people see outside of the wall: the one that a link leads to, and an alert's story. Plain HTML, no script.

Owns their words in Chinese and English. Law: everything that came from outside is escaped.
"""

from collections.abc import Iterator
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from alerts.alert import Alert
from alerts.week import local
from alerts.wording import headline

__all__ = ["STYLE", "asking_page", "said_page", "story_page"]

STYLE = (
    "body{font:18px/1.5 system-ui,sans-serif;max-width:40em;margin:1em auto;padding:0 1em}"
    "button{font:inherit;font-size:1.3em;width:100%;padding:.8em;margin:1em 0}"
    "td{vertical-align:top;padding:.2em .6em .2em 0;font-size:.85em}"
)
_HEAD = (
    "<!doctype html><html lang=zh><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
    "<meta name=robots content=noindex><title>Floorwatch</title><link rel=stylesheet href='/a/style.css'>{}</html>"
)


def asking_page(alert: Alert, person: str) -> str:
    """What a link shows: looking at it does nothing, the button does."""
    return _HEAD.format(
        f"<h1>{escape(headline(alert, 'opened', 'zh'))}</h1><p lang=en>{escape(headline(alert, 'opened', 'en'))}</p>"
        f"<p>{escape(person)}</p><form method=post><button>确认 · Acknowledge</button></form>"
    )


def said_page(chinese: str, english: str) -> str:
    """One sentence."""
    return _HEAD.format(f"<h1>{escape(chinese)}</h1><p lang=en>{escape(english)}</p>")


def story_page(story: dict[str, Any], alert: Alert, zone: ZoneInfo) -> str:
    """An alert from its cause to its end."""
    parts = [
        f"<h1>{escape(headline(alert, 'opened', 'zh'))}</h1><p lang=en>{escape(headline(alert, 'opened', 'en'))}</p>",
        _table("原因 · Cause", [(name, value) for name, value in alert.facts.items()]),
        _table("事件 · Events", (
            (_time(one["at_us"], zone), one["step"], one["commitment"], one["about"],
             "" if one["about"] == "customer" else one["name"])
            for one in story["alarms"]
        )),
        _table("决定 · Decisions", ((_time(one["at_us"], zone), one["what"], one["why"]) for one in story["decisions"])),
        _table("消息 · Messages", (
            (_time(one["made_us"], zone), one["person"], one["kind"], one["channel"], one["state"], one["note"])
            for one in story["messages"]
        )),
        _table("操作 · Acts", ((_time(one["at_us"], zone), one["by"], one["what"], one["answer"]) for one in story["acts"])),
    ]  # fmt: skip
    return _HEAD.format("".join(parts))


def _time(at_us: int, zone: ZoneInfo) -> str:
    return local(at_us, zone).strftime("%m-%d %H:%M:%S")


def _table(title: str, rows: Any) -> str:
    return f"<h2>{title}</h2><table>{''.join(_rows(rows))}</table>"


def _rows(rows: Any) -> Iterator[str]:
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
