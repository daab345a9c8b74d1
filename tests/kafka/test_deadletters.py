"""Dead letters in a real topic: kept with where they came from, listed without what they say, shown and sent again as they were."""

import json
import os
import subprocess
from pathlib import Path

from streams.kafka.deadletters import DeadLetter, read
from streams.kafka.settings import KafkaSettings
from tests.kafka.records import Records
from tests.kafka.test_topics import FLOORWATCH, run

LETTERS = [
    DeadLetter("invalid_json", "", 1, 42, 1, None, b'{"customer":"Zhang \xe4\xbd\xa0'),
    DeadLetter("invalid_utf8", "", 0, 43, 3, b"key", b"\xff\x00\r\n\xfe"),
    DeadLetter("null_value", "", 0, 44, 0, b"gone", None),
    DeadLetter("empty_value", "", 1, 45, 0, None, b""),
]


def filled(settings: KafkaSettings, records: Records) -> list[DeadLetter]:
    records.create(settings.events)
    records.create(settings.deadletters)
    sent = [
        DeadLetter(one.reason, settings.events.name, one.partition, one.offset, one.line, one.key, one.value)
        for one in LETTERS
    ]
    records.send(settings.deadletters, [b"put there by somebody else"])
    records.send_letters(settings.deadletters, sent)
    return sent


def test_a_letter_comes_back_as_it_was_put_in(settings: KafkaSettings, records: Records) -> None:
    sent = filled(settings, records)
    found = list(read(settings))
    assert [one.headers for one in found] == [one.headers for one in sent]
    assert [(one.key, one.value) for one in found] == [(one.key, one.value) for one in sent]
    assert [one.number for one in found] == [1, 2, 3, 4], "what others put there is passed over"
    assert list(read(settings, first=3)) == found[2:]


def test_the_list_tells_everything_but_what_was_said(settings: KafkaSettings, records: Records) -> None:
    filled(settings, records)
    told = json.loads(run(settings, "deadletter", "list", "--json").stdout)
    assert [[one[name] for name in ("number", "reason", "partition", "offset", "line", "bytes")] for one in told] == [
        [1, "invalid_json", 1, 42, 1, 22], [2, "invalid_utf8", 0, 43, 3, 5], [3, "null_value", 0, 44, 0, 0],
        [4, "empty_value", 1, 45, 0, 0],
    ]  # fmt: skip
    shown = run(settings, "deadletter", "list").stdout
    assert "4 dead letters" in shown
    assert "invalid_utf8" in shown
    assert "Zhang" not in shown


def test_a_letter_is_shown_byte_for_byte(settings: KafkaSettings, records: Records) -> None:
    filled(settings, records)
    command = [FLOORWATCH, "deadletter", "show", "2", "--bootstrap", ",".join(settings.bootstrap)]
    environment = os.environ | {"FLOORWATCH_KAFKA_PREFIX": settings.prefix}
    assert subprocess.run(command, env=environment, capture_output=True, check=True).stdout == b"\xff\x00\r\n\xfe"
    for number in ("0", "5"):
        missing = run(settings, "deadletter", "show", number)
        assert missing.returncode == 1
        assert f"no dead letter {number};" in missing.stderr


def test_letters_are_sent_again_where_they_came_from_and_all_of_them_only_once(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    filled(settings, records)
    done = run(settings, "deadletter", "resend", "2")
    assert (done.returncode, done.stdout) == (0, "1 sent again\n"), done.stderr
    assert [(one.partition, one.value) for one in records.read(settings.events)] == [(0, LETTERS[1].value)]
    everything = run(settings, "deadletter", "resend", "--all")
    assert everything.stdout == "2 sent again, 2 hold nothing to send\n", everything.stderr
    assert run(settings, "deadletter", "resend", "--all").stdout == "0 sent again\n"
    assert [(one.partition, one.value) for one in records.read(settings.events)] == [
        (0, LETTERS[1].value), (0, LETTERS[1].value), (1, LETTERS[0].value),
    ]  # fmt: skip
    for wrong in ((), ("1", "--all")):
        assert run(settings, "deadletter", "resend", *wrong).returncode == 2
