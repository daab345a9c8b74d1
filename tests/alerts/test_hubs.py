"""Two hubs as processes of their own on one PostgreSQL, the leading one killed in the middle: nothing is lost, nothing told twice."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from alerts.stage import now_us
from alerts.store import Store
from engine.alarms import Alarm
from tests.alerts.test_channels import Receiver


@contextmanager
def hub(url: str, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.alerts.hub", url, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def told(receiver: Receiver) -> Counter[tuple[str, str]]:
    """How often each message came, by its alert's thing and its channel's path."""
    return Counter(
        (event["facts"]["name"], event["message"])
        for _, body in list(receiver.got)
        for event in json.loads(body)["alerts"]
    )


def test_the_leading_hub_is_killed_and_the_other_tells_the_rest_once(postgresql: str) -> None:
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    port = receiver.server_address[1]
    store = Store(postgresql)
    names = {f"c-{number}" for number in range(200)}
    with hub(postgresql, port) as first:
        assert first.stdout is not None and first.stdout.readline() == "leads\n"
        with hub(postgresql, port) as second:
            for number, name in enumerate(sorted(names)):
                now = now_us()
                store.put([Alarm(now, "wait", "broken", "contact", name, now)])
                time.sleep(0.01)
                if number == 100:
                    first.kill()
            assert second.stdout is not None and second.stdout.readline() == "leads\n"
            until = time.monotonic() + 60
            while {name for name, _ in told(receiver)} != names and time.monotonic() < until:
                time.sleep(0.1)
    receiver.shutdown()
    receiver.server_close()
    assert {name for name, _ in told(receiver)} == names
    again = {message for (_, message), count in told(receiver).items() if count > 1}
    uncertain = {
        row["id"]
        for alert in store.listed(limit=1_000)
        for row in (store.story(alert.id) or {})["messages"]
        if row["note"]
    }
    assert again <= uncertain  # Whose sending the death interrupted, so that nobody can know; they say so.
    store.close()
