"""What a process answered to a scrape, held to the one catalogue."""

from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

from dashboards.catalogue import METRICS

__all__ = ["scraped"]

_BY_FAMILY = {metric.family: metric for metric in METRICS.values()}
#: What prometheus-client tells beside each histogram and counter of its own: when it began.
_BEGAN = "_created"


def scraped(url: str, token: str = "") -> set[str]:
    """The names of the metrics that were told. Fails for a family, a type, an explanation or a label that the catalogue has otherwise."""
    with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"} if token else {}), timeout=60) as answer:
        text = answer.read().decode()
    found = set()
    for family in text_string_to_metric_families(text):
        if family.name.endswith(_BEGAN):
            continue
        assert family.name in _BY_FAMILY, f"{family.name} is in no catalogue"
        metric = _BY_FAMILY[family.name]
        assert (family.type, family.documentation) == (metric.kind, metric.english), family.name
        labels = {label for sample in family.samples for label, value in sample.labels.items() if value}
        assert labels <= set(metric.all_labels), f"{family.name} has {sorted(labels)}"
        found.add(metric.name)
    return found
