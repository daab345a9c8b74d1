"""Amazon Connect: contact events of EventBridge and the agent event stream, as JSON lines or over HTTP.

Owns what each event tells. Contact events come in any order and may be missing, but each carries every instant so far; so each becomes all
steps up to its own, with ids by contact and step: whichever comes first tells them, and the others tell the same. Contacts that the centre
began itself, and supervisors who listen, are left out.
"""

from __future__ import annotations

from streams.connectors.base import Connector, Headers
from streams.connectors.members import state_named
from streams.connectors.record import Event, LeftOut
from streams.connectors.said import Said

__all__ = ["AmazonConnect"]

_CHANNELS = {"VOICE": "phone", "CHAT": "web", "TASK": "ticket", "EMAIL": "email"}
_OF_CONTACTS = ("INITIATED", "CONNECTED_TO_SYSTEM", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED")
_OF_AGENTS = ("LOGIN", "LOGOUT", "STATE_CHANGE", "HEART_BEAT")
_OUTBOUND = ("OUTBOUND", "MONITOR", "DISCONNECT", "EXTERNAL_OUTBOUND", "AGENT_REPLY")
_WITH_CUSTOMER = ("CONNECTED", "CONNECTED_ONHOLD")


class AmazonConnect(Connector):
    name = "amazon_connect"
    system = "Amazon Connect: contact events, agent event stream"
    gives = "waits, answers, abandonments, transfers, agents' states"
    scheme = "generic"

    def read(self, record: bytes, headers: Headers) -> tuple[str, Said]:
        # The documentation's own samples write agentInfo and AgentInfo, VOICE and Voice.
        said = Said.of(record, folded=True)
        detail = said.part("detail") if said.part("detail").values else said
        return detail.needed("eventType").upper(), detail

    def events(self, what: str, said: Said, headers: Headers, now_us: int) -> list[Event]:
        if what in _OF_CONTACTS:
            return self._contact(what, said)
        if what in _OF_AGENTS:
            return self._agent(what, said)
        raise LeftOut("no_meaning" if what in ("AMD_DISABLED", "CONTACT_DATA_UPDATED") else "unknown_kind")

    def _contact(self, what: str, said: Said) -> list[Event]:
        method = said.text("initiationMethod").upper()
        if method in _OUTBOUND:
            raise LeftOut("outbound")
        contact, queue, agent = said.needed("contactId"), said.part("queueInfo"), said.part("agentInfo")
        steps: list[Step] = [("contact.opened", said.instant("initiationTimestamp"), {})]
        if queue.has_time("enqueueTimestamp"):
            steps.append(
                ("contact.queued", queue.instant("enqueueTimestamp"), {"queue": _last(queue.text("queueArn"))})
            )
        if agent.has_time("connectedToAgentTimestamp"):
            by = {"agent": _last(agent.text("agentArn"))}
            steps.append(("contact.answered", agent.instant("connectedToAgentTimestamp"), by))
        if what in ("DISCONNECTED", "COMPLETED"):
            steps = _ended(steps, said.instant("disconnectTimestamp"))
        channel = said.text("channel").upper()
        about = {"contact": contact, "channel": _CHANNELS.get(channel, channel.lower())}
        events = [self.event(kind, at_us, f"{contact}/{kind}/{at_us}", **about, **more) for kind, at_us, more in steps]
        previous = said.text("previousContactId")
        if method in ("TRANSFER", "QUEUE_TRANSFER") and previous:
            at_us = said.instant("initiationTimestamp")
            events.insert(0, self.event("contact.transferred", at_us, f"{previous}/to/{contact}", contact=previous))
        return events

    def _agent(self, what: str, said: Said) -> list[Event]:
        snapshot = said.part("currentAgentSnapshot")
        status = snapshot.part("agentStatus")
        agent = _last(said.needed("agentARN"))
        profile = snapshot.part("configuration").part("routingProfile")
        slots = [each.get("maximumSlots") for each in profile.parts("concurrency")]
        return [
            self.event(
                "agent.state", said.instant("eventTimestamp"), said.needed("eventId"), agent=agent,
                state=self._state(what, status, snapshot),
                slots=max((n for n in slots if type(n) is int and 0 <= n <= 1_000), default=None),
            )
        ]  # fmt: skip

    def _state(self, what: str, status: Said, snapshot: Said) -> str:
        kind, name = status.text("type").upper(), status.text("name")
        if name in self.options.states:
            return self.options.states[name]
        if what == "LOGOUT" or kind == "OFFLINE":
            return "offline"
        if kind == "CUSTOM":
            return state_named(name)
        if kind != "ROUTABLE":
            raise LeftOut("missing_field", "AgentStatus.Type")
        holds = [each.text("state").upper() for each in snapshot.parts("contacts")]
        if any(state in _WITH_CUSTOMER for state in holds):
            return "busy"
        return "wrapup" if "ENDED" in holds else "available"


Step = tuple[str, int, dict[str, str]]


def _ended(steps: list[Step], at_us: int) -> list[Step]:
    """Steps with the end. What is said to lie behind it cannot have been: the end counts."""
    kept = [step for step in steps if step[1] <= at_us]
    kinds = [kind for kind, _, _ in kept]
    given_up = "contact.queued" in kinds and "contact.answered" not in kinds
    return [*kept, ("contact.abandoned" if given_up else "contact.closed", at_us, {})]


def _last(arn: str) -> str:
    """What an ARN names: its last part."""
    return arn.rpartition("/")[2]
