"""A hub by itself, to be killed: `python -m tests.alerts.hub URL PORT` tells one person by a webhook on this machine."""

import sys
import time

from alerts.reading import plan_of
from alerts.stage import Stage
from alerts.store import Store

PLAN = """
channels:
  hook: {{url: "webhook+http://127.0.0.1:{port}/", private: yes, per_minute: 6000}}
  spare: {{url: "webhook+http://127.0.0.1:{port}/spare", private: yes, per_minute: 6000}}
people: {{ann: {{channels: [hook, spare]}}}}
ladders: {{floor: {{levels: [{{to: [ann], wait: 1h}}]}}}}
rules: [{{name: all, ladder: floor, by: [name]}}]
"""


def main(url: str, port: str) -> None:
    stage = Stage(plan_of(PLAN.format(port=port).encode(), "hub.yaml"), Store(url))
    stage.start()
    while stage.failure is None:
        if stage.is_leading:
            print("leads", flush=True)
        time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
