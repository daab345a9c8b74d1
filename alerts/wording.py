"""What a message says, in Chinese or English: one alert, or several merged.

Owns the words. Never a customer's name: an alert about one says that it is a customer. Law: nothing from outside can make a message
longer than a telephone shows.
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from alerts.alert import Alert, Message
from alerts.plan import Person
from alerts.week import local

__all__ = ["digest", "headline", "text_of"]

NAME_CHARACTERS_MAX = 80
LISTED_MAX = 20

_WORDS = {
    "zh": {
        "info": "提示", "warning": "预警", "critical": "严重", "count": "共 {} 件", "since": "始于 {}",
        "opened": "新告警", "climbed": "升级", "repeated": "再次提醒", "reopened": "再次发生", "worse": "加重", "grown": "增多",
        "lapsed": "确认已过期，仍未解决", "handed": "转交给您", "ended": "已解除", "digest": "{} 条告警",
        "acknowledge": "确认", "more": "……另有 {} 条", "uncertain": "（可能重复）", "for": "给 {}", "expired": "已过期",
        "wait": "排队过久", "first_reply": "首次响应超时", "first_human_reply": "首次人工响应超时", "next_reply": "回复超时",
        "announcement": "等待提示缺失", "automatic_reply": "自动回复缺失", "transfers": "转接过多", "unresolved": "未解决即关闭",
        "repeats": "重复来访", "failed_checks": "连续质检不合格", "misses": "多次违约", "promise": "承诺到期",
        "case_respond": "事件单响应", "case_resolve": "事件单解决", "case_report": "事件单上报", "case_verify": "事件单核实",
        "case_progress": "事件单进展", "case_inform": "事件单告知", "case_follow_up": "事件单回访", "case_review": "事件单复盘",
        "coaching": "辅导到期", "call_back": "回访到期", "high_priority": "高优先级", "grade": "事件升级",
        "channel_failing": "通知渠道故障", "on_call_gap": "值班空缺", "source_silent": "数据源无声", "source_overdue": "数据源静默过久", "source_refused": "数据源被拒收",
        "blind": "看不见现场",
        "queue_breaking": "服务水平即将不达标", "expected": "若不调整，预计 {figure}，目标 {limit}", "missing": "缺 {} 人",
    },
    "en": {
        "info": "note", "warning": "warning", "critical": "critical", "count": "{} of them", "since": "since {}",
        "opened": "new", "climbed": "escalated", "repeated": "again", "reopened": "came back", "worse": "got worse",
        "grown": "growing", "lapsed": "acknowledgement ran out, not in order yet", "handed": "handed to you", "ended": "over",
        "digest": "{} alerts", "acknowledge": "acknowledge", "more": "… {} more", "uncertain": "(may be a repeat)",
        "for": "for {}", "expired": "expired",
        "queue_breaking": "service level about to break", "expected": "{figure} expected against {limit} if nothing changes", "missing": "{} missing",
    },
}  # fmt: skip
_PLACES = ("tenant", "queue", "channel", "tier", "department", "case", "contact", "promise", "agent")


def headline(alert: Alert, kind: str, language: str) -> str:
    """One line: how severe, what, where, how many."""
    words = _WORDS[language]
    facts = alert.facts
    commitment = facts.get("commitment", alert.rule)
    parts = [f"[{words[alert.severity]}]", words.get(commitment, commitment.replace("_", " "))]
    if facts.get("about") in ("group", "source"):
        shown = [facts.get("name", "")[:NAME_CHARACTERS_MAX]]
    else:
        shown = [
            facts[place][:NAME_CHARACTERS_MAX] for place in _PLACES if facts.get(place) and _is_common(alert, place)
        ]
    parts += list(dict.fromkeys(shown))
    if alert.count > 1:
        parts.append(words["count"].format(alert.count))
    return " ".join(parts) + f" · {words[kind]}"


def text_of(
    alert: Alert, message: Message, person: Person, zone: ZoneInfo, link: str, uncertain: bool
) -> tuple[str, str]:
    """Title and body for one person."""
    words = _WORDS[person.language]
    since = local(alert.raised_us, zone).strftime("%m-%d %H:%M:%S")
    lines = [words["since"].format(since) + f" · {alert.id[:8]}"]
    if alert.facts.get("commitment") == "queue_breaking" and alert.facts.get("figure"):
        lines.append(_expected(alert.facts, words))
    if uncertain:
        lines.append(words["uncertain"])
    if link:
        lines.append(f"{words['acknowledge']}: {link}")
    return headline(alert, message.kind, person.language), "\n".join(lines)


def _expected(facts: Mapping[str, str], words: Mapping[str, str]) -> str:
    """What a queue that is about to break comes to."""
    shares = {name: f"{float(facts[name]):.0%}" for name in ("figure", "limit")}
    missing = facts.get("missing", "")
    return words["expected"].format(**shares) + (f" · {words['missing'].format(missing)}" if missing else "")


def digest(parts: Sequence[tuple[str, str]], language: str) -> tuple[str, str]:
    """Title and body of several messages in one."""
    words = _WORDS[language]
    lines = [line for title, body in parts[:LISTED_MAX] for line in (title, body.splitlines()[-1])]
    if len(parts) > LISTED_MAX:
        lines.append(words["more"].format(len(parts) - LISTED_MAX))
    return words["digest"].format(len(parts)), "\n".join(lines)


def _is_common(alert: Alert, place: str) -> bool:
    """Whether all that is in the alert has it: of one thing everything, of several what they were grouped by."""
    return alert.count <= 1 or alert.facts[place] in alert.group
