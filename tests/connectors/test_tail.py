"""A log that is followed: rotation of every kind, restarts, a busy service; nothing is lost and nothing counts twice."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from streams.connectors.place import Place
from streams.connectors.queue_log import QueueLog
from streams.connectors.tail import Tail
from tests.connectors.shelf import Shelf, following, log_of, until


def enter(number: int) -> str:
    return f"{1_700_000_000 + number}|c-{number}|sales|NONE|ENTERQUEUE||555|1\n"


class Desk:
    """A log in a folder, and what follows it from one process to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "queue_log"
        self.shelf, self.told = Shelf(), list[str]()
        self.write = log_of(self.path)

    def follow(self, story: Callable[[], Awaitable[None]], *, from_start: bool = False) -> Tail:
        self.feeder = self.shelf.feeder()
        tail = Tail(
            self.path,
            QueueLog(),
            self.feeder,
            Place(self.folder, "pbx"),
            self.told.append,
            from_start=from_start,
            poll_s=0.01,
        )
        following(tail.run, story)
        return tail

    async def has(self, *numbers: int) -> None:
        await until(lambda: self.shelf.contacts() >= {f"c-{number}" for number in numbers})

    async def keeps(self, *numbers: int) -> None:
        """It has them, and its place is behind them: a process that ends in between is told them again."""
        await self.has(*numbers)
        size = self.path.stat().st_size
        await until(lambda: (place := Place(self.folder, "pbx").read()) is not None and place.offset == size)

    def holds_back(self) -> bool:
        """Whether the place says that there is more to come."""
        place = Place(self.folder, "pbx").read()
        return place is not None and bool(place.held)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_it_begins_at_the_end_or_at_the_start(desk: Desk) -> None:
    desk.write(enter(1) + enter(2)[:20])

    async def grows() -> None:
        await until(lambda: (desk.folder / "connect-pbx.msgpack").exists())
        desk.write(enter(2)[20:] + enter(3))
        await desk.has(2, 3)

    desk.follow(grows)
    assert desk.shelf.contacts() == {"c-2", "c-3"}
    (desk.folder / "connect-pbx.msgpack").unlink()
    desk.follow(lambda: desk.has(1, 2, 3), from_start=True)


def test_a_line_is_read_when_it_is_whole(desk: Desk) -> None:
    desk.path.touch()

    async def slowly() -> None:
        await until(lambda: desk.feeder.counts.state == "reads")
        for sign in enter(1):
            desk.write(sign)
            await asyncio.sleep(0)
        await desk.has(1)

    desk.follow(slowly)
    assert desk.feeder.counts.wrong.total() == 0


@pytest.mark.parametrize("how", ["moved", "emptied"])
def test_a_log_that_is_rotated_while_it_is_followed_is_read_to_its_end_and_from_its_beginning(
    desk: Desk, how: str
) -> None:
    desk.path.touch()

    async def rotates() -> None:
        await until(lambda: desk.feeder.counts.state == "reads")
        desk.write(enter(1) + enter(2))
        await desk.has(1, 2)
        if how == "moved":
            desk.write(enter(3))
            desk.path.rename(desk.folder / "queue_log.1")
            with (desk.folder / "queue_log.1").open("a") as old:
                old.write(enter(4).rstrip("\n"))
        else:
            os.truncate(desk.path, 0)
            await asyncio.sleep(0.05)
            desk.write(enter(3))
            await desk.has(3)
            desk.write(enter(4))
            await desk.has(4)
        desk.write(enter(5))
        await desk.has(3, 4, 5)

    desk.follow(rotates)
    assert desk.shelf.repeated == 0


def test_what_was_written_and_rotated_while_nobody_looked_is_made_good(desk: Desk) -> None:
    desk.write(enter(1))
    desk.follow(lambda: desk.keeps(1), from_start=True)
    desk.write(enter(2))
    desk.path.rename(desk.folder / "queue_log.2")
    desk.write(enter(3))
    desk.path.rename(desk.folder / "queue_log.1")
    older = time.time_ns() - 5 * 10**9
    os.utime(desk.folder / "queue_log.2", ns=(older, older))
    desk.write(enter(4))
    desk.follow(lambda: desk.has(1, 2, 3, 4))
    assert desk.shelf.repeated == 0
    assert desk.told == []


def test_a_file_that_is_gone_for_good_is_said_and_counted(desk: Desk) -> None:
    desk.write(enter(1))
    desk.follow(lambda: desk.has(1), from_start=True)
    desk.path.rename(desk.folder / "elsewhere")
    desk.write(enter(2))
    desk.follow(lambda: desk.has(2))
    assert desk.feeder.counts.wrong["rotated_away"] == 1
    assert "is gone" in desk.told[0]


def test_a_log_that_is_not_there_yet_is_waited_for(desk: Desk) -> None:
    async def appears() -> None:
        await until(lambda: bool(desk.told))
        desk.write(enter(1))
        await desk.has(1)

    desk.follow(appears)


def test_a_busy_service_is_waited_for_and_nothing_is_lost(desk: Desk) -> None:
    desk.shelf.busy = 2
    desk.write("".join(map(enter, range(500))))
    desk.follow(lambda: desk.has(*range(500)), from_start=True)
    assert (desk.feeder.counts.waits, desk.shelf.repeated) == (2, 0)


def test_a_process_killed_behind_the_journal_tells_the_same_again(desk: Desk) -> None:
    desk.write(enter(1))
    desk.follow(lambda: desk.has(1), from_start=True)
    kept = Place(desk.folder, "pbx").path.read_bytes()
    answer = "1700000010|c-1|sales|SIP/1|CONNECT|9|x|1\n1700000099|c-1|sales|SIP/1|COMPLETEAGENT|9|89|1\n"
    desk.write(answer + enter(2) + enter(2).replace("sales", "refunds").replace("1700000002", "1700000050"))
    desk.follow(lambda: desk.has(2))
    once = dict(desk.shelf.events)
    Place(desk.folder, "pbx").path.write_bytes(kept)
    desk.follow(lambda: until(lambda: desk.shelf.repeated >= 4))
    assert desk.shelf.events == once


def test_the_end_of_wrapping_up_is_told_when_it_has_come_also_by_the_next_process(desk: Desk) -> None:
    now = int(time.time())
    desk.write(f"{now}|NONE|NONE|Agent/1|WRAPUPSTART|4\n")
    desk.follow(lambda: until(desk.holds_back), from_start=True)
    assert desk.shelf.kinds() == ["agent.state"]
    desk.shelf.events.clear()
    desk.follow(lambda: until(lambda: desk.shelf.kinds() == ["agent.state"]))
    (event,) = desk.shelf.events.values()
    assert (event["state"], event["time"]) == ("available", (now + 4) * 1_000)


def test_a_damaged_position_stops_loudly(desk: Desk) -> None:
    desk.write(enter(1))
    (desk.folder / "connect-pbx.msgpack").write_bytes(b"\x00nonsense")
    with pytest.raises(ValueError, match="damaged"):
        desk.follow(lambda: desk.has(1))
