"""AMI against an honest peer over a real socket: half messages, hang-ups, silence, lost time, wrong passwords, restarts."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from streams.connectors.ami import Ami
from streams.connectors.ami_client import AmiClient
from streams.connectors.place import Place
from streams.connectors.record import instant_us
from tests.connectors.peer import SECRET, Peer
from tests.connectors.shelf import Shelf, following, until


def block(event: str, **fields: Any) -> bytes:
    """An event without an instant, as managers send it unless they are told otherwise."""
    return (
        "\r\n".join((f"Event: {event}", *(f"{name}: {value}" for name, value in fields.items()))).encode() + b"\r\n\r\n"
    )


def join(call: str) -> bytes:
    return block("QueueCallerJoin", Queue="sales", Uniqueid=call, CallerIDNum="555", Position=1, Count=1)


def connect(call: str) -> bytes:
    return block("AgentConnect", Queue="sales", Uniqueid=call, MemberName="anna", HoldTime=0)


class Line:
    """A client and its peer; `meet` lets them talk for as long as a story lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.peer, self.shelf, self.told = folder, Peer(), Shelf(), list[str]()

    def meet(self, story: Callable[[], Awaitable[None]], secret: str = SECRET, pace: float = 20) -> None:
        async def run() -> None:
            await self.peer.open()
            self.feeder = self.shelf.feeder("pbx", "ami")
            own = {"host": "127.0.0.1", "port": self.peer.port, "user": "floor"}
            await AmiClient(own, secret, Ami(), self.feeder, Place(self.folder, "pbx"), self.told.append, pace).run()

        following(run, story)

    async def is_up(self, times: int = 1) -> None:
        await until(
            lambda: (
                self.peer.logins == times
                and self.feeder.counts.state == "connected"
                and "CoreShowChannels" in self.peer.actions
            )
        )


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


@pytest.mark.parametrize("pieces", [1, 7, 400])
def test_messages_may_come_in_any_pieces(line: Line, pieces: int) -> None:
    async def calls() -> None:
        await line.is_up()
        leave = block("QueueCallerLeave", Queue="sales", Uniqueid="1.1", Count=0, Position=1)
        complete = block(
            "AgentComplete", Queue="sales", Uniqueid="1.1", MemberName="anna", HoldTime=0, TalkTime=0, Reason="agent"
        )
        await line.peer.say(join("1.1") + leave + connect("1.1") + complete, pieces)
        await until(lambda: "contact.closed" in line.shelf.kinds())

    line.meet(calls)
    assert line.shelf.kinds() == ["contact.queued", "contact.answered", "contact.closed"]
    assert line.feeder.counts.wrong.total() == 0


def test_the_password_never_goes_over_the_line_and_a_wrong_one_is_said_without_it(line: Line) -> None:
    async def refused() -> None:
        await until(lambda: bool(line.told))

    line.meet(refused, secret="another-secret")
    assert "refuses the user or the secret" in line.told[0]
    assert line.peer.logins == 0
    assert b"another-secret" not in line.peer.heard
    assert not any("another-secret" in sentence for sentence in line.told)


def test_after_lost_time_who_waits_is_asked_and_what_is_over_has_ended(line: Line) -> None:
    async def loses() -> None:
        await line.is_up()
        await line.peer.say(join("1.1") + join("1.2") + join("1.3") + connect("1.3"))
        await until(lambda: len(line.shelf.events) == 4)
        await line.peer.close()
        await until(lambda: line.feeder.counts.state == "reconnects")
        # Meanwhile 1.1 left, 1.3 was talked to and hung up, and 1.4 came.
        line.peer.snapshot = [
            block("QueueEntry", Queue="sales", Uniqueid="1.2", Position=1, Wait=5), block("QueueEntry", Queue="sales", Uniqueid="1.4", Position=2, Wait=3),
        ]  # fmt: skip
        line.peer.channels = ["1.2", "1.4"]
        await line.peer.open()
        await until(lambda: line.shelf.kinds().count("contact.closed") == 2 and "1.4" in line.shelf.contacts())

    line.meet(loses)
    ends = {
        event["contact"]: event["type"]
        for event in line.shelf.events.values()
        if event["type"] in ("contact.left_queue", "contact.closed")
    }
    assert ends == {"1.1": "contact.closed", "1.3": "contact.closed"}
    (came,) = (event for event in line.shelf.events.values() if event["contact"] == "1.4")
    assert abs(instant_us(came["time"]) / 1e6 - (time.time() - 3)) < 5
    assert any("up again after" in sentence for sentence in line.told)


def test_without_the_right_to_see_channels_talks_go_on(line: Line) -> None:
    line.peer.channels = None

    async def talks() -> None:
        await line.is_up()
        await line.peer.say(join("1.1") + connect("1.1"))
        await until(lambda: len(line.shelf.events) == 2)
        await line.peer.close()
        await until(lambda: line.feeder.counts.state == "reconnects")
        await line.peer.open()
        await line.is_up(2)
        await asyncio.sleep(0.05)

    line.meet(talks)
    assert line.shelf.kinds() == ["contact.queued", "contact.answered"]


def test_a_peer_that_falls_silent_is_asked_and_then_given_up(line: Line) -> None:
    async def silent() -> None:
        await line.is_up()
        await until(lambda: "Ping" in line.peer.actions)
        line.peer.deaf = True
        await until(lambda: line.feeder.counts.state == "reconnects")
        line.peer.deaf = False
        await until(lambda: line.peer.logins == 2)

    line.meet(silent, pace=200)
    assert line.told


def test_who_gave_up_and_did_not_hang_up_is_told_by_the_clock(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.connectors.ami.GRACE_US", 200_000)

    async def waits() -> None:
        await line.is_up()
        await line.peer.say(join("1.1") + block("QueueCallerAbandon", Queue="sales", Uniqueid="1.1", HoldTime=0))
        await until(lambda: "contact.left_queue" in line.shelf.kinds())

    line.meet(waits)
    assert "contact.abandoned" not in line.shelf.kinds()


def test_a_busy_service_is_waited_for(line: Line) -> None:
    line.shelf.busy = 1

    async def calls() -> None:
        await line.is_up()
        await line.peer.say(join("1.1") + join("1.2"))
        await until(lambda: line.shelf.contacts() == {"1.1", "1.2"})

    line.meet(calls)
    assert line.feeder.counts.waits == 1


def test_another_process_goes_on_with_the_calls_of_the_one_before(line: Line) -> None:
    async def first() -> None:
        await line.is_up()
        await line.peer.say(join("1.1"))
        await until(lambda: len(line.shelf.events) == 1 and Place(line.folder, "pbx").path.exists())
        await line.peer.close()

    async def second() -> None:
        await until(lambda: "contact.closed" in line.shelf.kinds())
        await line.peer.close()

    line.meet(first)
    line.meet(second)  # Nobody waits any more.
    assert line.shelf.contacts() == {"1.1"}
