"""The conditions of a policy's file: what is said is what is watched, and what makes no sense is refused with its line."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.conditions import NOW, SAMPLE, Bound, Condition
from engine.ratios import RATIOS
from engine.source import InvalidFile
from engine.times import HOUR_US, MINUTE_US
from streams.policy.command import policy
from streams.policy.conditions import CONDITIONS_MAX
from streams.policy.reading import default_policy, parse_policy
from tests.test_readme import BLOCK, LANGUAGES, TEXTS, tables

M = MINUTE_US


def read(*lines: str) -> dict[str, Condition]:
    text = "\n  ".join(("conditions:", *lines))
    return {condition.name: condition for condition in parse_policy(text.encode(), "p.yaml").conditions}


def faults(*lines: str) -> tuple[str, ...]:
    with pytest.raises(InvalidFile) as refused:
        read(*lines)
    return refused.value.faults


def test_a_condition_is_what_its_entries_say():
    found = read(
        "depth: {measure: waiting, above: 20, clear: 10, by: queue, window: 1m, for: 2m, severity: critical}",
        "service: {measure: service_level, below: 80%, by: [tenant, channel], where: {tier: [vip, ka]}, for: 5m, at_least: 20}",
        "slow: {measure: asa_s, above: 1m30s, at_least: {offered: 30}}",
        "line: {measure: first_contact_resolution, below: 92%, or: [{measure: csat_share, below: 0.94, clear: 95%}], window: 7d}",
        "surge: {measure: offered, as: times_usual, above: 1.5, usual_least: 20, window: 1h, step: 15m}",
        "chart: {measure: aht_s, as: control, above: 1, intervals: 12, window: 1h}",
    )
    depth, service, slow = found["depth"], found["service"], found["slow"]
    assert depth.any_of == (Bound("waiting", 20, True, 10),)
    assert (depth.by, depth.window_us, depth.step_us, depth.for_us) == (("queue",), M, M, 2 * M)
    assert (depth.severity, depth.place) == ("critical", "p.yaml:2")
    assert service.any_of == (Bound("service_level", 0.8, False),)
    assert (service.by, dict(service.where)) == (("tenant", "channel"), {"tier": {"vip", "ka"}})
    assert service.needs(service.any_of[0]) == (("answered", "abandoned"), 20)
    assert (slow.any_of, slow.sample) == ((Bound("asa_s", 90, True),), (("offered",), 30))
    assert found["line"].any_of == (
        Bound("first_contact_resolution", 0.92, False),
        Bound("csat_share", 0.94, False, 0.95),
    )
    assert [found["line"].needs(bound) for bound in found["line"].any_of] == [
        (("first_known",), SAMPLE),
        (("csat_count",), SAMPLE),
    ]
    assert found["surge"].any_of == (Bound("offered", 1.5, True, None, "times_usual", 20),)
    assert found["chart"].any_of == (Bound("aht_s", 1, True, None, "control", 0, 12),)
    assert found["chart"].step_us == HOUR_US


@pytest.mark.parametrize(
    ("window", "step_us"), [("30s", 30_000_000), ("30m", M), ("24h", 15 * M), ("7d", HOUR_US), ("31d", 6 * HOUR_US)]
)
def test_where_no_step_is_said_a_window_has_at_most_192(window: str, step_us: int):
    assert read(f"depth: {{measure: waiting, above: 20, window: {window}}}")["depth"].step_us == step_us


def test_the_default_conditions_stay_unless_they_are_named():
    default = {condition.name: condition for condition in default_policy().conditions}
    found = read("nps_low: none", "csat_low: {measure: csat_share, below: 80%}")
    assert found.keys() == default.keys() - {"nps_low"}
    assert found["csat_low"].any_of == (Bound("csat_share", 0.8, False),)
    assert found["queue_long"] == default["queue_long"]
    assert parse_policy(b"{}", "p.yaml").conditions == default_policy().conditions


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("odd: {measure: service_levle, below: 80%}", "'service_levle' is no measure"),
        ("odd: {measure: csat_share, below: 80%, above: 90%}", "both above and below"),
        ("odd: {measure: csat_share}", "neither above nor below"),
        ("odd: {below: 80%}", "does not say its measure"),
        ("odd: {measure: csat_share, below: 80%, clear: 70%}", "clear on the wrong side"),
        ("odd: {measure: csat_share, below: 0%}", "which nothing is"),
        ("odd: {measure: csat_share, below: 80 %}", "is no value"),
        ("odd: {measure: asa_s, above: 60}", "is not a duration"),
        ("odd: {measure: waiting, above: 5, by: shop}", "no dimension"),
        ("odd: {measure: waiting, above: 5, where: {shop: a}}", "'shop' is unknown in where"),
        ("odd: {measure: waiting, above: 5, windw: 5m}", "did you mean window?"),
        ("odd: {measure: waiting, above: 5, window: 90s, step: 1m}", "not made of whole steps"),
        ("odd: {measure: waiting, above: 5, at_least: 3}", "say of what"),
        ("odd: {measure: waiting, above: 5, severity: loud}", "no severity"),
        ("odd: {measure: waiting, above: 5, where: {period: sale}}", "no period 'sale'"),
        ("odd: {measure: waiting, above: 5, or: {measure: load}}", "neither above nor below"),
        ("odd: [waiting, 5]", "the condition odd consists of names and values"),
        ("wait: {measure: waiting, above: 5}", "the name of a limit"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(line: str, told: str):
    (fault,) = faults("fine: {measure: waiting, above: 5}", line)
    assert re.match(r"p\.yaml:3: ", fault)
    assert told in fault


def test_all_faults_are_said_at_once():
    assert len(faults("a: {measure: waiting}", "b: {measure: x, above: 1}", "a: none", "c: {measure: waiting, above: 1, by: [shop], severity: loud}")) == 5  # fmt: skip


def test_too_many_conditions_are_refused():
    lines = [f"c{number}: {{measure: waiting, above: 5}}" for number in range(CONDITIONS_MAX + 1)]
    assert "may have 200" in faults(*lines)[0]


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_readme_lists_the_default_conditions_and_every_measure(name: str):
    (listed,) = (table for table in tables(TEXTS[name]) if table[1][0] == "`queue_long`")
    default = default_policy().conditions
    assert [row[0].strip("`") for row in listed[1:]] == [condition.name for condition in default]
    for row, condition in zip(listed[1:], default, strict=True):
        # "The same" and its like stand where the row above says it.
        for bound in condition.any_of if "`" in row[1] else ():
            assert f"`{bound.measure}`" in row[1]
    assert {*NOW, *RATIOS} - set(re.findall(r"`([^`]+)`", BLOCK.sub("", TEXTS[name]))) == set()


def test_the_default_conditions_are_watched_by_a_command_that_checks_them(tmp_path: Path):
    file = tmp_path / "policy.yaml"
    file.write_text("conditions:\n  nps_low: none\n  mine: {measure: asa_s, above: 30s, clear: 20s}\n")
    told = CliRunner().invoke(policy, ["check", str(file)]).output
    assert f"{len(default_policy().conditions)} conditions" in told
    assert "asa_s above 30s until 20s" in told
