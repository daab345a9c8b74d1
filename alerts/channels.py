"""The ways by which messages go out: Apprise's, and of ours e-mail, a signed webhook and PagerDuty's events.

Owns the sending of one delivery, in the calling thread, with a limit of time. Never decides what is sent, never tries again, never tells an
address or a secret. Law: a refusal to connect is a failure of the delivery like any other, with its reason.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import apprise
import msgspec
import requests
from apprise.attachment.memory import AttachMemory

from alerts.addresses import guarded
from alerts.mail import MAIL, mailed
from alerts.plan import Channel

__all__ = ["SIGNATURE", "Delivery", "send"]

TIMEOUT_S = (4.0, 8.0)
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
SIGNATURE = "X-Floorwatch-Signature"
_AGENT = {"User-Agent": "Floorwatch", "Content-Type": "application/json"}
_WEBHOOK, _PAGERDUTY = "webhook+", "pagerduty+"


@dataclass(frozen=True)
class Delivery:
    """What goes out at once. `id` is the same when it is tried again; `events` say the same for machines; `pages` are attached to
    e-mail: names of files and HTML."""

    id: str
    channel: str
    title: str
    body: str
    severity: str = "warning"
    kind: str = "opened"
    messages: tuple[str, ...] = ()
    events: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    pages: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def send(channel: Channel, delivery: Delivery) -> str:
    """Sends, and returns "" or why it failed. Raises nothing."""
    carry = next((carry for begin, carry in _OURS if channel.url.startswith(begin)), _by_apprise)
    with guarded(private=channel.private == "yes") as refused:
        try:
            failure = carry(channel, delivery)
        except Exception as error:  # Whatever a library raises on a bad answer is a failure of this delivery.
            failure = type(error).__name__
    return f"the address {refused[0]} is not public; allow it with private: yes" if refused else failure


def _by_apprise(channel: Channel, delivery: Delivery) -> str:
    service = apprise.Apprise.instantiate(channel.url, suppress_exceptions=True)
    if service is None:
        return "the channel's address is none that Apprise knows"
    kind = {"info": apprise.NotifyType.INFO, "warning": apprise.NotifyType.WARNING}
    is_sent = service.notify(
        title=delivery.title,
        body=delivery.body,
        notify_type=apprise.NotifyType.SUCCESS if delivery.kind == "ended" else kind.get(delivery.severity, apprise.NotifyType.FAILURE),
        body_format=apprise.NotifyFormat.TEXT,
        **_attached(delivery),
    )  # fmt: skip
    return "" if is_sent else "the service did not take it"


def _attached(delivery: Delivery) -> dict[str, Any]:
    pages = [
        AttachMemory(content=page, name=name, mimetype="text/html")  # type: ignore[no-untyped-call]
        for name, page in delivery.pages
    ]
    return {"attach": apprise.AppriseAttachment(pages)} if pages else {}


def _by_webhook(channel: Channel, delivery: Delivery) -> str:
    """`POST` of JSON; with a secret, the header has `t=SECONDS,v1=HMAC-SHA256(secret, SECONDS.body)` in hex."""
    body = msgspec.json.encode({
        "id": delivery.id, "title": delivery.title, "body": delivery.body, "severity": delivery.severity,
        "alerts": delivery.events,
    })  # fmt: skip
    headers = {**_AGENT, "X-Floorwatch-Delivery": delivery.id}
    if channel.secret_file:
        seconds = str(int(time.time()))
        signed = hmac.new(channel.secret_file.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"t={seconds},v1={signed}"
    return _posted(channel.url.removeprefix(_WEBHOOK), body, headers)


def _by_pagerduty(channel: Channel, delivery: Delivery) -> str:
    """One event an alert, by Events v2; `pagerduty+https://ROUTING_KEY`, or `…@HOST/PATH` for another receiver."""
    key, _, other = channel.url.removeprefix(_PAGERDUTY).partition("://")[2].partition("@")
    scheme = channel.url.removeprefix(_PAGERDUTY).partition("://")[0]
    for told in delivery.events:
        event: dict[str, Any] = {
            "routing_key": key, "dedup_key": told["id"],
            "event_action": "resolve" if told["kind"] == "ended" else "trigger",
        }  # fmt: skip
        if told["kind"] != "ended":
            severity = told["severity"]
            event["payload"] = {"summary": told["title"][:1024], "source": "floorwatch", "severity": severity,
                                "custom_details": told["facts"]}  # fmt: skip
        failure = _posted(f"{scheme}://{other}" if other else PAGERDUTY, msgspec.json.encode(event), _AGENT)
        if failure:
            return failure
    return ""


def _posted(url: str, body: bytes, headers: dict[str, str]) -> str:
    with requests.post(
        url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
    ) as answer:
        return "" if 200 <= answer.status_code < 300 else f"the receiver answered {answer.status_code}"


_OURS: tuple[tuple[str, Callable[[Channel, Delivery], str]], ...] = (
    (_WEBHOOK, _by_webhook),
    (MAIL, lambda channel, delivery: mailed(channel.url, delivery.title, delivery.body, delivery.id, delivery.pages)),
    (_PAGERDUTY, _by_pagerduty),
)
