"""Which report of which period was sent, kept with the intervals so that every service on one store knows it.

Owns the rows and how they go on: due, claimed, sending, and then sent, empty, given up or uncertain. Never sends. Law: whoever holds the claim sends, and
a report whose sending was interrupted is not sent again, for nobody knows whether it went.
"""

import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from engine.times import DAY_US, HOUR_US, MINUTE_US
from streams.history.store import Store
from streams.history.tables import mailings

__all__ = ["CLAIM_US", "EMPTY", "GIVEN_UP", "SENT", "UNCERTAIN", "Claim", "Mailings"]

DUE, CLAIMED, SENDING = "due", "claimed", "sending"
SENT, EMPTY, GIVEN_UP, UNCERTAIN = "sent", "empty", "given up", "uncertain"
#: After so long whoever claimed it is taken for dead.
CLAIM_US = 5 * MINUTE_US
RETRY_US, RETRY_US_MAX = MINUTE_US, HOUR_US
GIVE_UP_US = DAY_US
KEPT_US = 400 * DAY_US
_of = mailings.c


@dataclass(frozen=True)
class Claim:
    """The right to send one report of one period."""

    name: str
    from_us: int
    until_us: int
    since_us: int
    """When it was first due by the clock of whoever noted it."""

    @property
    def here(self) -> Any:
        """Its row."""
        return and_(_of.name == self.name, _of.from_us == self.from_us, _of.until_us == self.until_us)


class Mailings:
    """One service's view of the rows. Every call may raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._engine = store.engine
        self._holder = uuid.uuid4().hex

    def claim(self, name: str, from_us: int, until_us: int, now_us: int) -> Claim | None:
        """The claim, None where another has it, it is done, or it is not yet to be tried again."""
        claim = self._noted(Claim(name, from_us, until_us, now_us))
        free = or_(
            and_(_of.state == DUE, _of.next_us <= now_us), and_(_of.state == CLAIMED, _of.claimed_until_us <= now_us)
        )
        return (
            claim
            if self._set(claim, free, state=CLAIMED, holder=self._holder, claimed_until_us=now_us + CLAIM_US)
            else None
        )

    def begin(self, claim: Claim, now_us: int) -> bool:
        """Whether the claim still holds; from now on it is sent once or never."""
        ours = and_(_of.state == CLAIMED, _of.holder == self._holder)
        return self._set(claim, ours, state=SENDING, claimed_until_us=now_us + CLAIM_US)

    def settle(self, claim: Claim, state: str) -> None:
        """Keeps what became of it."""
        self._set(claim, _of.holder == self._holder, state=state)

    def put_off(self, claim: Claim, now_us: int) -> bool:
        """Has it tried again, later each time; False when it is given up."""
        with self._engine.begin() as connection:
            tries = connection.execute(select(_of.tries).where(claim.here)).scalar_one()
        if now_us - claim.since_us >= GIVE_UP_US:
            self.settle(claim, GIVEN_UP)
            return False
        next_us = now_us + min(RETRY_US << min(tries, 10), RETRY_US_MAX)
        self._set(claim, _of.holder == self._holder, state=DUE, tries=tries + 1, next_us=next_us)
        return True

    def lost(self, name: str, now_us: int) -> int:
        """How many sendings of this report were found interrupted; each is found once."""
        found = and_(_of.name == name, _of.state == SENDING, _of.claimed_until_us <= now_us)
        with self._engine.begin() as connection:
            return int(connection.execute(update(mailings).where(found).values(state=UNCERTAIN)).rowcount)

    def _noted(self, claim: Claim) -> Claim:
        """The claim as its row has it, which is made where there is none; of two that make it, one is first."""
        since_us = self._since_us(claim)
        if since_us is None:
            row = asdict(claim) | {"state": DUE, "holder": "", "claimed_until_us": 0, "tries": 0, "next_us": 0}
            old = and_(_of.name == claim.name, _of.until_us < claim.until_us - KEPT_US)
            with suppress(IntegrityError), self._engine.begin() as connection:
                connection.execute(insert(mailings).values(**row))
                connection.execute(delete(mailings).where(old))
            since_us = self._since_us(claim)
        return replace(claim, since_us=since_us or claim.since_us)

    def _since_us(self, claim: Claim) -> int | None:
        with self._engine.connect() as connection:
            return connection.execute(select(_of.since_us).where(claim.here)).scalar()

    def _set(self, claim: Claim, where: Any, **values: Any) -> bool:
        with self._engine.begin() as connection:
            return connection.execute(update(mailings).where(claim.here, where).values(**values)).rowcount == 1
