"""A centre of 4,000 people and one of 100,000 on paper: processes, memory, Kafka traffic and Prometheus series from what was measured.

Owns the arithmetic. Never measures: what is not among the figures is refused by name. What is assumed stands in `Assumed`, after the simulator's sale's peak.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.figures import Figure

__all__ = ["Assumed", "Centre", "Missing", "centre", "told"]


class Missing(Exception):
    """A figure that is needed was not measured."""


@dataclass(frozen=True)
class Assumed:
    """Of the busiest hour of a sale. `contacts_each`: open at once by person at work, waiting ones included. `busy_max`: so much of a core is planned with."""

    events_a_second_each: float = 0.65
    contacts_each: float = 6.0
    event_bytes: float = 170.0
    groups_each: float = 0.2
    series_a_group: float = 130.0
    groups_exported_max: int = 2_000
    busy_max: float = 0.6


@dataclass(frozen=True)
class Centre:
    people: int
    events_a_second: float
    open_contacts: float
    workers: int
    partitions: int
    contact_memory_mib: float
    kafka_mib_a_second: float
    hub_share: float
    series: float


def centre(people: int, figures: Mapping[str, Figure], assumed: Assumed | None = None) -> Centre:
    """Raises Missing."""
    assumed = assumed or Assumed()
    events, contacts = people * assumed.events_a_second_each, people * assumed.contacts_each
    workers = max(1, math.ceil(events / (_measured(figures, "kafka_ours") * assumed.busy_max)))
    groups = min(people * assumed.groups_each, 3 * assumed.groups_exported_max)
    return Centre(
        people=people,
        events_a_second=events,
        open_contacts=contacts,
        workers=workers,
        partitions=4 * workers,
        contact_memory_mib=contacts * _measured(figures, "memory_contact_100000") / (1 << 20),
        kafka_mib_a_second=events * assumed.event_bytes * 2 / (1 << 20),
        hub_share=events * _measured(figures, "kafka_hub_us") / 1e6,
        series=groups * assumed.series_a_group,
    )


def told(figures: Mapping[str, Figure]) -> str:
    """Both, as a table in Markdown. Raises Missing."""
    small, large = centre(4_000, figures), centre(100_000, figures)
    rows = (
        ("events a second at the peak", f"{small.events_a_second:,.0f}", f"{large.events_a_second:,.0f}"),
        ("open contacts", f"{small.open_contacts:,.0f}", f"{large.open_contacts:,.0f}"),
        ("worker processes, one core each", f"{small.workers}", f"{large.workers}"),
        ("partitions, four a worker to grow", f"{small.partitions}", f"{large.partitions}"),
        ("memory for open contacts, all workers", f"{small.contact_memory_mib:.1f} MiB", f"{large.contact_memory_mib:.0f} MiB"),
        ("Kafka, in and out, one event a record", f"{small.kafka_mib_a_second:.1f} MiB/s", f"{large.kafka_mib_a_second:.0f} MiB/s"),
        ("the hub's core is busy merging for", f"{small.hub_share:.0%}", f"{large.hub_share:.0%}"),
        ("Prometheus series", f"{small.series:,.0f}", f"{large.series:,.0f}"),
    )  # fmt: skip
    lines = ["| on paper | 4,000 people | 100,000 people |", "|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _measured(figures: Mapping[str, Figure], name: str) -> float:
    if name not in figures:
        raise Missing(f"{name} was not measured; run python -m benchmarks first")
    return figures[name].value


def main() -> None:
    from benchmarks.__main__ import KEPT
    from benchmarks.figures import load

    print(told(load(KEPT)))


if __name__ == "__main__":
    main()
