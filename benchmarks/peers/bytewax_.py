"""The work in Bytewax, as its documentation shows: its Kafka source, a stateful map by contact, a folded tumbling window by queue.

What is measured: one worker, one partition, event-time windows of a minute. Fair: orjson decodes instead of json, which is faster; state is
not saved, which is how it runs unless asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import orjson
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main
from meter import Meter, Told

TOLD = Told()
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
meter = Meter(TOLD.count)
answer: dict[tuple[int, str], tuple[int, int]] = {}


def decode(message: KafkaSourceMessage[Any, Any]) -> tuple[str, dict[str, Any]]:
    event = orjson.loads(message.value)
    meter.see()
    return event["contact"], event


def pair(asked: int | None, event: dict[str, Any]) -> tuple[int | None, Iterable[tuple[str, int, int]]]:
    kind = event["type"]
    if kind == "message.customer":
        return asked if asked is not None else event["time"], ()
    if kind == "message.agent" and asked:
        return 0, ((event["queue"], event["time"], event["time"] - asked),)
    return (None if kind == "contact.closed" else asked), ()


class Kept(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        for queue, (window, (count, total)) in items:
            start = BEGIN + timedelta(minutes=1) * window
            answer[round(start.timestamp() * 1000), queue] = count, total


class Keep(DynamicSink[Any]):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> Kept:
        return Kept()


flow = Dataflow("first_replies")
source = KafkaSource([TOLD.bootstrap], [TOLD.topic], tail=False)
events = op.map("decode", op.input("events", flow, source), decode)
paired = op.stateful_flat_map("pair", events, pair)
by_queue = op.map("by queue", op.key_rm("any contact", paired), lambda one: (one[0], one))
# It hands on a batch contact by contact, so that what one queue is given is out of order by as much as a batch holds.
clock = win.EventClock(
    lambda one: datetime.fromtimestamp(one[1] / 1000, UTC), wait_for_system_duration=timedelta(minutes=1)
)
windows = win.fold_window(
    "by minute",
    by_queue,
    clock,
    win.TumblingWindower(length=timedelta(minutes=1), align_to=BEGIN),
    lambda: (0, 0),
    lambda sums, one: (sums[0] + 1, sums[1] + one[2]),
    lambda one, other: (one[0] + other[0], one[1] + other[1]),
)
op.output("keep", windows.down, Keep())

if __name__ == "__main__":
    cli_main(flow)
    meter.tell(answer)
