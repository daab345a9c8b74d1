"""A hub merges the log of steps: as many partitions as there are, to the very report of one machine, and goes on after its death."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.alarms import Alarm
from engine.errors import InvalidSetting
from engine.merged import Merged
from engine.pipeline import Engine, Settings
from engine.shard import Shard
from engine.windows import Spec
from streams.cli import _run
from streams.gateway import judge
from streams.intake import Pseudonyms
from streams.journal import KeptPolicy
from streams.kafka.hub import Hub
from streams.kafka.merging import FILE, Merging
from streams.kafka.settings import KafkaSettings
from streams.kafka.steps import Claim, Step, encode, new_claimant
from streams.negative import default_words
from streams.policy.reading import default_policy
from streams.publishing import Published
from streams.report import write_report
from streams.settings import ServiceSettings
from tests.kafka.records import Records
from tests.kafka.worker import until
from tests.simulation.shards import shard_of

S = 1_000_000
PSEUDONYMS = Pseudonyms(bytes(32), default_words())
SETTINGS = Settings(policy=default_policy(), rollups=((), ("queue",)), windows=(Spec(1_800 * S, 1_800 * S),))


class Log:
    """A log of steps as workers write it, made by shards in this process."""

    def __init__(self, records: Records, settings: Settings = SETTINGS) -> None:
        self.records, self.topic = records, records.settings.steps
        records.create(self.topic)
        self.shards = [Shard(settings) for _ in range(self.topic.partitions)]
        self.numbers = [0] * self.topic.partitions
        self.claimants = [new_claimant() for _ in self.shards]
        for partition, claimant in enumerate(self.claimants):
            records.send(self.topic, [*encode(Claim(claimant))], partition)

    def absorb(self, lines: Sequence[bytes]) -> None:
        dealt: dict[int, list[bytes]] = {}
        for line in lines:
            dealt.setdefault(shard_of(json.loads(line), len(self.shards)), []).append(line)
        for partition, mine in dealt.items():
            shard = self.shards[partition]
            for decoded in judge(b"\n".join(mine), PSEUDONYMS, shard.secret, source="s", latest_us=2**62).decoded:
                shard.absorb(decoded)

    def step(self, until_us: int | None = None) -> None:
        for partition, shard in enumerate(self.shards):
            end_us = shard.watermark_us if until_us is None else until_us
            self.numbers[partition] += 1
            step = Step.of(self.claimants[partition], self.numbers[partition], 0, 0, end_us, shard.step(end_us))
            self.records.send(self.topic, [*encode(step)], partition)

    def end(self) -> None:
        """The source says that it ends, and when its last event was."""
        last_us = max(shard.counters.last_us or 0 for shard in self.shards)
        for shard in self.shards:
            shard.finish_source("s")
            shard.advance(last_us)
        self.step()


@pytest.fixture(scope="module")
def peak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a sale peak, with events out of order and twice."""
    path = tmp_path_factory.mktemp("peak") / "peak.jsonl"
    told = f"simulate --preset sale-peak --agents 60 --duration 10m --seed 5 --duplicates 0.02 --disorder 2s -o {path}"
    assert _run(told.split()) == 0
    return path


def report_of(engine: Engine, path: Path) -> str:
    write_report(engine, path, SETTINGS.windows[0], ZoneInfo("UTC"), ("queue",), every=False)
    return path.read_text("utf-8")


def drained(merging: Merging) -> Merged:
    until(lambda: merging.poll(0.1) is not None and (merging.merged.settle(), merging.is_ended)[1], "not merged")
    return merging.merged


def test_the_log_is_merged_to_the_report_of_one_machine_and_gone_on_with_from_the_file(
    records: Records, settings: KafkaSettings, peak: Path, tmp_path: Path
) -> None:
    lines = peak.read_bytes().splitlines()
    log = Log(records)
    half = len(lines) // 2
    log.absorb(lines[:half])
    log.step()
    first = Merging(settings, SETTINGS, tmp_path, print)
    until(lambda: first.poll(0.1) is not None and not first.unread, "the first half was not merged")
    first.merged.settle()
    assert first.save() == (tmp_path / FILE).stat().st_size > 0
    first.close()
    for start in range(half, len(lines), 4_000):
        log.absorb(lines[start : start + 4_000])
        log.step()
    log.end()
    again, anew = Merging(settings, SETTINGS, tmp_path, print), Merging(settings, SETTINGS, None, print)
    whole = _run(["replay", str(peak), "--report", str(tmp_path / "whole.csv"), "--by", "queue", "--zone", "UTC"])
    assert whole == 0
    expected = (tmp_path / "whole.csv").read_text("utf-8")
    assert len(expected.splitlines()) > 5
    for name, merging in (("again", again), ("anew", anew)):
        assert report_of(drained(merging), tmp_path / f"{name}.csv") == expected
        merging.close()
    assert again.steps < anew.steps


