"""What escalation tells Prometheus is what the one catalogue says: neither knows the other, and this holds them together."""

from alerts.measures import Measures
from dashboards.escalation import ESCALATION


def test_every_figure_of_escalation_is_in_the_catalogue_as_it_is_told() -> None:
    told = {
        family.name: (family.type, family.documentation)
        for family in Measures()._registry.collect()
        if not family.name.endswith("_created")
    }
    assert told == {metric.family: (metric.kind, metric.english) for metric in ESCALATION}


def test_their_labels_are_those_of_the_catalogue() -> None:
    measures = Measures()
    labelled = {
        collector._name: collector._labelnames for collector in vars(measures).values() if hasattr(collector, "_labelnames")
    }  # fmt: skip
    assert labelled == {metric.family: metric.labels for metric in ESCALATION}
