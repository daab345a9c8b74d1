"""What a worker tells about itself: figures for Prometheus, and whether it is alive and ready.

Owns: the figures, their exposition, and the small HTTP server that hands them out, on this machine only unless it is told
otherwise; of what Faust's own monitor sees, what concerns an operator. Never tells a figure of the floor, or a name that an event
brought. Labels are partitions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from faust.sensors import Monitor
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

__all__ = ["PartitionVitals", "Vitals", "serve_vitals"]

_BATCH_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_HTTP_S_MAX = 5


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


#: What is taken over from Faust's own monitor.
_MONITORED: tuple[tuple[str, str, Callable[[Monitor], float]], ...] = (
    ("messages_total", "Messages that Faust has received; one is a stretch of records.", lambda one: one.messages_received_total),
    ("active_messages", "Messages that Faust has received and not done with.", lambda one: one.messages_active),
    ("event_seconds", "What a message took, by Faust's monitor, mean of the last ones.", lambda one: _mean([*one.events_runtime])),
    ("commit_seconds", "What a commit of offsets took, by Faust's monitor, mean of the last ones.", lambda one: _mean([*one.commit_latency])),
    ("rebalance_seconds", "What sharing out anew took, by Faust's monitor, mean of the last times.", lambda one: _mean([*one.rebalance_end_latency])),
    ("full_buffers_total", "How often a partition had to wait because the engine was behind.", lambda one: sum(one.topic_buffer_full.values())),
)  # fmt: skip


@dataclass
class PartitionVitals:
    """Counted since the worker got the partition; `again` and `to_again` are events of its recovery, so far and in all."""

    position: int = 0
    end: int = 0
    events: int = 0
    letters: int = 0
    steps: int = 0
    again: int = 0
    to_again: int = 0
    ready: bool = False
    watermark_us: int = 0
    snapshot_at_s: float = 0.0
    snapshot_bytes: int = 0
    underway: int = 0
    unconfirmed: int = 0
    read_at_s: float = 0.0
    """What is unread came to the broker behind it, by the clock on the wall; 0 where nothing is known."""
    moved_at_s: float = field(default_factory=time.monotonic)
    """When it last read on, or had nothing to read."""

    @property
    def lag(self) -> int:
        return max(self.end - self.position, 0)

    @property
    def oldest_unread_s(self) -> float | None:
        """Age of the oldest record that is not read; None where that cannot be known yet."""
        if not self.lag:
            return 0.0
        return max(time.time() - self.read_at_s, 0.0) if self.read_at_s else None


class Vitals(Collector):
    """Figures by partition; written by the worker's event loop, read by any thread."""

    def __init__(self, topic_partitions: int = 0) -> None:
        self.partitions: dict[int, PartitionVitals] = {}
        self.rebalances = 0
        self._topic_partitions = topic_partitions
        self._monitored: tuple[float, ...] = (0.0,) * len(_MONITORED)
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.batch_seconds = Histogram(
            "floorwatch_worker_batch_seconds",
            "How long the engine took for what one fetch brought.",
            buckets=_BATCH_BUCKETS_S,
            registry=self.registry,
        )
        self._gone = PartitionVitals()

    def begin(self, number: int) -> PartitionVitals:
        """A partition is this worker's from now on."""
        self.partitions[number] = begun = PartitionVitals()
        return begun

    def heed(self, monitor: Monitor) -> None:
        """Takes over what Faust's own monitor has seen."""
        self._monitored = tuple(told(monitor) for _, _, told in _MONITORED)

    def drop(self, number: int) -> None:
        """A partition is another's now; counters go on with what was counted."""
        one = self.partitions.pop(number, None)
        if one:
            for name in ("events", "letters", "steps"):
                setattr(self._gone, name, getattr(self._gone, name) + getattr(one, name))

    def stalled_s(self) -> float:
        """For how long the partition that stands still longest has had something to read and did not."""
        now = time.monotonic()
        return max((now - one.moved_at_s for one in [*self.partitions.values()]), default=0.0)

    def collect(self) -> Iterator[Metric]:
        held = dict(sorted(self.partitions.items()))
        gauges: dict[str, tuple[str, Callable[[PartitionVitals], float | None]]] = {
            "lag_events": ("Records of the partition that are not read yet.", lambda one: one.lag),
            "oldest_unread_seconds": ("Age of the oldest record of the partition that is not read yet, 0 for none.",
                                      lambda one: one.oldest_unread_s),
            "underway_stretches": ("Pieces of the partition that were fetched and are not counted yet.", lambda one: one.underway),
            "unconfirmed_steps": ("Steps that the broker has not confirmed yet.", lambda one: one.unconfirmed),
            "ready": ("1 once the partition is recovered.", lambda one: one.ready),
            "recovery_events": ("Events made again so far in its recovery.", lambda one: one.again),
            "recovery_offsets_left": ("Offsets that its recovery has still to come by.",
                                      lambda one: 0 if one.ready else max(one.to_again - one.position, 0)),
            "watermark_timestamp_seconds": ("How far event time has come.", lambda one: one.watermark_us / 1e6),
            "snapshot_timestamp_seconds": ("When its last snapshot was kept.", lambda one: one.snapshot_at_s),
            "snapshot_bytes": ("Size of its last snapshot.", lambda one: one.snapshot_bytes),
            "stalled_seconds": ("How long it has not read on although there was something to read.",
                                lambda one: time.monotonic() - one.moved_at_s),
        }  # fmt: skip
        for name, (help_, value) in gauges.items():
            gauge = GaugeMetricFamily(f"floorwatch_worker_{name}", help_, labels=("partition",))
            for number, one in held.items():
                if (found := value(one)) is not None:
                    gauge.add_metric((str(number),), found)
            yield gauge
        yield GaugeMetricFamily(
            "floorwatch_worker_topic_partitions", "Partitions of the topic of events, whoever holds them.", value=self._topic_partitions
        )  # fmt: skip
        for (name, help_, _), found in zip(_MONITORED, self._monitored, strict=True):
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield family(f"floorwatch_faust_{name.removesuffix('_total')}", help_, value=found)
        counters = {
            "events": ("Events that the engine has taken.", "events"),
            "rejected": ("Lines and records that became dead letters.", "letters"),
            "steps": ("Steps that were written.", "steps"),
        }
        for name, (help_, attribute) in counters.items():
            total = sum(getattr(one, attribute) for one in (self._gone, *held.values()))
            yield CounterMetricFamily(f"floorwatch_worker_{name}", help_, value=total)
        yield CounterMetricFamily(
            "floorwatch_worker_rebalances", "How often partitions were shared out anew.", value=self.rebalances
        )


def serve_vitals(vitals: Vitals, host: str, port: int, is_alive: Callable[[], bool]) -> ThreadingHTTPServer:
    """Answers `/metrics`, `/healthz` and `/readyz` in threads of its own until it is shut down. Raises OSError."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _HTTP_S_MAX

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(vitals.registry), CONTENT_TYPE_LATEST)
            elif self.path == "/healthz":
                self._tell(is_alive())
            elif self.path == "/readyz":
                self._tell(is_alive() and all(one.ready for one in [*vitals.partitions.values()]))
            else:
                self._answer(404, b"not found\n")

        def _tell(self, well: bool) -> None:
            self._answer(200 if well else 503, b"ok\n" if well else b"not yet\n")

        def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="vitals", daemon=True).start()
    return server
