"""How escalation fares, for Prometheus: alerts, messages, times to acknowledge and to resolve.

Owns these figures since the start of the process. Never a name of a customer, a person, a queue or a channel's address.
"""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

__all__ = ["Measures"]

_TIMES_S = (10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400)
_DELAYS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Measures:
    """`text` is the exposition."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ours = self._registry
        self.live = Gauge("floorwatch_alerts", "Alerts that have not ended.", ["status", "severity"], registry=ours)
        self.leading = Gauge("floorwatch_alerts_leading", "1 on the hub that decides and sends.", registry=ours)
        self.alarms = Counter("floorwatch_alert_alarms", "Alarms taken.", registry=ours)
        self.lost = Counter("floorwatch_alert_alarms_lost", "Alarms lost because the store took none.", registry=ours)
        self.messages = Counter(
            "floorwatch_alert_messages", "Messages by what became of them.", ["result"], registry=ours
        )
        self.decisions = Counter("floorwatch_alert_decisions", "Decisions by kind.", ["what"], registry=ours)
        self.refusals = Counter(
            "floorwatch_alert_refusals", "Links and calls that were refused.", ["why"], registry=ours
        )
        self.failures = Counter("floorwatch_alert_store_failures", "Turns that the store did not keep.", registry=ours)
        self.plans = Counter(
            "floorwatch_alert_plan_reloads", "Alerts files read while running, by what came of it.", ["outcome"],
            registry=ours,
        )  # fmt: skip
        self.acknowledge = Histogram(
            "floorwatch_alert_acknowledge_seconds", "From an alert's opening to its acknowledgement.",
            ["severity"], buckets=_TIMES_S, registry=ours,
        )  # fmt: skip
        self.resolve = Histogram(
            "floorwatch_alert_resolve_seconds", "From an alert's opening to its end.", ["severity"],
            buckets=_TIMES_S, registry=ours,
        )  # fmt: skip
        self.delay = Histogram(
            "floorwatch_alert_message_delay_seconds", "From the decision to tell to the channel having taken it.",
            buckets=_DELAYS_S, registry=ours,
        )  # fmt: skip

    def stand(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Takes how many alerts live, by status and severity."""
        self.live.clear()
        for (status, severity), count in counts.items():
            self.live.labels(status, severity).set(count)

    def text(self, *, openmetrics: bool = False) -> bytes:
        """What a scrape gets, without the end that OpenMetrics wants: more may follow."""
        if not openmetrics:
            return generate_latest(self._registry)
        told: bytes = generate_openmetrics(self._registry)  # type: ignore[no-untyped-call]
        return told.removesuffix(b"# EOF\n")
