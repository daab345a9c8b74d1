"""`floorwatch topics` as an operator meets it: a real broker, the real command, its exit codes and what it prints."""

import io
import json
import os
import re
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from streams.cli import main
from streams.kafka.settings import KafkaSettings
from tests.kafka.records import Records

ROOT = Path(__file__).parents[2]
FLOORWATCH = Path(sys.executable).parent / "floorwatch"


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def run(settings: KafkaSettings, *words: str, **environment: str) -> Done:
    """The command line within this process, which is started once and not for each command."""
    told = {
        "FLOORWATCH_KAFKA_BOOTSTRAP": ",".join(settings.bootstrap), "FLOORWATCH_KAFKA_PREFIX": settings.prefix,
        "FLOORWATCH_KAFKA_PARTITIONS": str(settings.partitions), "FLOORWATCH_KAFKA_REPLICATION": "1",
    }  # fmt: skip
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape") for _ in range(2))
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        for name, value in (told | environment).items():
            patched.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(list(words))
    for stream in (out, err):
        stream.seek(0)
    return Done(int(ended.value.code or 0), out.read(), err.read())


def differences(settings: KafkaSettings, **environment: str) -> list[tuple[str, str, str, str]]:
    done = run(settings, "topics", "check", "--json", **environment)
    found = [(one["topic"], one["what"], one["wanted"], one["found"]) for one in json.loads(done.stdout)]
    assert done.returncode == (1 if found else 0), done.stderr
    assert all(one["mend"] for one in json.loads(done.stdout))
    return found


def test_topics_are_made_once_and_are_then_as_the_settings_say(settings: KafkaSettings) -> None:
    made = run(settings, "topics", "create")
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines() == [f"made           {topic.name}" for topic in settings.topics]
    again = run(settings, "topics", "create")
    assert again.stdout.splitlines() == [f"there already  {topic.name}" for topic in settings.topics]
    assert again.returncode == 0
    checked = run(settings, "topics", "check")
    assert (checked.returncode, checked.stdout) == (0, "4 topics are as the settings say\n")


def test_what_differs_from_the_settings_is_named_with_its_remedy(settings: KafkaSettings, records: Records) -> None:
    events, steps, snapshots, deadletters = settings.topics
    for topic in (events, snapshots, deadletters):
        records.create(replace(topic, partitions=3), {"cleanup.policy": "delete", "retention.ms": "60000"})
    assert differences(settings, FLOORWATCH_KAFKA_REPLICATION="2") == [
        (events.name, "partitions", "8", "3"),
        (events.name, "replication", "2", "1"),
        (events.name, "retention.ms", "604800000", "60000"),
        (events.name, "message.timestamp.type", "LogAppendTime", "CreateTime"),
        (steps.name, "topic", "there", "missing"),
        (snapshots.name, "partitions", "8", "3"),
        (snapshots.name, "replication", "2", "1"),
        (snapshots.name, "cleanup.policy", "compact", "delete"),
        (snapshots.name, "segment.bytes", "67108864", "1073741824"),
        (deadletters.name, "partitions", "1", "3"),
        (deadletters.name, "replication", "2", "1"),
        (deadletters.name, "retention.ms", "2592000000", "60000"),
    ]
    shown = run(settings, "topics", "check")
    assert shown.returncode == 1
    assert "kafka-topics.sh --alter" in shown.stdout
    assert f"--entity-name {snapshots.name} --add-config cleanup.policy=compact" in shown.stdout
    assert run(settings, "topics", "create").returncode == 0
    assert "missing" not in run(settings, "topics", "check").stdout, "what was missing is made, the rest is left alone"


def test_the_lag_is_what_was_sent_less_what_was_committed(settings: KafkaSettings, records: Records) -> None:
    settings = replace(settings, partitions=3)
    records.create(settings.events)

    def lag() -> list[dict[str, Any]]:
        done = run(settings, "topics", "lag", "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["group"] == settings.group
        return list(told["partitions"])

    assert [one["oldest_unread_age_s"] for one in lag()] == [None] * 3
    records.send(settings.events, [b"x"] * 10, 0)
    time.sleep(2)
    records.send(settings.events, [b"y"] * 5, 0)
    records.send(settings.events, [b"z"] * 7, 1)
    tps = [TopicPartition(settings.events.name, partition) for partition in range(2)]
    records.admin.alter_group_offsets(settings.group, {tps[0]: OffsetAndMetadata(10, "", -1)})
    first, second, third = lag()
    assert (first["committed"], first["end"], first["lag"]) == (10, 15, 5)
    assert (second["committed"], second["end"], second["lag"]) == (None, 7, 7)
    assert (third["committed"], third["end"], third["lag"], third["oldest_unread_age_s"]) == (None, 0, 0, None)
    records.admin.alter_group_offsets(
        settings.group, {tps[0]: OffsetAndMetadata(0, "", -1), tps[1]: OffsetAndMetadata(7, "", -1)}
    )
    earlier, done, _ = lag()
    assert (earlier["lag"], done["lag"], done["oldest_unread_age_s"]) == (15, 0, None)
    assert earlier["oldest_unread_age_s"] >= first["oldest_unread_age_s"] + 2, "the age is that of the oldest unread"
    assert "15 unread" in run(settings, "topics", "lag").stdout


@pytest.mark.parametrize("words", [("topics", "lag"), ("deadletter", "list")])
def test_a_broker_that_is_not_there_is_told_in_one_sentence(words: tuple[str, ...]) -> None:
    nowhere = KafkaSettings(bootstrap=("127.0.0.1:1",))
    done = run(nowhere, *words)
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("Error: Kafka at 127.0.0.1:1 does not answer")
    assert "check that it runs" in sentence
    assert done.stdout == ""


def test_topics_that_are_missing_are_told_in_one_sentence(settings: KafkaSettings) -> None:
    for words in (("topics", "lag"), ("deadletter", "list")):
        done = run(settings, *words)
        assert (done.returncode, done.stderr) == (1, "Error: A topic is missing; run floorwatch topics create.\n")


def test_wrong_settings_are_wrong_usage(settings: KafkaSettings) -> None:
    for wrong in ({"FLOORWATCH_KAFKA_PARTITIONS": "none"}, {"FLOORWATCH_KAFKA_TSL": "1"}):
        done = run(settings, "topics", "check", **wrong)
        assert done.returncode == 2
        assert next(iter(wrong)) in done.stderr


def test_what_the_readmes_say_about_kafka_is_so(settings: KafkaSettings, tmp_path: Path) -> None:
    """Their `sh` blocks are run as they stand, except for the names of the brokers."""
    texts = [(ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")]
    blocks = [re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) for text in texts]
    assert blocks[0] == blocks[1] != []
    script = "\n".join(blocks[0])
    brokers = "FLOORWATCH_KAFKA_BOOTSTRAP=kafka-1:9092,kafka-2:9092"
    assert brokers in script
    script = script.replace(brokers, f"FLOORWATCH_KAFKA_BOOTSTRAP={','.join(settings.bootstrap)}")
    told = {"FLOORWATCH_KAFKA_PREFIX": settings.prefix, "PATH": f"{FLOORWATCH.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-e"], input=script, cwd=tmp_path, env=os.environ | told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "4 topics are as the settings say" in done.stdout
