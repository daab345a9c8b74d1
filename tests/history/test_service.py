"""The running service keeps its closed intervals, and tells what is needed now."""

import json
import time
from pathlib import Path

from streams.history.store import BASE_US, Store
from tests.browser.service import Running

CALLS = 60


def test_a_running_service_keeps_its_intervals_and_a_report_reads_them_while_it_runs(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    events = [
        {
            "type": "agent.state",
            "time": now_ms - 3_000_000 + one,
            "agent": f"a-{one}",
            "state": "available",
            "queue": "desk",
        }
        for one in range(4)
    ]
    for call in range(CALLS):
        at_ms = now_ms - 2_400_000 + call * 30_000
        of = {"contact": f"c-{call}", "queue": "desk", "channel": "phone", "tenant": "shop", "agent": f"a-{call % 4}"}
        events += [
            {"type": f"contact.{kind}", "time": at_ms + after, **of}
            for kind, after in (("queued", 0), ("answered", 5_000), ("closed", 65_000))
        ]
    body = "\n".join(json.dumps(event) for event in sorted(events, key=lambda event: event["time"])).encode()
    with Running(tmp_path / "data", "--history", "default") as service:
        service.post(body)
        service.settle()
        store = Store(f"sqlite:///{tmp_path / 'data' / 'history.sqlite'}")
        until = time.monotonic() + 120
        while time.monotonic() < until and store.span("queue") is None:
            time.sleep(0.2)
        span = store.span("queue")
        assert span is not None
        kept = sum(int(one.packed.sums_of("offered").sum()) for one in store.read("queue", BASE_US, *span))
        # All that came in quarters of an hour that are over.
        closed_ms = span[1] // 1_000
        assert kept == sum(event["time"] < closed_ms for event in events if event["type"] == "contact.queued")
        while time.monotonic() < until and not service.get("/api/v1/now").get("capacity", {}).get("queues"):
            time.sleep(0.2)
        facts = service.get("/api/v1/now")
        (row,) = facts["capacity"]["queues"]
        assert (row["queue"], row["present"], row["breaking"]) == ("desk", 4, row["service_level"] < 0.8)
        assert facts["history"]["written"] > 0
        assert facts["history"]["failed"] == 0
        store.close()
