"""A real Prometheus and Alertmanager beside a running service, with the files that `floorwatch dashboards build` writes.

Owns starting, asking and ending them. Everything is on free ports of this machine, in a folder of the test.
"""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dashboards.build import Places, files_of
from engine.policy import Policy
from tests.streams.test_run import Service, running

__all__ = ["Monitoring", "monitoring", "until"]

Found = TypeVar("Found")
_PROGRAMS = {"prometheus": ("prometheus",), "alertmanager": ("prometheus-alertmanager", "alertmanager")}


def until(find: Callable[[], Found], seconds: float = 40) -> Found:
    """What is found once it is there."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.3)
    return found


@dataclass
class Monitoring:
    """The three, and where they are."""

    service: Service
    prometheus: str
    alertmanager: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query. Fails for one that Prometheus refuses."""
        answer = _asked(f"{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        assert answer["status"] == "success", answer
        return answer["data"]["result"]  # type: ignore[no-any-return]

    def value(self, expression: str) -> float | None:
        """The one value, None where there is none."""
        found = self.query(expression)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def rules(self) -> list[dict[str, Any]]:
        groups = _asked(f"{self.prometheus}/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def alerts(self) -> list[dict[str, str]]:
        """Labels of the alerts that Alertmanager has."""
        return [alert["labels"] for alert in _asked(f"{self.alertmanager}/api/v2/alerts")]

    def scraped_again(self) -> None:
        """Returns once Prometheus has scraped and evaluated twice more."""
        before = self.value("count_over_time(floorwatch_ready[1h])") or 0
        until(lambda: (self.value("count_over_time(floorwatch_ready[1h])") or 0) >= before + 2)


@contextmanager
def monitoring(folder: Path, policy: Policy) -> Iterator[Monitoring]:
    """All three, the service empty."""
    ports = [_free_port() for _ in range(3)]
    alertmanager, prometheus = (f"http://127.0.0.1:{port}" for port in ports[:2])
    with ExitStack() as stack:
        options = ("--alertmanager", alertmanager, "--agent-series", "--alerts", "default")
        service = stack.enter_context(running(folder / "data", *options))
        places = Places(service.url, prometheus, alertmanager)
        for name, text in files_of(policy, places).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            # As often as it goes: the test must not wait for what a floor has time for.
            (folder / name).write_text(
                text.replace("_interval: 15s", "_interval: 1s").replace("  interval: 15s", "  interval: 1s"), "utf-8"
            )
        stack.enter_context(_program("alertmanager", folder, [
            f"--config.file={folder}/alertmanager/alertmanager.yml", f"--storage.path={folder}/am",
            f"--web.listen-address=127.0.0.1:{ports[0]}", "--cluster.listen-address=",
        ]))  # fmt: skip
        # First, or what Prometheus tells at its start is told again only a minute later.
        until(lambda: _is_ready(f"{alertmanager}/-/ready"))
        stack.enter_context(_program("prometheus", folder, [
            f"--config.file={folder}/prometheus/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{ports[1]}", "--rules.alert.resend-delay=2s",
        ]))  # fmt: skip
        until(lambda: _is_ready(f"{prometheus}/-/ready"))
        yield Monitoring(service, prometheus, alertmanager)


@contextmanager
def _program(name: str, folder: Path, options: list[str]) -> Iterator[None]:
    path = next((found for program in _PROGRAMS[name] if (found := shutil.which(program))), None)
    assert path, f"{name} is missing; install the Debian packages prometheus and prometheus-alertmanager"
    with (
        (folder / f"{name}.log").open("wb") as log,
        subprocess.Popen([path, *options], stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def _asked(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{urllib.parse.unquote(url)}: {error.read().decode()}") from None


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
