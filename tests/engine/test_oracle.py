"""The engine equals the oracle, bit for bit, whatever happened and however it came in."""

from hypothesis import given

from tests.engine.running import assert_equal_to_the_oracle, oracle, run, sources_of
from tests.histories import centres, in_order, scripts
from tests.reference import Adopt, Advance, Arrival, End

S = 1_000_000


@given(centres())
def test_a_legal_history_in_order_gives_the_oracles_figures(happenings):
    script = in_order(happenings)
    assert_equal_to_the_oracle(run(script), oracle(script), 20 * S, 20 * S)


@given(scripts(legal=False))
def test_illegal_late_and_doubled_events_from_several_sources_give_the_oracles_figures(
    script: list[Arrival | Advance | End | Adopt],
):
    names = sources_of(script)
    assert_equal_to_the_oracle(run(script, named=names), oracle(script, named=names), 20 * S, 20 * S)
