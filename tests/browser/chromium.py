"""A real Chromium without a window, driven over the pipe that it opens for debuggers: no driver, no port, no package.

Owns: the browser's process and its pages. Never knows what is on a page. Whatever a page says to its console as an error, and
whatever it throws, is kept in `errors`.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import signal
import tempfile
import threading
from itertools import count
from pathlib import Path
from typing import Any

__all__ = ["ANSWER_S", "Chromium", "Page"]

ANSWER_S = 30
_FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--hide-scrollbars", "--mute-audio",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--force-color-profile=srgb", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


class Chromium:
    """The browser; `close` ends it and removes its profile. Use as a context."""

    def __init__(self) -> None:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if path is None:
            raise RuntimeError("There is no Chromium here; install the package chromium, as .ci/run does.")
        self._profile = tempfile.mkdtemp(prefix="floorwatch-chromium-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        nothing = os.open(os.devnull, os.O_RDWR)
        self._process = os.posix_spawn(
            path,
            [path, *_FLAGS, *sandbox, f"--user-data-dir={self._profile}", "about:blank"],
            os.environ | {"HOME": self._profile},
            file_actions=[
                # Out of the way first: one of them may be 3 or 4 itself.
                (os.POSIX_SPAWN_DUP2, theirs_in, 203), (os.POSIX_SPAWN_DUP2, theirs_out, 204),
                (os.POSIX_SPAWN_DUP2, 203, 3), (os.POSIX_SPAWN_DUP2, 204, 4),
                *((os.POSIX_SPAWN_DUP2, nothing, fd) for fd in (0, 1, 2)),
            ],
            setpgroup=0,
        )  # fmt: skip
        for fd in (theirs_in, theirs_out, nothing):
            os.close(fd)
        self._numbers = count(1)
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends this browser and its children, which are a process group of their own."""
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def page(self, width: int = 1920, height: int = 1080, *, phone: bool = False, language: str = "en") -> Page:
        """A new page of that size."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.ask("Emulation.setLocaleOverride", locale=language)
        page.resize(width, height, phone=phone)
        return page

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result. Raises RuntimeError for a refusal, queue.Empty without an answer."""
        number = next(self._numbers)
        answer = self._answers[number] = queue.SimpleQueue()
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(message).encode() + b"\0")
        told = answer.get(timeout=ANSWER_S)
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']['message']}")
        result: dict[str, Any] = told["result"]
        return result

    def _read(self) -> None:
        rest = b""
        while part := os.read(self._in, 1 << 20):
            *messages, rest = (rest + part).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    self._answers.pop(message["id"]).put(message)
                elif message.get("sessionId") in self._pages:
                    self._pages[message["sessionId"]].hear(message["method"], message["params"])
        os.close(self._in)


class Page:
    """One page; `errors` has what it threw and what it wrote to its console as an error."""

    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        self.errors: list[str] = []
        self._browser = browser
        self._session = session
        self._target = target

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.ask("Target.closeTarget", targetId=self._target)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command for this page."""
        return self._browser.ask(method, self._session, **parameters)

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Another screen."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1,
                 mobile=phone)  # fmt: skip

    def open(self, address: str) -> None:
        """Goes there; the page may still be filling itself."""
        self.ask("Page.navigate", url=address)

    def tell(self, expression: str) -> Any:
        """What an expression of JavaScript comes to; a promise is awaited. Raises RuntimeError for what it throws."""
        told = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"].get("exception", {}).get("description", "it threw"))
        return told["result"].get("value")

    def wait(self, condition: str, within_s: float = 10) -> None:
        """Until the expression is true. Raises TimeoutError."""
        for _ in range(int(within_s * 20)):
            try:
                if self.tell(f"Boolean({condition})"):
                    return
            except RuntimeError:
                pass  # Between two documents there is nothing to ask.
            threading.Event().wait(0.05)
        raise TimeoutError(f"after {within_s} s this is still false: {condition}; errors: {self.errors}")

    def picture(self, path: Path) -> None:
        """A screenshot."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = self.ask("Page.captureScreenshot", format="png", optimizeForSpeed=True)
        path.write_bytes(base64.b64decode(told["data"]))

    def press(self, key: str) -> None:
        """A key, pressed and let go."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def hear(self, method: str, told: dict[str, Any]) -> None:
        """An event of the protocol."""
        if method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(one.get("value", one.get("description"))) for one in told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
