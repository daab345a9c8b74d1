"""One alert as it stands, and what is said about it: decisions, messages, acts.

Owns the records of escalation, which are kept as JSON. Never decides: see alerts.desk. Instants are int64 microseconds, 0 for never.
"""

import msgspec

__all__ = [
    "ACKNOWLEDGED", "EXPIRED", "LIVE", "NOTIFIED", "OPEN", "RESOLVED", "SNOOZED",
    "Act", "Alert", "Decision", "Message", "Outcome", "Result",
]  # fmt: skip

OPEN, NOTIFIED, ACKNOWLEDGED, SNOOZED, RESOLVED, EXPIRED = (
    "open", "notified", "acknowledged", "snoozed", "resolved", "expired",
)  # fmt: skip
#: States in which something may still happen.
LIVE = (OPEN, NOTIFIED, ACKNOWLEDGED, SNOOZED)


class Alert(msgspec.Struct, kw_only=True):
    """What one cause raised. `matters` are the things that are not in order, with the step each has reached."""

    id: str
    rule: str
    group: tuple[str, ...]
    severity: str
    facts: dict[str, str]
    """Of the alarm that opened it."""
    opened_us: int
    status: str = OPEN
    matters: dict[str, str] = {}
    last: str = ""
    """The matter that ended last."""
    count: int = 0
    """Matters since it was opened; those that have ended too."""
    level: int = -1
    """The last one that was told."""
    round: int = 0
    told: dict[str, int] = {}
    """Who a message of this round was made for, and the level."""
    reached: dict[str, int] = {}
    """Who got a message, and when first."""
    owner: str = ""
    """Who acknowledged it, or has it now."""
    told_count: int = 0
    acknowledged_us: int = 0
    ended_us: int = 0
    raised_us: int = 0
    """When it came up last: opened, or reopened."""
    returns: list[int] = []
    """When it was reopened, of late."""
    held: str = ""
    """Why nobody is told just now."""
    serial: int = 0
    """Messages made so far."""
    cause: str = "opened"
    """The kind of the next message of the ladder's first level."""
    climb_us: int = 0
    lapse_us: int = 0
    """When an acknowledgement, or a snooze, holds no longer."""
    calm_us: int = 0
    """When it is resolved, if nothing is raised until then."""
    expire_us: int = 0

    @property
    def due_us(self) -> int:
        """When something is to be done by the clock, 0 for never."""
        return min((at for at in (self.climb_us, self.lapse_us, self.calm_us, self.expire_us) if at), default=0)

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.status in LIVE

    def shift(self, by_us: int) -> None:
        """Moves all that is due."""
        for name in ("climb_us", "lapse_us", "calm_us", "expire_us"):
            if at := getattr(self, name):
                setattr(self, name, at + by_us)


class Decision(msgspec.Struct, frozen=True):
    """What was decided about an alert, and why."""

    alert: str
    at_us: int
    what: str
    why: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody is to be told; what it says is written when it is sent. The same `id` is the same message."""

    id: str
    alert: str
    person: str
    kind: str
    """`opened`, `climbed`, `repeated`, `reopened`, `worse`, `grown`, `lapsed`, `handed`, `ended`."""
    level: int = 0
    severity: str = "warning"
    made_us: int = 0
    not_before_us: int = 0


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did: `acknowledge`, `snooze`, `hand_over`, `resolve`."""

    id: str
    alert: str
    what: str
    by: str
    until_us: int = 0
    to: str = ""
    via: str = ""


class Result(msgspec.Struct, frozen=True):
    """How the sending of a message ended: `sent`, or `failed` when no channel took it the first time round."""

    message: str
    alert: str
    person: str
    kind: str
    outcome: str


class Outcome(msgspec.Struct):
    """What a step of the desk made, to be kept whole or not at all."""

    changed: dict[str, Alert] = {}
    decisions: list[Decision] = []
    messages: list[Message] = []
    taken: dict[str, str] = {}
    """By alarm: the alert that it is of; one that is of none is not in it."""
    answers: dict[str, str] = {}
    """By act: `done`, or why not."""
