"""Reports by e-mail: sent once, by one of several services, to a real mail server; and what is wrong in their file is refused."""

import contextlib
import email
import email.policy
import json
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller

from engine.errors import InvalidSetting
from engine.events import Vocabulary, decode
from engine.times import DAY_US, HOUR_US, MINUTE_US
from streams.cli import main
from streams.history.importing import keep
from streams.history.mailings import CLAIM_US, GIVE_UP_US, Mailings
from streams.history.store import Store
from streams.mailing import carry
from streams.reports.letters import Letter, read_letters
from streams.reports.mailer import Mailer
from streams.reports.periods import newest
from tests.alerts.conftest import postgresql, postgresql_server  # noqa: F401 - fixtures.
from tests.browser.service import Running
from tests.history.recorded import engine_of_service

NOON_US = 20_000 * DAY_US + 12 * HOUR_US
WAIT_S = 90


class MailServer:
    """Takes what comes, and keeps it; `refuses` has it answer that it cannot."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], EmailMessage]] = []
        self.refuses = False
        with contextlib.closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 come again later"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.got.append((envelope.rcpt_tos, message))  # type: ignore[arg-type]
        return "250 taken"

    @property
    def url(self) -> str:
        return f"mail+smtp://127.0.0.1:{self.port}/?from=floor@example.com"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    yield server
    controller.stop()


def fill(store: Store, day_us: int) -> None:
    """A day on which a contact came every quarter of an hour, to two queues; one of them answers late."""
    lines = []
    for quarter in range(96):
        for queue, after_ms in (("desk", 5_000), ("hotline", 50_000)):
            of = {"contact": f"{queue}{quarter}", "queue": queue, "tenant": "shop", "channel": "phone", "agent": "a"}
            at_ms = day_us // 1_000 + quarter * 900_000
            for kind, then_ms in (("queued", 0), ("answered", after_ms), ("closed", after_ms + 60_000)):
                lines.append({"type": f"contact.{kind}", "time": at_ms + then_ms, **of})
    engine = engine_of_service(None)
    body = "".join(json.dumps(line) + "\n" for line in sorted(lines, key=lambda line: line["time"]))  # type: ignore[arg-type, return-value]
    engine.absorb(decode(body.encode(), source="s", vocabulary=Vocabulary(engine.secret)))
    engine.finish()
    keep(engine, store)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "history.sqlite"
    opened = Store(f"sqlite:///{path}")
    fill(opened, NOON_US // DAY_US * DAY_US - DAY_US)
    opened.close()
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{shutil.copy(filled, tmp_path)}")
    yield opened
    opened.close()


def letter(mail: MailServer, **more: Any) -> Letter:
    of = {"name": "daily", "every": "day", "at_minutes": 450, "zone": ZoneInfo("UTC"), "language": "zh", "by": ("queue",),
          "to": ("ann@example.com", "bo@example.com"), "url": mail.url, "private": True}  # fmt: skip
    return Letter(**(of | more))


class Clock:
    """What the mailer takes for the present."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


def mailer(store: Store, clock: Clock, *letters: Letter) -> tuple[Mailer, list[str]]:
    told: list[str] = []
    return Mailer(letters, store, carry, lambda: "answered_of_ended", told.append, clock), told


# What goes out, and how often.


def test_a_report_is_a_summary_in_words_and_a_page_in_the_language_of_its_readers(
    store: Store, mail: MailServer
) -> None:
    one, _ = mailer(store, Clock(NOON_US), letter(mail))
    one.look()
    ((recipients, message),) = mail.got
    assert recipients == ["ann@example.com", "bo@example.com"]
    assert message["Subject"] == "服务日报 2024-10-03 · daily"
    body = message.get_body()
    assert body is not None
    said = body.get_content()
    assert "进线: 192" in said
    assert "该区间已保存 100.0 % 的数据" in said
    assert "- hotline: 服务水平 0.0 %，".replace("，", ", ") in said
    assert said.index("hotline") < said.index("desk")
    (page,) = message.iter_attachments()
    assert page.get_filename() == "daily-2024-10-03.html"
    html = page.get_content()
    assert html.startswith("<!doctype html>")
    assert "hotline" in html
    assert "default-src 'none'" in html


def test_apprise_carries_the_same_page(store: Store, mail: MailServer) -> None:
    url = f"mailto://127.0.0.1:{mail.port}?from=floor@example.com&mode=insecure&to=nobody@example.com"
    one, told = mailer(store, Clock(NOON_US), letter(mail, url=url, language="en", to=("ann@example.com",)))
    one.look()
    assert told == []
    ((recipients, message),) = mail.got
    assert recipients == ["ann@example.com"]
    (page,) = (part for part in message.walk() if part.get_filename())
    assert page.get_filename() == "daily-2024-10-03.html"
    assert "hotline" in page.get_content()


