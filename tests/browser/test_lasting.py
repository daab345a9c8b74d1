"""The wall over time and for many, in small: `python -m benchmarks.wall` and `benchmarks.viewers` measure the same in full."""

from benchmarks.viewers import listen
from benchmarks.wall import heap_growth, marked
from tests.browser.chromium import Chromium
from tests.browser.service import Running
from tests.browser.test_wall import show


def test_a_page_that_gets_thousands_of_updates_stays_as_small_as_it_was(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        show(page, service, "overview", "en")
        first, *later = heap_growth(page, 1_800, 900, marks=1)
        assert max(later) < 1.2 * first, (first, later)
        assert page.errors == []


def test_what_happens_is_on_the_page_soon_after_its_acknowledgement(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        page.open(f"{service.address}/?language=en&queue=marked#queues")
        page.wait("document.body.dataset.version", 20)
        told = sorted(marked(service, page, 5, 0.3))
        # Half a second of disorder that is waited for, and a peak of figures to publish on a machine with other work.
        assert 0 < told[len(told) // 2] < 2.5, told


def test_many_viewers_and_one_that_reads_nothing_are_all_told_in_time(service: Running) -> None:
    heard = listen(service.port, 50, 3, sleepers=1)
    assert heard.none_count == 0
    assert heard.all_ages[len(heard.all_ages) * 99 // 100] < 1.0
