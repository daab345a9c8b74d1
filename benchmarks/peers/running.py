"""Fills the topics, lets one engine after the other do the work, and compares what they say.

Owns the topics, the environment of the peers under `build/peers`, and the judgement: a rate counts only for the right answer. Each engine is a
process of its own, held to one core, on which the broker is not; its first tenth of the events is for warming up. Slow ones are given fewer
events of the same kind, so that each runs for about the same time.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka.admin import NewTopic

from benchmarks.peers import ours
from benchmarks.peers.work import MINUTE_MS, OPEN, Answer, Chat, answer_of, chats, hashed, settled
from benchmarks.rig import Spent, ended, on_core
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import administration, create

__all__ = ["ENGINES", "Filled", "Result", "WrongAnswer", "environment", "fill", "judged", "more", "run"]

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_BUILT = _ROOT / "build" / "peers"
RUN_S_MAX = 600.0

#: Files of the peers and what they are told besides.
ENGINES: dict[str, tuple[str, ...]] = {
    "fetch": ("raw.py", "fetch"),
    "decode": ("raw.py", "decode"),
    "aiokafka": ("raw.py", "aiokafka"),
    "ours": (),
    "bytewax": ("bytewax_.py",),
    "quix": ("quix.py",),
    "faust": ("faust_.py",),
    "flink": ("flink.py",),
}
#: What does not count and therefore has no answer.
LIMITS = ("fetch", "decode", "aiokafka")


class WrongAnswer(Exception):
    """An engine said something else than the definition; the message has the first difference."""


@dataclass(frozen=True)
class Filled:
    """A topic with so many events, where each partition ends, and the answer that is expected of minutes that are over."""

    settings: KafkaSettings
    count: int
    last_ms: int
    expected: Answer
    ends: dict[int, int]


@dataclass(frozen=True)
class Result:
    """Events a second by the clock, and of a second of the processor; `hub_us` is what merging cost an event, where there is a hub."""

    engine: str
    rate: float
    rate_of_processor: float
    answer: str
    hub_us: float = 0.0


def environment() -> Path:
    """The interpreter of the peers' environment, made where it is missing or was made from another list; and Flink's connector beside it."""
    stamp, wanted = _BUILT / "stamp", (_HERE / "requirements.txt").read_bytes() + (_HERE / "pom.xml").read_bytes()
    python = _BUILT / "venv" / "bin" / "python"
    if not stamp.exists() or stamp.read_bytes() != wanted:
        shutil.rmtree(_BUILT, ignore_errors=True)
        print("Setting up the peers' environment in build/peers, which takes a GiB and some minutes …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", _BUILT / "venv"], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, "-r", str(_HERE / "requirements.txt")], check=True)
        maven = ["mvn", "-q", "-B", "-f", str(_HERE / "pom.xml"), "dependency:copy-dependencies"]
        subprocess.run([*maven, f"-DoutputDirectory={_BUILT / 'jars'}"], check=True)
        stamp.write_bytes(wanted)
    return python


def fill(bootstrap: str, count: int, partitions: int = 1, open_contacts: int = OPEN) -> Filled:
    """A topic of its own with so many events, one a record, keyed by contact; by the broker's clock, as our topics are."""
    settings = KafkaSettings(bootstrap=(bootstrap,), prefix=f"peers-{uuid.uuid4().hex[:8]}", partitions=partitions)
    with administration(settings) as client:
        create(client, settings)
    last_ms, expected, ends = asyncio.run(_send(settings, chats(count, open_contacts=open_contacts), partitions))
    return Filled(settings, count, last_ms, settled(expected, last_ms), ends)


async def more(settings: KafkaSettings, filled: Filled, count: int) -> int:
    """So many customers' messages behind what is there, in partition 0; the offset behind them."""
    lines = (
        b'{"id":"more-%d","type":"message.customer","time":%d,"contact":"c-%09d"}' % (n, filled.last_ms + 1, n)
        for n in range(count)
    )
    await _send(settings, (Chat(filled.last_ms + 1, b"c-%09d" % n, line) for n, line in enumerate(lines)), 1)
    return filled.count + count


async def _send(settings: KafkaSettings, drawn: Iterable[Chat], partitions: int) -> tuple[int, Answer, dict[int, int]]:
    told: list[tuple[int, str, str, str]] = []
    async with AIOKafkaProducer(**settings.client, max_batch_size=500_000) as producer:
        batches = [producer.create_batch() for _ in range(partitions)]
        sent: list[Any] = []
        ends: Counter[int] = Counter()
        for chat in drawn:
            partition = int(chat.contact[2:]) % partitions
            ends[partition] += 1
            of = {"key": chat.contact, "value": chat.line, "timestamp": None}
            if batches[partition].append(**of) is None:
                sent.append(await producer.send_batch(batches[partition], settings.events.name, partition=partition))
                batches[partition] = producer.create_batch()
                batches[partition].append(**of)
            event = json.loads(chat.line)
            told.append((chat.at_ms, event["type"], event["contact"], event.get("queue", "")))
        for partition, batch in enumerate(batches):
            sent.append(await producer.send_batch(batch, settings.events.name, partition=partition))
        await asyncio.gather(*sent)
    return told[-1][0], answer_of(told), dict(ends)


