"""The work in Quix Streams, as its documentation shows: a stateful apply by contact, `group_by` the queue, a tumbling window.

What is measured: JSON from one partition keyed by contact, state in RocksDB, tumbling windows of a minute with count and sum, told when
they close; event time is the event's own. Fair: only first replies go through the topic that `group_by` makes, a thirtieth of the events or less;
changelogs are on, as they are by default.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from meter import Meter, Told
from quixstreams import Application, State
from quixstreams.dataframe.windows import Count, Sum

TOLD = Told()
meter = Meter(TOLD.count)
answer: dict[tuple[int, str], tuple[int, int]] = {}
done = False


def pair(event: dict[str, Any], state: State) -> dict[str, Any] | None:
    global done
    done = meter.see()
    if event["type"] == "message.customer":
        if not state.exists("asked"):
            state.set("asked", event["time"])
    elif event["type"] == "message.agent":
        since = state.get("asked")
        if since:
            state.set("asked", 0)
            return {"queue": event["queue"], "waited": event["time"] - since}
    return None


def keep(window: dict[str, Any], key: Any, timestamp: int, headers: Any) -> None:
    queue = key.decode() if isinstance(key, bytes) else key
    answer[window["start"], queue] = window["count"], window["sum"]


app = Application(
    broker_address=TOLD.bootstrap,
    consumer_group=TOLD.name,
    auto_offset_reset="earliest",
    state_dir=TOLD.folder,
    loglevel="ERROR",
)
events = app.topic(TOLD.topic, value_deserializer="json", key_deserializer="str",
                   timestamp_extractor=lambda value, headers, timestamp, kind: value["time"])  # fmt: skip
frame = app.dataframe(events)
frame = frame.apply(pair, stateful=True)
frame = frame.filter(lambda paired: paired is not None)
frame = frame.group_by("queue")
windows = (
    frame.tumbling_window(timedelta(minutes=1))
    .agg(count=Count(), sum=Sum("waited"))
    .final(closing_strategy="partition")
)
windows.update(keep, metadata=True)

if __name__ == "__main__":
    app.run(timeout=10)  # Ends when nothing has come for so long; what counts is when the last event was seen.
    meter.tell(answer)
