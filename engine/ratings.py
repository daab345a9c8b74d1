"""Low ratings and the call back that each makes due (C40).

Owns which contacts are to be called back. The law: a contact is owed one call at a time; any person's word to the customer
afterwards settles it: the contact reopened or answered again, or the customer of its case told or called.
"""

from typing import ClassVar

import numpy as np

from engine.duties import Debtor, Duties, Duty
from engine.keys import Keys

__all__ = ["CSAT_LOW_MAX", "CallBack", "Ratings"]

#: The best rating after which somebody calls back.
CSAT_LOW_MAX = 3


class CallBack(Debtor):
    """What a contact is owed; `key` is the contact's."""

    about: ClassVar[str] = "contact"
    key: int = 0
    agent: str = ""

    def more(self, duty: Duty | None = None) -> tuple[tuple[str, str], ...]:
        """Who was rated, where that is said."""
        return (("agent", self.agent),) if self.agent else ()


class Ratings:
    """Calls that are due, by contact. Past `call_backs_max` none is remembered any more, which is counted."""

    def __init__(self, duties: Duties, call_backs_max: int) -> None:
        self.duties = duties
        self.call_backs_max = call_backs_max
        self.call_backs: dict[str, CallBack] = {}
        self.refused_count = 0

    def keys(self) -> Keys:
        """Keys of the contacts that are to be called back."""
        return np.array([call_back.key for call_back in self.call_backs.values()], np.uint64)

    def rated(self, contact: str, key: int, combination: int, agent: str, at_us: int) -> None:
        """A contact was rated low."""
        if contact in self.call_backs:
            return
        call_back = CallBack(contact, combination, key=key, agent=agent)
        if self.duties.start(call_back, "call_back", at_us).is_owed:
            if len(self.call_backs) >= self.call_backs_max:
                self.duties.drop(call_back, "call_back")
                self.refused_count += 1
            else:
                self.call_backs[contact] = call_back

    def spoken(self, contact: str, at_us: int) -> None:
        """Somebody has spoken to the customer since."""
        call_back = self.call_backs.pop(contact, None)
        if call_back:
            self.duties.end(call_back, at_us, "call_back")

    def came(self, at_us: int, call_back: CallBack, duty: Duty | None) -> None:
        """Nobody called in time."""
        del self.call_backs[call_back.name]

    def adopt(self, at_us: int) -> None:
        """Another policy holds."""
        for call_back in self.call_backs.values():
            self.duties.move(call_back, at_us)
