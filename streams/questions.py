"""What readers ask of the engine beside what is published each second: people one by one, the last hours by interval.

Owns: the questions that wait and the answers that are still new enough. Asked from any thread, answered on the engine's,
between its batches. Law: however many ask, the engine answers a question once in `kept_s`, and at most `QUESTIONS_MAX`
different ones wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import msgspec

from engine.history import history
from engine.people import people
from engine.times import SECOND_US

__all__ = ["PEOPLE_MAX", "QUESTIONS_MAX", "History", "People", "Question", "Questions"]

QUESTIONS_MAX = 32
#: People of one list; further ones are only counted in it.
PEOPLE_MAX = 4_096


@dataclass(frozen=True)
class People:
    """Everybody, one by one."""

    kept_s: ClassVar[float] = 1.0

    def __call__(self, engine: Any) -> Any:
        return people(engine, PEOPLE_MAX)


@dataclass(frozen=True)
class History:
    """The last hours of a rollup, or those a day or a week ago; of some shops only, where all of them would be too much."""

    rollup: str
    step_s: int
    hours: int
    ago_s: int = 0
    tenants: frozenset[str] | None = None
    kept_s: ClassVar[float] = 10.0

    def __call__(self, engine: Any) -> Any:
        count = self.hours * 3600 // self.step_s
        return history(engine, self.rollup, self.step_s * SECOND_US, count, self.ago_s * SECOND_US, self.tenants)


#: Something to be computed from the engine; equal ones are the same question.
Question: TypeAlias = People | History


class Questions:
    """`ask` from anywhere, `answer` on the engine's thread; `refused_count` says how many found no room."""

    def __init__(self, turn: Callable[[], float] = time.monotonic) -> None:
        self.refused_count = 0
        self._turn = turn
        self._lock = threading.Lock()
        self._waiting: dict[Question, Future[bytes | None]] = {}
        self._answered: dict[Question, tuple[float, bytes | None]] = {}

    def ask(self, question: Question) -> Future[bytes | None] | None:
        """JSON once it is answered; None when too many wait."""
        with self._lock:
            made, body = self._answered.get(question, (float("-inf"), None))
            if self._turn() - made < question.kept_s:
                done: Future[bytes | None] = Future()
                done.set_result(body)
                return done
            future = self._waiting.get(question)
            if future is None:
                if len(self._waiting) >= QUESTIONS_MAX:
                    self.refused_count += 1
                    return None
                future = self._waiting[question] = Future()
                future.set_running_or_notify_cancel()  # Who leaves takes it from nobody else.
            return future

    def answer(self, engine: Any) -> None:
        """Answer all that wait."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for question, future in waiting.items():
            told = question(engine)
            body = None if told is None else msgspec.json.encode(told)
            with self._lock:
                self._answered[question] = self._turn(), body
                while len(self._answered) > QUESTIONS_MAX:
                    del self._answered[next(iter(self._answered))]
            future.set_result(body)
