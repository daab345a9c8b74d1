"""All connectors by name, and one made with what its settings say."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from engine.errors import InvalidSetting
from streams.connectors.amazon_connect import AmazonConnect
from streams.connectors.ami import Ami
from streams.connectors.base import Connector
from streams.connectors.chatwoot import Chatwoot
from streams.connectors.cloudevents import CloudEvents
from streams.connectors.public import Public
from streams.connectors.qiyu import Qiyu
from streams.connectors.queue_log import QueueLog
from streams.connectors.record import Options
from streams.connectors.table import Table
from streams.connectors.twilio import Twilio
from streams.connectors.zammad import Zammad
from streams.connectors.zendesk import Zendesk

__all__ = ["CONNECTORS", "connector_named"]

CONNECTORS: Mapping[str, type[Connector]] = {
    kind.name: kind
    for kind in (Chatwoot, QueueLog, Ami, Twilio, AmazonConnect, Zammad, Zendesk, Qiyu, Table, CloudEvents, Public)
}


def connector_named(name: str, options: Options | None = None, own: Mapping[str, Any] | None = None) -> Connector:
    """A new connector. Raises InvalidSetting where there is none of that name."""
    if name not in CONNECTORS:
        near = get_close_matches(name, CONNECTORS, 1)
        right = f"did you mean {near[0]}?" if near else f"choose from {', '.join(CONNECTORS)}"
        raise InvalidSetting(f"{name!r} is no connector; {right}")
    return CONNECTORS[name](options, own)