def test_steps_of_who_was_replaced_change_nothing(
    records: Records, settings: KafkaSettings, peak: Path, tmp_path: Path
) -> None:
    lines = peak.read_bytes().splitlines()[:5_000]
    log = Log(records)
    log.absorb(lines)
    log.step()
    zombie = Step.of(log.claimants[0], log.numbers[0] + 1, 0, 0, 2**61, log.shards[0].step(log.shards[0].watermark_us))
    log.claimants[0] = new_claimant()
    records.send(log.topic, [*encode(Claim(log.claimants[0])), *encode(zombie)], 0)
    log.end()
    merging = Merging(settings, SETTINGS, None, print)
    assert drained(merging).counters.events == sum(shard.counters.events for shard in log.shards)
    merging.close()


@dataclass
class Told:
    """What a hub publishes and tells."""

    published: list[Published] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def tell(self, alarms: list[Alarm]) -> None:
        self.alarms += alarms

    def flush(self, wait_s: float) -> None:
        pass


def hub_of(settings: KafkaSettings, told: Told, folder: Path, engine_settings: Settings = SETTINGS) -> Hub:
    of_policy = KeptPolicy(0, "default.yaml", "start", "", b"")
    return Hub(
        settings, ServiceSettings(data=folder), engine_settings, of_policy, alarms=told,
        on_publish=told.published.append, tell=told.sentences.append,
    )  # fmt: skip


def test_two_hubs_side_by_side_publish_the_same_and_one_goes_on_where_it_was_stopped(
    records: Records, settings: KafkaSettings, peak: Path, tmp_path: Path
) -> None:
    log = Log(records)
    lines = peak.read_bytes().splitlines()
    log.absorb(lines[:20_000])
    log.step(min(shard.watermark_us for shard in log.shards) // S * S)
    hubs = [(hub_of(settings, told, tmp_path / str(number)), told) for number, told in enumerate((Told(), Told()))]
    for number, (hub, _) in enumerate(hubs):
        (tmp_path / str(number)).mkdir()
        hub.start()
    for hub, _ in hubs:
        assert hub.ready.wait(60), hub.failure
    left, right = (hub.published.facts["groups"] for hub, _ in hubs)
    assert left == right and left["queue"]
    hubs[0][0].stop()
    log.absorb(lines[20_000:])
    reached_us = min(shard.watermark_us for shard in log.shards) // S * S
    log.step(reached_us)
    third = hub_of(settings, Told(), tmp_path / "0")
    third.start()
    for hub in (third, hubs[1][0]):
        until(lambda hub=hub: hub.published.facts.get("as_of_us", 0) >= reached_us, "not merged")  # type: ignore[misc]
        hub.stop()
        assert hub.failure is None
    assert third.published.facts["groups"] == hubs[1][0].published.facts["groups"]
    assert {alarm.id for alarm in hubs[1][1].alarms} >= {alarm.id for alarm in hubs[0][1].alarms} != set()


def test_a_hub_under_another_policy_than_its_workers_ends_and_says_so(
    records: Records, settings: KafkaSettings, tmp_path: Path
) -> None:
    log, told = Log(records), Told()
    for shard in log.shards:
        shard.advance(10 * S)
    log.step(10 * S)
    hub = hub_of(settings, told, tmp_path, replace(SETTINGS, disorder_bound_us=3 * S))
    hub.start()
    until(lambda: hub.failure is not None, "it goes on")
    hub.stop()
    assert isinstance(hub.failure, InvalidSetting)
    assert "start all of them with the same settings" in "".join(told.sentences)


def test_a_damaged_file_is_told_of_and_the_log_is_merged_from_its_beginning(
    records: Records, settings: KafkaSettings, tmp_path: Path
) -> None:
    log, sentences = Log(records), list[str]()
    for shard in log.shards:
        shard.advance(10 * S)
    log.step(10 * S)
    (tmp_path / FILE).write_bytes(b"not ours")
    merging = Merging(settings, SETTINGS, tmp_path, sentences.append)
    until(lambda: merging.poll(0.1) is not None and not merging.unread, "not merged")
    merging.close()
    assert "is damaged" in sentences[0] and merging.steps == len(log.shards)
