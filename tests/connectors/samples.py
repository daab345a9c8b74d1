"""Records of systems of which no recorded ones are at hand: written after their documentation, one short story each."""

from typing import Any
from urllib.parse import urlencode

__all__ = ["AMI", "AT", "QIYU", "TWILIO", "ZAMMAD", "ZENDESK", "article", "block", "push", "task", "ticket", "zen"]

#: 2026-01-01T00:00:00Z.
AT = 1_767_225_600


def block(event: str, second: float, **fields: object) -> bytes:
    """An event of AMI with timestampevents=yes."""
    lines = [
        f"Event: {event}",
        "Privilege: agent,all",
        f"Timestamp: {AT + second:.6f}",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


AMI = b"".join((
    b"Asterisk Call Manager/5.0.2\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n",
    block("QueueMemberAdded", 0, Queue="sales", MemberName="anna", Interface="SIP/1", Status=1, Paused=0),
    block("QueueCallerJoin", 1, Queue="sales", Uniqueid="1.1", CallerIDNum="555123", Position=1, Count=1),
    block("AgentCalled", 2, Queue="sales", Uniqueid="1.1", MemberName="anna", Interface="SIP/1"),
    block("QueueCallerLeave", 8, Queue="sales", Uniqueid="1.1", Count=0, Position=1),
    block("AgentConnect", 8.1, Queue="sales", Uniqueid="1.1", MemberName="anna", HoldTime=7, RingTime=5),
    block("QueueMemberStatus", 8.2, Queue="sales", MemberName="anna", Status=2, Paused=0),
    block("AgentComplete", 68.1, Queue="sales", Uniqueid="1.1", MemberName="anna", HoldTime=7, TalkTime=60, Reason="caller"),
    block("Hangup", 68.2, Uniqueid="1.1", Cause=16),
    block("QueueMemberStatus", 68.3, Queue="sales", MemberName="anna", Status=1, Paused=0),
))  # fmt: skip


def task(event: str, second: int, **fields: object) -> dict[str, Any]:
    """A callback of TaskRouter as the fields of its form."""
    return {
        "EventType": event, "Sid": f"EV{event}{second}", "AccountSid": "AC1", "Timestamp": AT + second, "TaskSid": "WT1", "TaskQueueName": "sales",
        "TaskChannelUniqueName": "voice",
    } | fields  # fmt: skip


TASKS = [
    task("task.created", 0), task("task-queue.entered", 1), task("reservation.created", 2, WorkerName="anna"),
    task("reservation.accepted", 9, WorkerName="anna"), task("task.wrapup", 60), task("task.completed", 75),
    task("worker.activity.update", 76, WorkerName="anna", WorkerActivityName="Offline"),
]  # fmt: skip
TWILIO = b"".join(urlencode(fields).encode() + b"\n" for fields in TASKS)


def clock(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}.000Z"


def article(number: int, second: int, sender: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": number, "sender": sender, "type": "email", "internal": False, "created_at": clock(second), "body": "hello", "created_by": {"login": "anna"},
    } | fields  # fmt: skip


def ticket(state: str, second: int, wrote: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    about = {
        "id": 81, "number": "10081", "state": state, "created_at": clock(0), "updated_at": clock(second), "group": {"id": 3, "name": "Service Desk"},
        "owner": {"login": "-"}, "customer": {"id": 8, "email": "emily@example.com"}, "create_article_type": "email",
    }  # fmt: skip
    return {"ticket": about | fields, "article": wrote or {}}


ZAMMAD = [
    ticket("new", 0, article(1, 0, "Customer")), ticket("open", 30, article(2, 30, "Agent")),
    ticket("pending reminder", 40, article(3, 40, "Agent", internal=True)), ticket("open", 50, article(4, 50, "Customer")),
    ticket("closed", 90, article(5, 90, "Agent"), close_at=clock(90)),
]  # fmt: skip


def zen(kind: str, second: int, event: Any = None, **fields: Any) -> dict[str, Any]:
    """A ticket event of Zendesk."""
    detail = {"id": "5158", "group_id": "9", "requester_id": "77", "status": "OPEN", "via": {"channel": "mail"}}
    return {
        "type": f"zen:event-type:{kind}", "id": f"{kind}-{second}", "time": clock(second), "account_id": 1, "detail": detail | fields, "event": event or {},
    }  # fmt: skip


def comment(body: str, staff: bool, **fields: Any) -> dict[str, Any]:
    return {
        "comment": {
            "id": "1",
            "body": body,
            "is_public": True,
            "author": {"id": "42" if staff else "77", "is_staff": staff},
        }
        | fields
    }


ZENDESK = [
    zen("ticket.created", 0), zen("ticket.comment_added", 0, comment("help", False)), zen("ticket.comment_added", 30, comment("yes", True)),
    zen("ticket.status_changed", 31, {"previous": "OPEN", "current": "PENDING"}), zen("ticket.status_changed", 40, {"previous": "PENDING", "current": "OPEN"}),
    zen("ticket.status_changed", 90, {"previous": "OPEN", "current": "SOLVED"}),
]  # fmt: skip


def push(kind: str, second: int, **fields: Any) -> dict[str, Any]:
    """A push of Qiyu with what its query says beside the fields."""
    return {"eventType": kind, "time": AT + second, "uid": "u-1", **fields}


QIYU = [
    push("SESSION_START", 0, sessionId=7, staffId=3, staffName="anna", staffType=1, code=200),
    push("MSG", 5, content="hello", staffId=3, staffName="anna", timeStamp=(AT + 5) * 1_000, msgId="m-1", msgType="TEXT"),
    push("EVA_INVITATION", 50, sessionId=7, staffId=3, staffType=1), push("SESSION_END", 60, sessionId=7, staffId=3, staffType=1, closeReason=0),
]  # fmt: skip
