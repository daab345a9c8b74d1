"""Laws of the service of which a planted fault (tests/mutations.py) showed that no other test was sure to hold them."""

from pathlib import Path

from engine.events import decode
from engine.keys import PUBLIC
from engine.pipeline import Settings
from streams.journal import Batch, Journal
from streams.keeper import Keeper
from streams.settings import ServiceSettings

S = 1_000_000


def test_what_only_the_clock_made_late_is_late_again_in_the_replay(tmp_path: Path) -> None:
    #  event of 100 s, the clock held | event of 101 s, when the clock stood at 200 s: late for nobody else's sake
    journal = Journal(tmp_path / "journal.sqlite")
    journal.start()
    lived, replayed = (
        Keeper(journal, ServiceSettings(data=tmp_path), Settings(disorder_bound_us=500_000), PUBLIC, tell=print)
        for _ in range(2)
    )
    for event_s, clock_s in ((100, 0), (101, 200)):
        body = b'{"type":"contact.opened","time":%d,"contact":"c%d"}' % (event_s * 1_000, event_s)
        batch = journal.append(Batch(body, lines=1, clock_us=clock_s * S)).result()
        lived.take(batch, [decode(body)])
    replayed.open(now_us=0)
    assert list(replayed.replay()) == [1, 2]
    journal.close()
    assert lived.engine.counters.late == replayed.engine.counters.late == 1
    assert lived.engine.watermark_us == replayed.engine.watermark_us