def test_nothing_is_sent_twice_by_the_same_service_nor_by_the_next_one(store: Store, mail: MailServer) -> None:
    clock = Clock(NOON_US)
    first, _ = mailer(store, clock, letter(mail))
    first.look()
    first.look()
    clock.now_us += 10 * HOUR_US
    again, _ = mailer(store, clock, letter(mail))
    again.look()
    assert len(mail.got) == 1
    assert (first.counts["sent"], again.counts["sent"]) == (1, 0)


def test_of_services_on_one_database_one_sends(store: Store, mail: MailServer, postgresql: str) -> None:  # noqa: F811
    shared = Store(postgresql)
    fill(shared, NOON_US // DAY_US * DAY_US - DAY_US)
    begin = threading.Barrier(4)
    services = [mailer(Store(postgresql), Clock(NOON_US), letter(mail))[0] for _ in range(4)]

    def look(one: Mailer) -> None:
        begin.wait()
        one.look()

    threads = [threading.Thread(target=look, args=(one,)) for one in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mail.got) == 1
    assert sum(one.counts["sent"] for one in services) == 1
    assert sum(one.counts["failed"] for one in services) == 0
    for one in services:
        one._store.close()
    shared.close()


def test_after_days_of_rest_only_the_newest_period_is_sent_and_at_once(store: Store, mail: MailServer) -> None:
    fill(store, NOON_US // DAY_US * DAY_US)
    fill(store, NOON_US // DAY_US * DAY_US + DAY_US)
    one, _ = mailer(store, Clock(NOON_US + 2 * DAY_US), letter(mail))
    one.look()
    one.look()
    assert [message["Subject"] for _, message in mail.got] == ["服务日报 2024-10-05 · daily"]


def test_what_a_mail_server_refuses_is_tried_again_later_each_time_and_given_up_after_a_day(
    store: Store, mail: MailServer
) -> None:
    mail.refuses = True
    clock = Clock(begin_us := NOON_US + 3 * DAY_US)  # A Monday.
    one, told = mailer(store, clock, letter(mail, every="week"))  # So long that the next one does not take its place.
    tried = []
    while clock.now_us < begin_us + GIVE_UP_US + 2 * HOUR_US:
        failed = one.counts["failed"]
        one.look()
        if one.counts["failed"] > failed:
            tried.append(clock.now_us)
        clock.now_us += MINUTE_US if len(tried) < 8 else 20 * MINUTE_US
    waits = [(after - before) // MINUTE_US for before, after in pairwise(tried)]
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(waits[7:]) == {60}
    assert told[0].endswith("it is tried again.")
    assert told[-1].endswith("it is given up.")
    assert len(told) == len(tried)
    mail.refuses = False
    one.look()
    assert mail.got == []


def test_a_server_that_comes_back_gets_it(store: Store, mail: MailServer) -> None:
    mail.refuses = True
    clock = Clock(NOON_US)
    one, _ = mailer(store, clock, letter(mail))
    one.look()
    mail.refuses = False
    one.look()
    assert mail.got == []
    clock.now_us += MINUTE_US
    one.look()
    assert len(mail.got) == 1


def test_a_sending_that_a_death_interrupted_is_told_and_not_repeated(store: Store, mail: MailServer) -> None:
    due = newest(letter(mail), NOON_US)
    dead = Mailings(store)
    claim = dead.claim("daily", due.from_us, due.until_us, NOON_US)
    assert claim
    assert dead.begin(claim, NOON_US)
    one, told = mailer(store, Clock(NOON_US + CLAIM_US), letter(mail))
    one.look()
    one.look()
    assert mail.got == []
    assert one.counts["uncertain"] == 1
    assert len(told) == 1
    assert "nobody knows whether it went" in told[0]


def test_who_dies_before_sending_is_replaced_when_the_claim_is_over(store: Store, mail: MailServer) -> None:
    due = newest(letter(mail), NOON_US)
    slow = Mailings(store)
    claim = slow.claim("daily", due.from_us, due.until_us, NOON_US)
    assert claim
    clock = Clock(NOON_US + CLAIM_US - 1)
    one, _ = mailer(store, clock, letter(mail))
    one.look()
    assert mail.got == []
    clock.now_us += 1
    one.look()
    assert len(mail.got) == 1
    assert not slow.begin(claim, clock.now_us), "whoever was slow must not send it once more"


def test_the_last_quarter_of_an_hour_is_waited_for_but_not_for_ever(store: Store, mail: MailServer) -> None:
    midnight_us = NOON_US // DAY_US * DAY_US
    fill(store, midnight_us)
    clock = Clock(midnight_us + DAY_US)
    kept_us = store.span("total")
    assert kept_us == (midnight_us - DAY_US, midnight_us + DAY_US)
    eager = letter(mail, at_minutes=0, zone=ZoneInfo("Etc/GMT+1"))  # Whose midnight comes an hour after.
    clock.now_us += HOUR_US
    one, _ = mailer(store, clock, eager)
    one.look()
    assert mail.got == []
    clock.now_us += 30 * MINUTE_US
    one.look()
    assert len(mail.got) == 1


def test_a_period_of_which_nothing_is_kept_is_not_sent(store: Store, mail: MailServer) -> None:
    one, told = mailer(store, Clock(NOON_US + 40 * DAY_US), letter(mail))
    one.look()
    assert (mail.got, told, one.counts["empty"]) == ([], [], 1)


def test_a_mail_server_nearby_must_be_allowed(store: Store, mail: MailServer) -> None:
    one, told = mailer(store, Clock(NOON_US), letter(mail, private=False))
    one.look()
    assert mail.got == []
    assert "127.0.0.1 is not public; allow it with private: yes" in told[0]


def test_trouble_with_the_store_is_told_once_and_over_when_it_is_over(store: Store, mail: MailServer) -> None:
    one, told = mailer(store, Clock(NOON_US), letter(mail))
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE interval_mailings RENAME TO away")
    one.look()
    one.look()
    assert one.counts["failed"] == 2
    assert len(told) == 1
    assert "the interval history cannot be used (OperationalError)" in told[0]
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO interval_mailings")
    one.look()
    assert len(mail.got) == 1


# When.


@pytest.mark.parametrize(
    ("every", "zone", "now", "begins", "ends"),
    [
        ("day", "UTC", "2026-03-10T07:30", "2026-03-09T00:00", "2026-03-10T00:00"),
        ("day", "UTC", "2026-03-10T07:29", "2026-03-08T00:00", "2026-03-09T00:00"),
        ("day", "Asia/Shanghai", "2026-03-10T00:00", "2026-03-08T16:00", "2026-03-09T16:00"),
        ("week", "UTC", "2026-03-09T07:30", "2026-03-02T00:00", "2026-03-09T00:00"),
        ("week", "UTC", "2026-03-09T07:29", "2026-02-23T00:00", "2026-03-02T00:00"),
        ("month", "UTC", "2026-03-31T00:00", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("month", "UTC", "2026-01-01T07:29", "2025-11-01T00:00", "2025-12-01T00:00"),
        # Clocks go forward on the 29th: that day has 23 hours.
        ("day", "Europe/Berlin", "2026-03-30T05:30", "2026-03-28T23:00", "2026-03-29T22:00"),
    ],
)
def test_the_newest_period_is_the_one_before_the_last_hour_of_sending(
    every: str, zone: str, now: str, begins: str, ends: str
) -> None:
    of = Letter("r", every, 450, ZoneInfo(zone), "en", (), ("a@b",), "")
    at = [int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000 for text in (now, begins, ends)]
    found = newest(of, at[0])
    assert [found.from_us, found.until_us] == at[1:]
    assert found.due_us <= at[0]


# The file.

SOUND = """
reports:
  daily:
    every: day
    at: "07:30"
    zone: UTC
    by: tenant, channel
    language: zh
    to: [ann@example.com]
    url: mail+smtps://user:hunter2@mail.example.com/?from=floor@example.com
"""


def read(tmp_path: Path, text: str) -> tuple[Letter, ...]:
    path = tmp_path / "reports.yaml"
    path.write_text(text, encoding="utf-8")
    return read_letters(path)


def test_a_sound_file_is_taken(tmp_path: Path) -> None:
    (one,) = read(tmp_path, SOUND)
    assert (one.every, one.at_minutes, one.by, one.language) == ("day", 450, ("tenant", "channel"), "zh")
    assert "hunter2" not in repr(one)


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ("every: day", "every: hour", 4, "choose from day, week, month"),
        ('at: "07:30"', "at: 7", 5, 'write it like "07:30"'),
        ('at: "07:30"', "att: 5", 5, "did you mean at?"),
        ("    every: day\n", "", 3, "does not say every"),
        ("zone: UTC", "zone: Mars/North", 6, "no IANA time zone"),
        ("by: tenant, channel", "by: agent", 7, "nothing is kept by 'agent'; choose from total; queue;"),
        ("language: zh", "language: fr", 8, "choose from en, zh"),
        ("[ann@example.com]", "[ann]", 9, "no address of one person"),
        ("[ann@example.com]", '["a@b,c@d"]', 9, "no address of one person"),
        ("    to: [ann@example.com]\n", "", 3, "goes to nobody"),
        ("mail+smtps://", "https://", 10, "no way to send e-mail"),
        ("?from=floor@example.com", "", 10, "no way to send e-mail"),
        ("url: mail", "url: ${NOT_SET_ANYWHERE} # ", 10, "the variable NOT_SET_ANYWHERE is not set"),
        ("url: mail", "url_file: nowhere # ", 10, "cannot be read: No such file"),
        ("    url: ", "    url_file: x\n    url: ", 3, "write either url or url_file"),
        ("  daily:", "  ../daily:", 3, "cannot name a file"),
        ("reports:\n", "reports: []\nreports:\n", 3, "is said already in line 2"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line_and_without_the_secret(
    tmp_path: Path, right: str, wrong: str, line: int, said: str
) -> None:
    assert right in SOUND
    with pytest.raises(InvalidSetting) as refused:
        read(tmp_path, SOUND.replace(right, wrong))
    assert said in str(refused.value)
    assert f"reports.yaml:{line}: " in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = SOUND.partition("    url:")[0]
    monkeypatch.setenv("REPORT_MAIL", "mailtos://user:hunter2@example.com")
    (tmp_path / "mail.url").write_text("mailtos://user:hunter3@example.com\n")
    (one,) = read(tmp_path, begin + '    url: "${REPORT_MAIL}"\n')
    (other,) = read(tmp_path, begin + "    url_file: mail.url\n")
    assert (one.url, other.url) == ("mailtos://user:hunter2@example.com", "mailtos://user:hunter3@example.com")


# The commands.


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def test_one_can_be_sent_to_try_it_and_is_sent_on_its_schedule_all_the_same(
    store: Store, mail: MailServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "reports.yaml"
    path.write_text(SOUND.partition("    url:")[0] + f"    url: {mail.url}\n    private: yes\n")
    send = ("report", "send", str(path), "daily", "--history", str(tmp_path / "history.sqlite"))
    assert command(*send, "--on", "2024-10-04") == 0
    assert "sent to 1: 服务日报 2024-10-03 · daily" in capsys.readouterr().err
    assert command(*send, "--on", "2020-01-01") == 1
    assert "holds nothing of 2019-12-31" in capsys.readouterr().err
    mail.refuses = True
    assert command(*send, "--on", "2024-10-04") == 1
    assert "The report was not sent: " in capsys.readouterr().err
    assert command(*send[:3], "weekly", *send[4:]) == 2
    assert "it has daily" in capsys.readouterr().err
    mail.refuses = False
    one, _ = mailer(store, Clock(NOON_US), *read_letters(path))
    one.look()
    assert len(mail.got) == 2


def text(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(answer.read().decode())


def test_a_running_service_sends_what_became_due_while_none_ran(mail: MailServer, tmp_path: Path) -> None:
    now = time.time()
    # A zone in which it is about noon, so that no midnight comes by.
    ahead = 12 - int(now // 3600 % 24)
    zone = f"Etc/GMT{-ahead:+d}" if ahead else "UTC"
    local_day = int((now + ahead * 3600) // 86_400)
    kept = Store(f"sqlite:///{tmp_path / 'kept.sqlite'}")
    fill(kept, (local_day - 1) * DAY_US - ahead * HOUR_US)
    kept.close()
    path = tmp_path / "reports.yaml"
    path.write_text(
        f'reports: {{d: {{every: day, at: "00:30", zone: {zone}, to: [ann@example.com], url: "{mail.url}", private: yes}}}}'
    )
    assert command("run", "--port", "0", "--data", str(tmp_path / "none"), "--report-mail", str(path)) == 2
    with Running(
        tmp_path / "data", "--history", f"sqlite:///{tmp_path / 'kept.sqlite'}", "--report-mail", str(path)
    ) as service:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and 'reports_total{outcome="sent"} 1.0' not in text(
            service.address + "/metrics"
        ):
            time.sleep(0.1)
        assert 'floorwatch_mailed_reports_total{outcome="sent"} 1.0' in text(service.address + "/metrics")
    assert [message["Subject"][:20] for _, message in mail.got] == ["Daily service report"]
