"""The work in Faust, as its documentation shows: a record type, a table by contact, windowed tables by queue.

What is measured: `async for` over one partition, one event a record, a table of first messages by contact and two tables of one-minute
windows (count, sum) by queue, relative to the event's own time. Fair: tables are in memory, which is faster than RocksDB; what a
queue counts is kept without a second topic by queue, which one partition allows and several would not. Changelogs are on, as they are by default.
"""

from __future__ import annotations

import sys
from datetime import timedelta

import faust
from meter import Meter, Told

TOLD = Told()
sys.argv = sys.argv[:1]


class Event(faust.Record, serializer="json"):
    type: str
    time: int
    contact: str
    queue: str


app = faust.App(
    TOLD.name,
    broker=f"kafka://{TOLD.bootstrap}",
    store="memory://",
    datadir=TOLD.folder,
    web_enabled=False,
    topic_partitions=1,
    topic_replication_factor=1,
    topic_disable_leader=True,
)
events = app.topic(TOLD.topic, value_type=Event)
asked = app.Table("asked", default=int)
# Windows are given up by the clock on the wall, and these events are of the past.
kept = timedelta(days=36_500)
minute = timedelta(minutes=1)
counts = (
    app.Table("counts", default=int).tumbling(minute, expires=kept).relative_to(lambda event: event.value.time / 1000)
)
sums = app.Table("sums", default=int).tumbling(minute, expires=kept).relative_to(lambda event: event.value.time / 1000)
meter = Meter(TOLD.count)
answer: dict[tuple[int, str], list[int]] = {}


@app.agent(events)
async def pair(stream):  # type: ignore[no-untyped-def]
    async for event in stream:
        if event.type == "message.customer":
            if not asked[event.contact]:
                asked[event.contact] = event.time
        elif event.type == "message.agent" and asked[event.contact] > 0:
            counts[event.queue] += 1
            sums[event.queue] += event.time - asked[event.contact]
            asked[event.contact] = -1
            place = event.time // 60_000 * 60_000, event.queue
            answer[place] = [counts[event.queue].value(), sums[event.queue].value()]
        if meter.see():
            meter.tell(answer)


if __name__ == "__main__":
    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False, quiet=True).execute_from_commandline()
