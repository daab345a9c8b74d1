"""Delivery to a running service by HTTP: batches of NDJSON, patience when it is busy, a count of everything.

Owns the connection and the retries. Never prints the token and never gives a batch up in silence.
Law: delivered + rejected + given up = lines handed in.
"""

import http.client
import json
import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from streams.simulate.pace import Stop, rest

__all__ = ["GaveUpError", "HttpSink", "Tally"]

PATH = "/v1/events"
TIMEOUT_S = 30.0
BACKOFF_S, BACKOFF_S_MAX = 0.2, 10.0
RETRY_AFTER_S_MAX = 60.0
STOP_GRACE_S = 5.0
ANSWER_BYTES_MAX = 4 << 20
TOO_LARGE, TOO_MANY = 413, 429


class GaveUpError(Exception):
    """The service could not be reached, or refused for good; the text is one sentence for the user."""


@dataclass(slots=True)
class Tally:
    """Lines by what became of them, and how often a request was repeated."""

    delivered: int = 0
    rejected: int = 0
    given_up: int = 0
    retries: int = 0


class HttpSink:
    """Posts to `base`/v1/events over one kept connection.

    429 waits as long as the service asks, other trouble backs off; after `patience_s` without success the
    sink gives up and says so. A batch that is too large is halved. Raises `ValueError` for an address that is
    none.
    """

    def __init__(self, base: str, token: str = "", patience_s: float = 300.0) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"The address {base!r} is none; give one like http://127.0.0.1:8080.")
        if parts.username or parts.password:
            raise ValueError("An address holds no password; put the token into FLOORWATCH_TOKEN.")
        self.address = f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self.path = parts.path.rstrip("/").removesuffix(PATH) + PATH
        self.headers = {"Content-Type": "application/x-ndjson"}
        if not all("!" <= sign <= "~" for sign in token):
            raise ValueError("The token holds a character that no header may carry.")
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self.patience_s = patience_s
        self.tally = Tally()

    def send(self, lines: list[bytes], stop: Stop) -> None:
        """Deliver the batch, or raise `GaveUpError` after counting it as given up."""
        status, answer = self._post_until_settled(lines, stop)
        if status == TOO_LARGE and len(lines) > 1:
            middle = len(lines) // 2
            try:
                self.send(lines[:middle], stop)
            except GaveUpError:
                self.tally.given_up += len(lines) - middle
                raise
            self.send(lines[middle:], stop)
        elif status in (200, 202):
            rejected = min(_count(answer, "rejected_count"), len(lines))
            self.tally.rejected += rejected
            self.tally.delivered += len(lines) - rejected
        elif status in (400, 422, TOO_LARGE):
            self.tally.rejected += len(lines)
        else:
            self._give_up(lines, f"{self.address} refused the events with status {status}{_hint(status)}.")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _post_until_settled(self, lines: list[bytes], stop: Stop) -> tuple[int, bytes]:
        body = b"".join(lines)
        begun_s, backoff_s = time.monotonic(), BACKOFF_S
        while True:
            status, answer, wait_s = self._post(body)
            if status and status != TOO_MANY and status < 500:
                return status, answer
            # A stopped run still tries for a moment, so that what it has begun is not lost to one busy
            # answer.
            patience_s = STOP_GRACE_S if stop.is_set() else self.patience_s
            if time.monotonic() - begun_s > patience_s:
                trouble = f"answered {status}" if status else answer.decode()
                self._give_up(lines, f"{self.address} {trouble} for {patience_s:.0f} s.")
            self.tally.retries += 1
            pause_s = wait_s if wait_s is not None else backoff_s * (0.5 + random.random() / 2)
            (time.sleep if stop.is_set() else lambda seconds: rest(stop, seconds))(min(pause_s, patience_s))
            backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)

    def _post(self, body: bytes) -> tuple[int, bytes, float | None]:
        """Status, body and the wanted wait; status 0 and the trouble in words when nothing came back."""
        try:
            self.connection.request("POST", self.path, body, self.headers)
            response = self.connection.getresponse()
            answer = response.read(ANSWER_BYTES_MAX)
            if not response.isclosed():
                self.connection.close()
            return response.status, answer, _retry_after_s(response.getheader("Retry-After"))
        except (OSError, http.client.HTTPException) as trouble:
            self.connection.close()
            return 0, f"could not be reached ({type(trouble).__name__})".encode(), None

    def _give_up(self, lines: list[bytes], sentence: str) -> None:
        self.tally.given_up += len(lines)
        raise GaveUpError(sentence)


def _retry_after_s(value: str | None) -> float | None:
    if not value:
        return None
    try:
        wait_s = float(value)
    except ValueError:
        try:
            wait_s = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    # The comparison also turns a NaN into the smallest wait.
    return min(wait_s, RETRY_AFTER_S_MAX) if wait_s > 0.01 else 0.01


def _count(answer: bytes, name: str) -> int:
    try:
        parsed: Any = json.loads(answer)
        return max(int(parsed.get(name, 0)), 0)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return 0


def _hint(status: int) -> str:
    return " (set FLOORWATCH_TOKEN to the service's token)" if status in (401, 403) else ""
