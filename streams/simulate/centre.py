"""The settings of a simulated centre: how large, which queues, how pressed, at what hours.

Owns the presets. Never holds running state and never draws a random number.
Law: a `Centre` is valid or it does not exist; a wrong value raises `ValueError` with one sentence.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["AGENTS_MAX", "PRESETS", "SOURCES", "TEAMS", "Centre", "Queue", "preset"]

AGENTS_MAX = 50_000
TENANTS_MAX = 10_000
TROUBLES_MAX = 50
TEAMS = ("chat", "phone", "written")
CHANNELS = {
    "chat": (("app", 0.45), ("wechat", 0.35), ("web", 0.20)),
    "phone": (("phone", 1.0),),
    "written": (("email", 0.55), ("sms", 0.25), ("ticket", 0.20)),
}
# Every name that can stand before the first dash of an event's id, and in `source.heartbeat`.
SOURCES = (
    *("app", "wechat", "web", "phone", "email", "sms", "ticket"),
    *("agents", "crm", "quality", "shop", "planning"),
)


@dataclass(frozen=True, slots=True)
class Queue:
    """A skill group: its share of its team's demand and staff, and where its waiting contacts overflow to."""

    name: str
    team: str
    share: float
    overflow: str = ""
    overflow_after_s: int = 0


SERVICE_DAY = (
    *(0.30, 0.17, 0.10, 0.07, 0.06, 0.07, 0.12, 0.25, 0.50, 0.82, 0.98, 0.95),
    *(0.72, 0.70, 0.82, 0.88, 0.86, 0.80, 0.76, 0.88, 1.00, 0.97, 0.80, 0.52),
)
OFFICE_DAY = (
    *(0.04, 0.02, 0.01, 0.01, 0.01, 0.02, 0.04, 0.12, 0.40, 0.90, 1.00, 0.92),
    *(0.62, 0.68, 0.85, 0.90, 0.86, 0.74, 0.60, 0.66, 0.72, 0.50, 0.24, 0.10),
)
SALE_DAY = (
    *(1.00, 0.98, 0.94, 0.92, 0.92, 0.92, 0.92, 0.93, 0.95, 0.98, 1.00, 0.99),
    *(0.96, 0.96, 0.97, 0.98, 0.98, 0.97, 0.97, 0.98, 1.00, 1.00, 1.00, 1.00),
)

SMALL_QUEUES = (
    Queue("service", "chat", 1.0),
    Queue("phone", "phone", 1.0),
    Queue("email", "written", 1.0),
)
# VIP and KA meet no bot, so their share of a person's work is larger than their share of the customers: about
# 0.11 divided by the share of chats that a person sees.
QUEUES = (
    Queue("presales", "chat", 0.33, "aftersales", 150),
    Queue("aftersales", "chat", 0.31, "presales", 180),
    Queue("logistics", "chat", 0.18, "aftersales", 150),
    Queue("vip", "chat", 0.18, "aftersales", 45),
    Queue("phone", "phone", 0.88),
    Queue("phone_vip", "phone", 0.12, "phone", 40),
    Queue("email", "written", 0.75),
    Queue("backoffice", "written", 0.25),
)
SALE_QUEUES = (
    Queue("presales", "chat", 0.285, "aftersales", 150),
    Queue("aftersales", "chat", 0.265, "presales", 180),
    Queue("logistics", "chat", 0.180, "aftersales", 150),
    Queue("vip", "chat", 0.270, "aftersales", 45),
    *QUEUES[4:],
)


