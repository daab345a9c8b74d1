"""The tables of escalation and how they came to be: SQLite and PostgreSQL alike.

Owns names, columns and migrations. Never a row. Law: a migration is never changed once it was released; a newer one is added.
"""

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, String, Table, Text, select

__all__ = ["acts", "alerts", "decisions", "inbox", "lease", "messages", "migrate", "refusals", "secrets", "used_links"]

_metadata = MetaData()
#: SQLite numbers rows by itself only where the key is an INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

version = Table("alert_schema", _metadata, Column("version", Integer, primary_key=True))
lease = Table(
    "alert_lease", _metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
)  # fmt: skip
secrets = Table(
    "alert_secrets", _metadata, Column("name", String(32), primary_key=True), Column("value", String(128), nullable=False)
)  # fmt: skip
inbox = Table(
    "alert_inbox", _metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("at_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("is_taken", Integer, nullable=False),
    Column("alert", String(32), nullable=False),
    Index("alert_inbox_waiting", "is_taken", "number"),
    Index("alert_inbox_alert", "alert"),
)  # fmt: skip
alerts = Table(
    "alert_alerts", _metadata,
    Column("id", String(32), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("alert_alerts_standing", "status", "opened_us"),
)  # fmt: skip
decisions = Table(
    "alert_decisions", _metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("alert", String(32), nullable=False, index=True),
    Column("at_us", BigInteger, nullable=False),
    Column("what", String(32), nullable=False),
    Column("why", Text, nullable=False),
)  # fmt: skip
messages = Table(
    "alert_messages", _metadata,
    Column("id", String(64), primary_key=True),
    Column("alert", String(32), nullable=False, index=True),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("claimed_until_us", BigInteger, nullable=False),
    Column("sent_us", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)  # fmt: skip
acts = Table(
    "alert_acts", _metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("alert", String(32), nullable=False, index=True),
    Column("at_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("answer", Text, nullable=False, index=True),
)  # fmt: skip
used_links = Table(
    "alert_used_links", _metadata, Column("id", String(64), primary_key=True), Column("at_us", BigInteger, nullable=False)
)  # fmt: skip
refusals = Table(
    "alert_refusals", _metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("why", Text, nullable=False),
)  # fmt: skip


def _first(connection: Connection) -> None:
    _metadata.create_all(
        connection, tables=[table for table in _metadata.sorted_tables if table is not version], checkfirst=False
    )
    connection.execute(lease.insert().values(name="desk", holder="", epoch=0, until_us=0, last_us=0))


#: In order; the version of a store is how many it has been through.
_MIGRATIONS = (_first,)


def migrate(connection: Connection) -> None:
    """Brings the tables to the newest form. Raises RuntimeError where they are newer than this code."""
    version.create(connection, checkfirst=True)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE alert_schema IN ACCESS EXCLUSIVE MODE")
    known = connection.execute(select(version.c.version)).scalar() or 0
    if known > len(_MIGRATIONS):
        raise RuntimeError(
            f"the alerts' store has version {known}, this program knows {len(_MIGRATIONS)}; run the newer program"
        )
    for migration in _MIGRATIONS[known:]:
        migration(connection)
    if known < len(_MIGRATIONS):
        connection.execute(version.delete())
        connection.execute(version.insert().values(version=len(_MIGRATIONS)))
