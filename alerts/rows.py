"""Many rows in one statement: in SQLite one that runs for each, in PostgreSQL one way to the server with all of them as JSON.

Owns these statements, made once for each table. Never begins a transaction. Law: names of tables and columns come from `alerts.tables` only.
"""

from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, Table, TextClause, text

__all__ = ["add", "change", "put"]

Rows = list[dict[str, Any]]


def add(connection: Connection, table: Table, rows: Rows) -> int:
    """Adds the rows that are not there yet, and returns how many."""
    return _run(connection, table, rows, "ON CONFLICT DO NOTHING")


def put(connection: Connection, table: Table, rows: Rows) -> int:
    """Adds rows, or changes those that have the same `id`."""
    if not rows:
        return 0
    changed = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name != "id")
    return _run(connection, table, rows, f"ON CONFLICT (id) DO UPDATE SET {changed}")


def change(connection: Connection, table: Table, rows: Rows) -> int:
    """Changes the rows that have the same `id`."""
    if not rows:
        return 0
    names = tuple(name for name in rows[0] if name != "id")
    if connection.dialect.name == "sqlite":
        return int(connection.execute(_changing(table, names), rows).rowcount)
    return int(connection.execute(_changing_all(table, names), {"rows": _json(rows)}).rowcount)


def _run(connection: Connection, table: Table, rows: Rows, otherwise: str) -> int:
    if not rows:
        return 0
    names = tuple(rows[0])
    if connection.dialect.name == "sqlite":
        return int(connection.execute(_adding(table, names, otherwise), rows).rowcount)
    return int(connection.execute(_adding_all(table, names, otherwise), {"rows": _json(rows)}).rowcount)


@lru_cache(maxsize=64)
def _adding(table: Table, names: tuple[str, ...], otherwise: str) -> TextClause:
    values = ", ".join(f":{name}" for name in names)
    return text(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) {otherwise}")  # noqa: S608 - see the law.


@lru_cache(maxsize=64)
def _adding_all(table: Table, names: tuple[str, ...], otherwise: str) -> TextClause:
    columns = ", ".join(names)
    return text(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {_records(table, names)} {otherwise}")  # noqa: S608


@lru_cache(maxsize=64)
def _changing(table: Table, names: tuple[str, ...]) -> TextClause:
    changed = ", ".join(f"{name} = :{name}" for name in names)
    return text(f"UPDATE {table.name} SET {changed} WHERE id = :id")  # noqa: S608


@lru_cache(maxsize=64)
def _changing_all(table: Table, names: tuple[str, ...]) -> TextClause:
    changed = ", ".join(f"{name} = new.{name}" for name in names)
    records = _records(table, ("id", *names))
    return text(f"UPDATE {table.name} AS old SET {changed} FROM {records} WHERE old.id = new.id")  # noqa: S608


def _records(table: Table, names: tuple[str, ...]) -> str:
    kinds: dict[Any, str] = {BigInteger: "bigint", Integer: "integer"}
    columns = ", ".join(f"{name} {kinds.get(type(table.c[name].type), 'text')}" for name in names)
    return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS new({columns})"


def _json(rows: Rows) -> str:
    return msgspec.json.encode(rows).decode()