@dataclass(frozen=True, slots=True)
class Centre:
    """What a run is made of.

    `agents` are the people logged on at the busiest hour; the roster behind them is larger. `utilisation` is
    the offered work over the working slots at that hour. `day` is the demand of each local hour and
    `staff_day` the staffing, both relative to the busiest. `pace` divides the thinking and talking times of a
    chat. `wave` is the amplitude of slow swings around the day's curve. `duration_ms` None runs without end.
    `troubles` a day are what nobody planned, see `streams.simulate.troubles`.
    """

    name: str
    agents: int
    start_ms: int
    duration_ms: int | None = 3_600_000
    zone: str = "Asia/Shanghai"
    queues: tuple[Queue, ...] = QUEUES
    team_shares: tuple[float, float, float] = (0.72, 0.20, 0.08)
    tenants: int = 24
    utilisation: float = 0.82
    wave: float = 0.05
    bot_share: float = 0.30
    chat_slots: tuple[int, int] = (3, 6)
    pace: float = 1.0
    orders_per_minute: float = 120.0
    day: tuple[float, ...] = SERVICE_DAY
    staff_day: tuple[float, ...] = SERVICE_DAY
    troubles: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.agents <= AGENTS_MAX:
            raise ValueError(f"A centre has 1 to {AGENTS_MAX:,} agents, not {self.agents:,}.")
        if not 1 <= self.tenants <= TENANTS_MAX:
            raise ValueError(f"A centre serves 1 to {TENANTS_MAX:,} tenants, not {self.tenants:,}.")
        if self.duration_ms is not None and self.duration_ms <= 0:
            raise ValueError("The duration must be longer than nothing.")
        if not 0 < self.utilisation <= 3 or not 0 <= self.wave < 1 or not 0 <= self.bot_share < 1:
            raise ValueError("Utilisation lies in (0, 3], the wave and the bot's share in [0, 1).")
        if not 0 <= self.troubles <= TROUBLES_MAX:
            raise ValueError(f"A centre has 0 to {TROUBLES_MAX} troubles a day, not {self.troubles}.")
        if self.pace <= 0 or not 1 <= self.chat_slots[0] <= self.chat_slots[1] <= 8:
            raise ValueError("The pace is positive and the chat slots lie between 1 and 8.")
        if len(self.day) != 24 or len(self.staff_day) != 24 or min(self.day) < 0 or max(self.day) != 1:
            raise ValueError("A day has 24 hourly levels from 0 to 1, the busiest being 1.")
        if {queue.team for queue in self.queues} != set(TEAMS):
            raise ValueError(f"Every team ({', '.join(TEAMS)}) needs a queue.")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"The zone {self.zone!r} is unknown; give an IANA name like Asia/Shanghai.") from None

    @property
    def end_ms(self) -> int | None:
        """The first instant after the run, or None for a run without end."""
        return None if self.duration_ms is None else self.start_ms + self.duration_ms

    def team_agents(self, team: str) -> int:
        """How many of the agents online at the busiest hour belong to the team; the three sum to `agents`."""
        phone = round(self.agents * self.team_shares[1])
        written = max(round(self.agents * self.team_shares[2]), 1 if self.agents > 2 else 0)
        return {"phone": phone, "written": written, "chat": self.agents - phone - written}[team]


PRESETS: dict[str, Centre] = {
    "small": Centre(
        *("small", 10, 0),
        queues=SMALL_QUEUES,
        team_shares=(0.6, 0.3, 0.1),
        tenants=3,
        utilisation=0.55,
        bot_share=0.15,
        chat_slots=(3, 4),
        orders_per_minute=4.0,
        day=OFFICE_DAY,
        staff_day=tuple(level if level >= 0.2 else 0.0 for level in OFFICE_DAY),
    ),
    "centre": Centre("centre", 200, 0, staff_day=tuple(max(level, 0.12) for level in SERVICE_DAY)),
    "sale-peak": Centre(
        *("sale-peak", 4_000, 0),
        queues=SALE_QUEUES,
        team_shares=(0.84, 0.12, 0.04),
        tenants=300,
        utilisation=0.95,
        wave=0.09,
        bot_share=0.60,
        chat_slots=(6, 8),
        pace=2.0,
        orders_per_minute=60_000.0,
        day=SALE_DAY,
        staff_day=(1.0,) * 24,
    ),
}


def preset(
    name: str,
    start: datetime | int,
    *,
    agents: int | None = None,
    duration_s: float | None = 3600.0,
    zone: str | None = None,
    troubles: int = 0,
) -> Centre:
    """The named preset begun at `start` (an aware datetime or milliseconds since 1970 UTC).

    Raises `ValueError` for an unknown name, a naive datetime or a value no centre can have.
    """
    if name not in PRESETS:
        raise ValueError(f"The preset {name!r} is unknown; there are {', '.join(PRESETS)}.")
    if isinstance(start, datetime):
        if start.tzinfo is None:
            raise ValueError("The start needs an offset, like 2025-11-11T20:00:00+08:00.")
        start = int(start.timestamp()) * 1000 + start.microsecond // 1000
    base = PRESETS[name]
    return replace(
        base,
        start_ms=start,
        duration_ms=None if duration_s is None else round(duration_s * 1000),
        agents=base.agents if agents is None else agents,
        zone=base.zone if zone is None else zone,
        troubles=troubles,
        orders_per_minute=base.orders_per_minute * (1 if agents is None else agents / base.agents),
    )
