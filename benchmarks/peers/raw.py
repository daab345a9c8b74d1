"""The limits: nothing but fetching, and fetching and decoding into columns, by the fastest client there is and by the one that Faust uses.

What is measured: records of one partition through confluent-kafka (`fetch`), the same decoded by msgspec and laid out as lists by
field (`decode`), and aiokafka's `getmany` (`aiokafka`). Fair to us, not to the limit: whoever counts must do at least this.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Partition
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from meter import Meter, Told


class Event(msgspec.Struct):
    """The fields that the engine reads."""

    type: str
    time: int | str
    id: str = ""
    contact: str = ""
    agent: str = ""
    queue: str = ""
    channel: str = ""
    tenant: str = ""
    region: str = ""
    tier: str = ""
    partner: str = ""
    party: str = ""
    category: str = ""
    customer: str = ""
    resolved: bool | None = None


def columns(events: list[Event]) -> tuple[list[object], ...]:
    return tuple([getattr(event, name) for event in events] for name in Event.__struct_fields__)


def confluent(told: Told, decoding: bool) -> None:
    consumer = Consumer({"bootstrap.servers": told.bootstrap, "group.id": told.name, "enable.auto.commit": False})
    consumer.assign([TopicPartition(told.topic, 0, OFFSET_BEGINNING)])
    meter, decoder = Meter(told.count), msgspec.json.Decoder(Event)
    while True:
        messages = consumer.consume(10_000, 0.2)
        if decoding and messages:
            columns(decoder.decode_lines(b"\n".join([message.value() for message in messages])))
        if messages and meter.see(len(messages)):
            meter.tell()


async def aio(told: Told) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=told.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    consumer.assign([Partition(told.topic, 0)])
    meter = Meter(told.count)
    while True:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            if meter.see(len(records)):
                meter.tell()


if __name__ == "__main__":
    if sys.argv[2] == "aiokafka":
        asyncio.run(aio(Told()))
    else:
        confluent(Told(), sys.argv[2] == "decode")
