"""What escalation keeps: alarms that came, alerts, decisions, messages, acts; in SQLite, or in PostgreSQL by its URL.

Owns the transactions, and the lease by which one of several hubs leads. Never decides. Law: what one step of the desk made is kept whole or
not at all, and only by the hub that holds the lease at that moment; an alarm, an act and a message are each kept once.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, create_engine, event, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from alerts import tables
from alerts.alert import LIVE, Act, Alert, Decision, Message, Outcome
from alerts.rows import add, change, put
from engine.alarms import Alarm

__all__ = ["ALARMS_AT_ONCE", "LEASE_US", "Lost", "Sending", "Store", "StoreError"]

LEASE_US = 10_000_000
"""So long after its last sign a hub is taken for dead."""
ALARMS_AT_ONCE = 5_000
ACTS_AT_ONCE = 500
KEPT_US = 31 * 86_400_000_000
"""Ended alerts with their stories, and the names of alarms that came, are kept for so long unless somebody says otherwise."""
StoreError = SQLAlchemyError

PENDING, SENDING, SENT, CANCELLED, MERGED, GIVEN_UP = "pending", "sending", "sent", "cancelled", "merged", "given_up"


class Lost(Exception):
    """Another hub leads; nothing was kept."""


@dataclass
class Sending:
    """A message on its way: which of the person's channels is next, how often all of them failed, when it is tried."""

    message: Message
    state: str = PENDING
    channel: str = ""
    place: int = 0
    rounds: int = 0
    next_us: int = 0
    claimed_until_us: int = 0
    sent_us: int = 0
    note: str = ""

    def row(self) -> dict[str, Any]:
        """As the table has it."""
        return {
            "id": self.message.id, "alert": self.message.alert, "body": _json(self.message), "state": self.state,
            "channel": self.channel, "place": self.place, "rounds": self.rounds, "next_us": self.next_us,
            "claimed_until_us": self.claimed_until_us, "sent_us": self.sent_us, "note": self.note,
        }  # fmt: skip


@dataclass
class Standing:
    """What a hub that begins to lead goes on with."""

    alerts: list[Alert]
    sendings: list[Sending]
    last_us: int
    sent_lately: list[tuple[str, int]] = field(default_factory=list)
    """Channels and instants of what went out in the last minute."""


