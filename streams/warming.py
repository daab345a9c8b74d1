"""Machine code made ahead: what the engine compiles when it is first used is compiled before a service says that it is ready.

Owns a few invented events, which go every way there is through engines of their own. Never touches the engine that serves, and leaves nothing
but machine code, which is kept beside the source. Law: behind it no event, tick, snapshot, policy or reader waits for a compiler.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from engine.compiled import config
from engine.events import Vocabulary, decode
from engine.exported import exported
from engine.pipeline import Engine
from streams.figures import live_settings
from streams.policy.reading import default_policy

__all__ = ["COLD", "warm"]

COLD = "The engine is compiled for this machine, once; it takes a minute or two, and is then kept where there is room for it."
_DISORDER_US = 500_000
_BEGIN_MS, _STEP_MS = 1_767_247_200_000, 30_000
#: So long after each other that every table, clock and measure has something to do.
_EVENTS = (
    '"type":"agent.state","agent":"a","state":"available","slots":2',
    '"type":"contact.opened","contact":"c","customer":"k","queue":"q","channel":"app","tenant":"t","category":"x"',
    '"type":"contact.queued","contact":"c","queue":"q"',
    '"type":"message.customer","contact":"c"',
    '"type":"contact.answered","contact":"c","agent":"a"',
    '"type":"message.agent","contact":"c","agent":"a"',
    '"type":"case.opened","case":"s","kind":"complaint","contact":"c"',
    '"type":"promise.made","promise":"p","due":1767250800000,"contact":"c"',
    '"type":"quality.scored","contact":"c","agent":"a","passed":false,"critical_errors":1',
    '"type":"contact.closed","contact":"c","resolved":true',
    '"type":"contact.rated","contact":"c","csat":2,"nps":3',
    '"type":"message.customer","contact":"m","channel":"email","tenant":"t"',
    '"type":"contact.queued","contact":"w","queue":"q","channel":"phone"',
)
_once = threading.Lock()
_is_warm = False


def warm(tell: Callable[[str], None]) -> None:
    """Makes it, or reads what is kept; once in a process. `tell` hears when there is nothing yet."""
    global _is_warm
    with _once:
        if _is_warm:
            return
        if not next(Path(config.CACHE_DIR).glob("**/*.nbc"), None):
            tell(COLD)
        settings = live_settings(default_policy(), _DISORDER_US)
        engine = Engine(settings)
        _play(engine, _BEGIN_MS)
        engine.adopt(settings.policy)
        # What was saved comes back in arrays of another make.
        _play(Engine.restore(engine.snapshot(), settings), _BEGIN_MS + len(_EVENTS) * _STEP_MS)
        _is_warm = True


def _play(engine: Engine, begin_ms: int) -> None:
    lines = (
        f'{{"time":{at_ms},"id":"{at_ms}",{event}}}'
        for at_ms, event in zip(range(begin_ms, 2 * begin_ms, _STEP_MS), _EVENTS, strict=False)
    )
    engine.absorb(decode("\n".join(lines).encode(), source="warming", vocabulary=Vocabulary(engine.secret)))
    engine.take_alarms()
    engine.now()
    exported(engine, 1)
