"""A running `floorwatch run` with a peak in it, that can be stopped and started again on the same port and folder.

Owns: the process, and a sender that keeps its time moving. Never looks at a page.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

__all__ = ["Running"]

READY_S = 300
"""A first start compiles the engine before it says that it is ready."""
BEAT_S = 1.0


class Running:
    """Use as a context. `address` is where it serves."""

    def __init__(self, folder: Path, *options: str, token: str | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.address = f"http://127.0.0.1:{self.port}"
        self._command = [
            sys.executable,
            "-m",
            "streams",
            "run",
            "--port",
            str(self.port),
            "--data",
            str(folder),
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Running:
        try:
            self.start()
        except BaseException:
            self.stop()  # Nobody will leave what was never entered.
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            try:
                if self.get("/readyz")["ready"]:
                    return
            except OSError:
                time.sleep(0.05)
            if self._process.poll() is not None:
                raise RuntimeError(f"The service ended with {self._process.returncode}.")
        raise TimeoutError(f"The service was not ready after {READY_S} s.")

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Kills it: what it does on its own accord is tested elsewhere."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def get(self, path: str) -> Any:
        """A JSON answer."""
        request = urllib.request.Request(self.address + path, headers=self._headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def post(self, body: bytes) -> dict[str, Any]:
        """Sends events; the answer. Raises AssertionError when any was rejected."""
        request = urllib.request.Request(f"{self.address}/v1/events", body, self._headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            told: dict[str, Any] = json.load(answer)
        assert not told["rejected_count"], told
        return told

    def settle(self) -> None:
        """Lets time move from now on, and waits until what was sent is in the figures, and these are of the present."""
        threading.Thread(target=self._beat, daemon=True).start()
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            facts = self.get("/api/v1/now")
            service = facts["service"]
            if facts["groups"].get("total") and service["sent_us"] - facts["watermark_us"] < 5_000_000:
                return
            time.sleep(0.2)
        raise TimeoutError(f"The figures were not of the present after {READY_S} s.")

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                self.post(
                    json.dumps(
                        {"type": "source.heartbeat", "time": time.time_ns() // 1_000_000, "source": "peak"}
                    ).encode()
                )
            except OSError:
                continue  # Stopped for a while: the next one finds it again.