class Store:
    """`url` as SQLAlchemy has it, such as `sqlite:///alerts.sqlite`. Raises StoreError where it cannot be used."""

    def __init__(self, url: str, *, kept_us: int = KEPT_US) -> None:
        self.kept_us = kept_us
        self.holder = secrets.token_hex(16)
        self.epoch = 0
        self._engine = create_engine(url, pool_pre_ping=True, **({} if url.startswith("sqlite") else {"pool_size": 4}))
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _as_we_like_it)
            event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        with self._engine.begin() as connection:
            tables.migrate(connection)

    def close(self) -> None:
        """Lets another hub lead at once, and closes."""
        if self.epoch:
            with self._engine.begin() as connection:
                connection.execute(
                    update(tables.lease)
                    .where(tables.lease.c.holder == self.holder, tables.lease.c.epoch == self.epoch)
                    .values(until_us=0)
                )
        self._engine.dispose()

    def secret(self, name: str) -> bytes:
        """Bytes that all hubs share, drawn by the first one that asks."""
        with self._engine.begin() as connection:
            add(connection, tables.secrets, [{"name": name, "value": secrets.token_hex(32)}])
            found = connection.execute(select(tables.secrets.c.value).where(tables.secrets.c.name == name)).scalar_one()
            return bytes.fromhex(found)

    # What any hub may do.

    def put(self, alarms: Iterable[Alarm], connection: Connection | None = None) -> None:
        """Keeps alarms that are to be taken, within a transaction if one is given; those that came before are left out."""
        rows = [
            {"id": alarm.id, "at_us": alarm.at_us, "body": _json(alarm), "is_taken": 0, "alert": ""} for alarm in alarms
        ]
        with nullcontext(connection) if connection is not None else self._engine.begin() as within:
            add(within, tables.inbox, rows)

    def put_act(self, act: Act, at_us: int) -> None:
        """Keeps what somebody did; the same act again changes nothing."""
        with self._engine.begin() as connection:
            add(connection, tables.acts, [
                {"id": act.id, "alert": act.alert, "at_us": at_us, "body": _json(act), "answer": ""}
            ])  # fmt: skip

    def answer(self, act: str) -> str:
        """What became of an act, "" while nobody took it."""
        with self._engine.begin() as connection:
            return connection.execute(select(tables.acts.c.answer).where(tables.acts.c.id == act)).scalar() or ""

    def use_link(self, link: str, at_us: int) -> bool:
        """Whether it was not used before."""
        with self._engine.begin() as connection:
            return add(connection, tables.used_links, [{"id": link, "at_us": at_us}]) == 1

    def refuse(self, what: str, why: str, at_us: int) -> None:
        """Records that somebody was refused."""
        with self._engine.begin() as connection:
            connection.execute(tables.refusals.insert().values(at_us=at_us, what=what[:200], why=why[:200]))

    def refusals(self) -> list[dict[str, Any]]:
        """The newest 100."""
        with self._engine.begin() as connection:
            return _rows(
                connection.execute(select(tables.refusals).order_by(tables.refusals.c.number.desc()).limit(100))
            )

    def listed(self, *, live_only: bool = True, limit: int = 200) -> list[Alert]:
        """Alerts, the newest first."""
        query = select(tables.alerts.c.body).order_by(tables.alerts.c.opened_us.desc()).limit(limit)
        if live_only:
            query = query.where(tables.alerts.c.status.in_(LIVE))
        with self._engine.begin() as connection:
            return [msgspec.json.decode(body, type=Alert) for (body,) in connection.execute(query)]

    def counts(self) -> dict[tuple[str, str], int]:
        """Alerts by status and severity, of those that are kept."""
        table = tables.alerts.c
        with self._engine.begin() as connection:
            query = select(table.status, table.severity, func.count()).group_by(table.status, table.severity)
            return {(status, severity): count for status, severity, count in connection.execute(query)}

    def story(self, alert: str) -> dict[str, Any] | None:
        """All that is known of an alert: itself, its alarms, decisions, messages and acts, in their order."""
        with self._engine.begin() as connection:
            body = connection.execute(select(tables.alerts.c.body).where(tables.alerts.c.id == alert)).scalar()
            if body is None:
                return None
            inbox, said, sent, done = tables.inbox.c, tables.decisions.c, tables.messages.c, tables.acts.c
            alarms = connection.execute(
                select(inbox.body).where(inbox.alert == alert).order_by(inbox.number).limit(1_000)
            ).scalars()
            return {
                "alert": msgspec.json.decode(body),
                "alarms": [msgspec.json.decode(alarm) for alarm in alarms],
                "decisions": _rows(connection.execute(
                    select(said.at_us, said.what, said.why).where(said.alert == alert).order_by(said.number).limit(5_000)
                )),
                "messages": [
                    msgspec.json.decode(row.pop("body")) | row
                    for row in _rows(connection.execute(
                        select(sent.body, sent.state, sent.channel, sent.rounds, sent.sent_us, sent.note)
                        .where(sent.alert == alert).order_by(sent.next_us, sent.id).limit(5_000)
                    ))
                ],
                "acts": [
                    msgspec.json.decode(row.pop("body")) | row
                    for row in _rows(connection.execute(
                        select(done.body, done.at_us, done.answer).where(done.alert == alert).order_by(done.number)
                    ))
                ],
            }  # fmt: skip

    # What the hub does that leads.

    def lead(self, now_us: int) -> Standing | None:
        """Begins to lead where nobody does. None while another hub does."""
        table = tables.lease.c
        with self._engine.begin() as connection:
            taken = connection.execute(
                update(tables.lease)
                .where(
                    table.name == "desk",
                    (table.until_us < now_us)
                    | (table.until_us > now_us + 10 * LEASE_US)
                    | (table.holder == self.holder),
                )
                .values(holder=self.holder, epoch=table.epoch + 1, until_us=now_us + LEASE_US)
            )
            if taken.rowcount != 1:
                return None
            self.epoch, last_us = connection.execute(select(table.epoch, table.last_us)).one()
            return self._standing(connection, now_us, last_us)

    @contextmanager
    def leading(self, now_us: int) -> Iterator[Connection]:
        """A transaction of the leading hub, which prolongs its lease. Raises Lost where another one leads."""
        table = tables.lease.c
        with self._engine.begin() as connection:
            held = connection.execute(
                update(tables.lease)
                .where(table.holder == self.holder, table.epoch == self.epoch)
                .values(until_us=now_us + LEASE_US, last_us=now_us)
            )
            if held.rowcount != 1:
                raise Lost
            yield connection

    def waiting(self, connection: Connection) -> tuple[list[Alarm], list[Act]]:
        """Alarms and acts that nobody took yet, the oldest first."""
        inbox, done = tables.inbox.c, tables.acts.c
        alarms = connection.execute(
            select(inbox.body).where(inbox.is_taken == 0).order_by(inbox.number).limit(ALARMS_AT_ONCE)
        ).scalars()
        acts = connection.execute(
            select(done.body).where(done.answer == "").order_by(done.number).limit(ACTS_AT_ONCE)
        ).scalars()
        return [msgspec.json.decode(body, type=Alarm) for body in alarms], [
            msgspec.json.decode(body, type=Act) for body in acts
        ]

    def keep(self, connection: Connection, outcome: Outcome, alarms: Sequence[Alarm]) -> None:
        """What a step made of some alarms. The messages are kept as `save` is told."""
        change(connection, tables.inbox, [
            {"id": alarm.id, "is_taken": 1, "alert": outcome.taken.get(alarm.id, "")} for alarm in alarms
        ])  # fmt: skip
        for act, answer in outcome.answers.items():
            connection.execute(update(tables.acts).where(tables.acts.c.id == act).values(answer=answer))
        rows = [
            {"id": alert.id, "status": alert.status, "severity": alert.severity, "opened_us": alert.opened_us,
             "ended_us": alert.ended_us, "body": _json(alert)}
            for alert in outcome.changed.values()
        ]  # fmt: skip
        put(connection, tables.alerts, rows)
        self.say(connection, outcome.decisions)

    def say(self, connection: Connection, decisions: Iterable[Decision]) -> None:
        """Keeps decisions that were made about messages."""
        add(connection, tables.decisions, [_plain(one) for one in decisions])

    def save(self, connection: Connection, sendings: Iterable[Sending]) -> None:
        """Keeps messages as they stand."""
        put(connection, tables.messages, [sending.row() for sending in sendings])

    def tidy(self, connection: Connection, now_us: int) -> None:
        """Forgets what is older than `kept_us`, a few thousand rows at a time."""
        before_us = now_us - self.kept_us
        old = connection.execute(
            select(tables.alerts.c.id)
            .where(tables.alerts.c.ended_us > 0, tables.alerts.c.ended_us < before_us)
            .limit(1_000)
        ).scalars().all()  # fmt: skip
        for table in (tables.inbox, tables.decisions, tables.messages, tables.acts):
            connection.execute(table.delete().where(table.c.alert.in_(old)))
        connection.execute(tables.alerts.delete().where(tables.alerts.c.id.in_(old)))
        connection.execute(
            tables.inbox.delete().where(
                tables.inbox.c.alert == "", tables.inbox.c.is_taken == 1, tables.inbox.c.at_us < before_us
            )
        )
        for aged in (tables.used_links, tables.refusals):
            connection.execute(aged.delete().where(aged.c.at_us < before_us))

    def _standing(self, connection: Connection, now_us: int, last_us: int) -> Standing:
        alerts, sent = tables.alerts.c, tables.messages.c
        lately = alerts.ended_us > min(now_us, last_us) - 86_400_000_000
        bodies = connection.execute(select(alerts.body).where(alerts.status.in_(LIVE) | lately)).scalars().all()
        rows = connection.execute(select(tables.messages).where(sent.state.in_((PENDING, SENDING)))).mappings()
        sendings = [
            Sending(
                msgspec.json.decode(row["body"], type=Message),
                **{name: row[name] for name in ("state", "channel", "place", "rounds", "next_us", "claimed_until_us")},
            )
            for row in rows
        ]
        went = connection.execute(
            select(sent.channel, sent.sent_us).where(sent.state == SENT, sent.sent_us > now_us - 60_000_000)
        ).all()
        return Standing(
            [msgspec.json.decode(body, type=Alert) for body in bodies],
            sendings,
            last_us,
            [(channel, at_us) for channel, at_us in went],
        )


def _as_we_like_it(connection: Any, record: object) -> None:
    connection.isolation_level = None  # We begin transactions ourselves.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _plain(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def _rows(result: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in result.mappings()]
