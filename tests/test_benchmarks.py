"""The benchmarks work, on little, and what they feed the engine is legal."""

from benchmarks import deadlines, escalation, intake, scrape, supervisor
from benchmarks.throughput import answer, bare, feed, measure
from benchmarks.traffic import blocks
from engine.pipeline import Engine, Settings


def test_traffic_holds_the_contacts_open_that_it_says() -> None:
    engine = Engine(Settings())
    feed(engine, blocks(contacts=90, events=4_000, per_second=20))
    assert engine.contacts.open_count() == 80
    assert not engine.counters.illegal
    assert not engine.counters.rejected


def test_the_answer_does_not_depend_on_the_size_of_batches() -> None:
    parts = list(blocks(contacts=90, events=3_000, per_second=20))
    answers = set()
    for batch_rows in (1, 100, 10_000):
        engine = Engine(Settings(batch_rows=batch_rows))
        feed(engine, parts)
        answers.add(answer(engine))
    assert len(answers) == 1


def test_bare_decoding_and_the_engine_are_given_the_same_events() -> None:
    parts = list(blocks(contacts=90, events=3_000))
    engine = Engine(Settings())
    feed(engine, parts)
    assert bare(parts) == engine.counters.events == 3_000


def test_a_measurement_gives_two_rates_and_an_answer() -> None:
    bare_rate, engine_rate, hashed, _ = measure(contacts=90, events=2_000, runs=1)
    assert bare_rate > 0
    assert engine_rate > 0
    assert len(hashed) == 12


def test_a_million_contacts_would_fit_in_half_a_gibibyte() -> None:
    engine = Engine(Settings())
    feed(engine, blocks(contacts=9_000, events=20_000, per_second=200))
    contacts = engine.contacts
    kept = (contacts.keys, contacts.states, contacts.lives, contacts.due_us, contacts.warn_us, contacts.soonest_us)
    arrays = sum(array.nbytes for array in kept) / len(contacts.keys)
    # Large arrays grow by a quarter; a name, its place in the list and its key in a table half full come on top.
    assert 1.25 * arrays + 120 + 4 * 12 < (1 << 30) / 2 / 1_000_000


def test_deadlines_are_raised_within_their_second_and_cost_nothing_while_none_is_due() -> None:
    measured = deadlines.measure(contacts=3_000, due=500)
    assert measured.raised == 500
    assert measured.lateness_s < 1
    assert len(measured.idle_s) == 10
    assert measured.adopt_s < 1


def test_a_scrape_is_measured_beside_ticks() -> None:
    measured = scrape.measure(people=50, queues=10, shops=5, contacts=1_000, runs=2)
    assert measured.samples > 1_000
    assert len(measured.render_s) == 2
    assert measured.packed_bytes < measured.text_bytes


def test_breaches_reach_the_receivers_through_the_whole_service_once() -> None:
    found = escalation.measured(1, rate=20)
    assert (len(found.delays), found.lost, found.twice, found.failures) == (20, 0, 0, 0)
    assert found.delays[0] >= 0  # Nobody hears of a breach before its instant.
    assert all(parts[0] >= 0 for parts in found.parts.values()), "the parts are in the order in which they happen"


def test_an_hour_of_a_drawn_sale_buries_no_supervisor() -> None:
    day = supervisor.played(1, per_second=1.0)
    assert day.breaches > 3_000
    assert 0 < day.deliveries["supervisor"] < 30


def test_the_intake_is_measured_and_refuses_none_of_its_events() -> None:
    measured = intake.measure(rounds=1, batches=3, senders=2, singles_s=0.2, per_second=50)
    assert (len(measured.rates), len(measured.answers_s), measured.rejected) == (1, 10, 0)
    assert min(measured.rates_of_processor) > 0
