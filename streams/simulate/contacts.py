"""The contact and its customer: who comes, from where, about what.

Owns identities and dimensions. Never decides what happens to a contact.
Law: a contact has one owner of its next step at a time, told by `stage`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from streams.simulate.centre import CHANNELS, Centre
from streams.simulate.dice import Dice, weighted

if TYPE_CHECKING:
    from streams.simulate.people import Agent

__all__ = ["ENDED", "NEW", "RINGING", "SERVED", "WAITING", "Contact", "Crowd", "Customer", "Script"]

NEW, WAITING, RINGING, SERVED, ENDED = range(5)
REPEAT_SHARE = 0.10
RECENT_CUSTOMERS = 2048
REGIONS = (
    "east-china",
    "north-china",
    "south-china",
    "central-china",
    "southwest",
    "northwest",
    "northeast",
    "overseas",
)
REGION_WEIGHTS = (0.30, 0.16, 0.22, 0.11, 0.10, 0.04, 0.05, 0.02)
CATEGORIES = {
    "presales": ("size", "stock", "price", "coupon", "gift"),
    "aftersales": ("return", "refund", "exchange", "quality", "missing_item", "invoice"),
    "logistics": ("where_is_it", "late", "damaged", "address_change"),
    "": ("order", "refund", "where_is_it", "account", "complaint", "invoice"),
}


class Script(Protocol):
    """What a channel does with its contacts; the routing calls it when a person takes one."""

    def begin(self, now_ms: int, contact: Contact) -> None:
        """The contact has just been opened."""

    def served(self, now_ms: int, contact: Contact) -> None:
        """A person has just answered."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One person with one concern at one shop."""

    key: str
    tenant: str
    tier: str
    region: str
    party: str
    partner: str
    wants: str  # the chat queue he belongs in
    category: str


class Contact:
    """One attempt of a customer. `rank` is 0 for KA, 1 for VIP, 2 for the rest: lower is served first."""

    __slots__ = (
        *("agent", "announce_ms", "bot_turns", "burst", "channel", "contained", "customer", "fate", "fate_ms"),
        *("holding", "id", "invited", "last_ms", "overflowed", "queue", "rank", "reopened", "script", "source"),
        *("stage", "transfer_turn", "turns", "wait_ms", "waiting_since_ms"),
    )

    def __init__(self, name: str, channel: str, customer: Customer, queue: str, script: Script) -> None:
        self.id = name
        self.channel = self.source = channel
        self.customer = customer
        self.queue = queue
        self.script = script
        self.rank = 0 if customer.tier == "ka" else 1 if customer.tier == "vip" else 2
        self.stage = NEW
        self.agent: Agent | None = None
        self.last_ms = 0
        self.waiting_since_ms = self.wait_ms = self.announce_ms = self.fate_ms = 0
        self.fate = ""
        self.turns = self.burst = self.bot_turns = 0
        self.transfer_turn = -1
        self.contained = self.holding = self.invited = self.overflowed = self.reopened = False

    def dimensions(self) -> str:
        """The sticky fields of the opening line, each led by a comma."""
        customer = self.customer
        partner = f',"partner":"{customer.partner}"' if customer.partner else ""
        return (
            f',"channel":"{self.channel}","tenant":"{customer.tenant}","region":"{customer.region}"'
            f',"tier":"{customer.tier}","party":"{customer.party}"{partner}'
            f',"category":"{customer.category}","customer":"{customer.key}"'
        )

    def place(self) -> str:
        """The fields of a line that puts the contact into a queue."""
        return f',"queue":"{self.queue}","channel":"{self.channel}","tenant":"{self.customer.tenant}"'


class Crowd:
    """Everybody who may contact the centre; some come again about the same thing."""

    def __init__(self, centre: Centre, dice: Dice) -> None:
        self.dice = dice
        names = [f"shop-{index + 1:03d}" for index in range(centre.tenants)]
        self.tenants = weighted(names, [1 / (index + 3) for index in range(centre.tenants)])
        self.tiers = weighted(("standard", "vip", "ka"), (0.89, 0.085, 0.025), 1000)
        self.regions = weighted(REGIONS, REGION_WEIGHTS, 1000)
        self.parties = weighted(("external", "internal", "partner"), (0.95, 0.02, 0.03), 1000)
        self.channels = {
            team: weighted([name for name, _ in rows], [share for _, share in rows], 1000)
            for team, rows in CHANNELS.items()
        }
        plain = {
            team: [row for row in centre.queues if row.team == team and "vip" not in row.name] for team in CHANNELS
        }
        self.wants = {
            team: weighted([row.name for row in rows], [row.share for row in rows], 1000)
            for team, rows in plain.items()
        }
        self.vip_queues = {row.team: row.name for row in centre.queues if "vip" in row.name}
        self.recent: dict[str, list[Customer]] = {team: [] for team in CHANNELS}
        self.remembered = dict.fromkeys(CHANNELS, 0)

    def customer(self, team: str) -> Customer:
        """Somebody new, or one of the recent ones with the same problem."""
        recent = self.recent[team]
        if recent and self.dice.random() < REPEAT_SHARE:
            return self.dice.pick(recent)
        dice = self.dice
        wants = dice.pick(self.wants[team])
        tenant = dice.pick(self.tenants)
        customer = Customer(
            key=f"u{dice.rng.getrandbits(40):010x}",
            tenant=tenant,
            tier=dice.pick(self.tiers),
            region=dice.pick(self.regions),
            party=dice.pick(self.parties),
            partner=f"partner-{int(tenant[5:]) % 4 + 1}" if int(tenant[5:]) % 5 == 0 else "",
            wants=wants,
            category=dice.pick(CATEGORIES.get(wants, CATEGORIES[""])),
        )
        self._remember(team, customer)
        return customer

    def queue(self, team: str, customer: Customer) -> str:
        """Where this customer belongs: VIP and KA have their own queue where the centre keeps one."""
        if customer.tier != "standard" and team in self.vip_queues:
            return self.vip_queues[team]
        return customer.wants

    def _remember(self, team: str, customer: Customer) -> None:
        recent = self.recent[team]
        if len(recent) < RECENT_CUSTOMERS:
            recent.append(customer)
        else:
            recent[self.remembered[team] % RECENT_CUSTOMERS] = customer
        self.remembered[team] += 1