def run(engine: str, filled: Filled) -> Result:
    """One engine on one topic. Raises WrongAnswer, TimeoutError, or subprocess.CalledProcessError with what the engine said."""
    return _ours(filled) if engine == "ours" else _peer(engine, filled)


def _ours(filled: Filled) -> Result:
    # What a worker has read once, it never reads again: the same events in a topic of its own.
    filled = fill(filled.settings.bootstrap[0], filled.count)
    settings = filled.settings
    with tempfile.TemporaryFile("w+") as said:
        worker = subprocess.Popen(on_core(ours.command(settings)), cwd=_ROOT, stdout=said, stderr=said, text=True)
        spent = Spent(worker.pid)
        try:
            done = asyncio.run(ours.covered(settings, filled.ends, RUN_S_MAX, lambda: worker.poll() is None))
            spent_s = spent.between(done.begun, done.ended)
        except TimeoutError:
            said.seek(0)
            raise subprocess.CalledProcessError(worker.poll() or 0, worker.args, output=said.read()[-2_000:]) from None
        finally:
            spent.close()
            ended(worker)
    answer, hub_s = ours.merged(settings)
    hashed_answer = judged("ours", settled(answer, filled.last_ms), filled)
    return Result(
        "ours",
        done.events / (done.ended - done.begun),
        done.events / spent_s,
        hashed_answer,
        1e6 * hub_s / filled.count,
    )


def _peer(engine: str, filled: Filled) -> Result:
    python, (file, *more) = environment(), ENGINES[engine]
    if engine == "flink":
        (jar,) = (_BUILT / "jars").glob("flink-sql-connector-kafka-*.jar")
        more = [str(jar)]
    name = f"{engine}-{uuid.uuid4().hex[:8]}"
    if engine == "flink":
        with administration(filled.settings) as client:
            client.create_topics([NewTopic(f"{filled.settings.events.name}-{name}", 1, 1)])
    with tempfile.TemporaryDirectory(prefix="floorwatch-peers-") as folder:
        told = {
            "bootstrap": filled.settings.bootstrap[0],
            "topic": filled.settings.events.name,
            "count": filled.count,
            "name": name,
            "folder": folder,
        }
        command = [str(python), str(_HERE / file), json.dumps(told), *more]
        process = subprocess.Popen(
            on_core(command), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        spent = Spent(process.pid)
        try:
            said, _ = process.communicate(timeout=RUN_S_MAX)
        finally:
            spent.close()
            ended(process)
    lines = [line for line in said.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise subprocess.CalledProcessError(process.returncode, command, output=said[-2_000:])
    result = json.loads(lines[-1].removeprefix("RESULT "))
    if engine == "flink":
        result |= _between_windows(result, filled)
    begun, until, events = result["begun"], result["ended"], result["events"]
    answer = {(minute, queue): (count, total) for minute, queue, count, total in result["answer"]}
    hashed_answer = "" if engine in LIMITS else judged(engine, settled(answer, filled.last_ms), filled)
    return Result(engine, events / (until - begun), events / spent.between(begun, until), hashed_answer)


def _between_windows(result: dict[str, Any], filled: Filled) -> dict[str, Any]:
    """By the broker's clock: from the first window that was written behind the warm-up to the last that an event closed, and the events between."""
    times = [chat.at_ms for chat in chats(filled.count)]
    warm_ms, last_ms = times[len(times) // 10], filled.last_ms - MINUTE_MS - 500
    closing = sorted(
        (at, row[0]) for at, row in zip(result["written"], result["answer"], strict=True) if warm_ms <= row[0] + MINUTE_MS <= last_ms
    )  # fmt: skip
    (begun, first), (until, last) = closing[0], closing[-1]
    events = sum(first <= at - MINUTE_MS - 500 < last for at in times)
    return {"begun": begun, "ended": until, "events": events}


def judged(engine: str, answer: Answer, filled: Filled) -> str:
    """The answer's hash. Raises WrongAnswer where it is not the expected one."""
    if answer != filled.expected:
        different = sorted(
            place for place in answer.keys() | filled.expected.keys() if answer.get(place) != filled.expected.get(place)
        )
        place = different[0]
        raise WrongAnswer(
            f"{engine} differs in {len(different)} of {len(filled.expected)} places; at {place} it says {answer.get(place)}, "
            f"and the definition {filled.expected.get(place)}"
        )
    return hashed(answer)
