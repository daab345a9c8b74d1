"""The tables of the interval history and how they came to be: SQLite and PostgreSQL alike.

Owns names, columns and migrations. Never a row. Law: a migration is never changed once it was released; a newer one is added.
"""

from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, MetaData, String, Table, Text, select

__all__ = ["groups", "mailings", "migrate", "windows"]

_metadata = MetaData()
_Number = BigInteger().with_variant(Integer, "sqlite")

version = Table("interval_schema", _metadata, Column("version", Integer, primary_key=True))
#: The groups of each rollup by number; `names` is a JSON list of the values of its dimensions.
groups = Table(
    "interval_groups", _metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("rollup", String(128), nullable=False),
    Column("names", Text, nullable=False),
)  # fmt: skip
#: One row a window and rollup, with all of its groups: see `streams.history.packing`. `revision` counts from 1; each correction is one more.
windows = Table(
    "interval_windows", _metadata,
    Column("rollup", String(128), primary_key=True),
    Column("size_us", BigInteger, primary_key=True),
    Column("start_us", BigInteger, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("written_us", BigInteger, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip
#: Reports that are sent by e-mail: see `streams.history.mailings`.
mailings = Table(
    "interval_mailings", _metadata,
    Column("name", String(64), primary_key=True),
    Column("from_us", BigInteger, primary_key=True),
    Column("until_us", BigInteger, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("holder", String(32), nullable=False),
    Column("claimed_until_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False),
)  # fmt: skip


def _first(connection: Connection) -> None:
    _metadata.create_all(connection, tables=[groups, windows], checkfirst=False)


def _second(connection: Connection) -> None:
    _metadata.create_all(connection, tables=[mailings], checkfirst=False)


#: In order; the version of a store is how many it has been through.
_MIGRATIONS = (_first, _second)


def migrate(connection: Connection) -> None:
    """Brings the tables to the newest form. Raises RuntimeError where they are newer than this code."""
    version.create(connection, checkfirst=True)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE interval_schema IN ACCESS EXCLUSIVE MODE")
    known = connection.execute(select(version.c.version)).scalar() or 0
    if known > len(_MIGRATIONS):
        raise RuntimeError(
            f"the interval history has version {known}, this program knows {len(_MIGRATIONS)}; run the newer program"
        )
    for migration in _MIGRATIONS[known:]:
        migration(connection)
    if known < len(_MIGRATIONS):
        connection.execute(version.delete())
        connection.execute(version.insert().values(version=len(_MIGRATIONS)))
