"""The wall over time and for many, in small: `python -m benchmarks.wall` and `benchmarks.viewers` measure the same in full."""

from benchmarks.viewers import listen
from benchmarks.wall import growth, marked
from tests.browser.chromium import Chromium
from tests.browser.service import Running
from tests.browser.test_wall import show


def test_a_page_that_gets_thousands_of_updates_stays_as_small_as_it_was(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        show(page, service, "overview", "en")
        first, *later = growth(page, 1_800, 900, marks=1)
        assert all(size < 1.2 * before for size, before in zip(later[-1], first, strict=True)), (first, later)
        assert page.errors == []


def test_what_happens_is_on_the_page_soon_after_its_acknowledgement(chromium: Chromium, service: Running) -> None:
    with chromium.page() as page:
        page.open(f"{service.address}/?language=en&queue=marked#queues")
        page.wait("document.body.dataset.version", 60)
        told = marked(service, page, 5, 0.3)
        # How soon is for the benchmark to say: this machine may have other work.
        assert all(0 < seconds < 60 for seconds in told), told


def test_many_viewers_are_all_told_beside_one_that_reads_nothing(service: Running) -> None:
    for seconds in (3, 10, 30, 60):
        fewest = min(map(len, listen(service.port, 50, seconds, sleepers=1).ages))
        if fewest > 1:
            break
    assert fewest > 1, "whoever reads goes on being told"
