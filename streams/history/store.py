"""The store of closed windows: written by one service, read by reports, plans and the wall's trends.

Owns its transactions and how long windows are kept. Never divides. Law: a window has one row a rollup and size; what changes it later replaces it under
the next number, and the same figures again change nothing.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import create_engine, event, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import InvalidSetting
from engine.times import DAY_US, MINUTE_US
from engine.windows import Figures
from streams.history import tables
from streams.history.packing import Packed, pack

__all__ = ["BASE_US", "FINE_ROLLUPS", "FINE_US", "KEPT_US", "Kept", "Store", "StoreError"]

#: Every rollup is kept in windows of this size, of which greater ones are sums.
BASE_US = 15 * MINUTE_US
#: What trends are drawn of is kept finer besides, for as long as they look back.
FINE_US = 5 * MINUTE_US
FINE_ROLLUPS = ("total", "tenant")
KEPT_US = {BASE_US: 400 * DAY_US, FINE_US: 15 * DAY_US}
#: Windows that are read at one go, which bounds the memory of a report.
_READ = 96
StoreError = SQLAlchemyError


@dataclass(frozen=True)
class Kept:
    """A window as it stands. `revision` 1 is its first form."""

    start_us: int
    revision: int
    packed: Packed


class Store:
    """`url` as SQLAlchemy has it, such as `sqlite:///history.sqlite`. Raises StoreError where it cannot be used. `engine` is
    SQLAlchemy's, for what else is kept beside the windows."""

    def __init__(self, url: str) -> None:
        try:
            self.engine = create_engine(url, pool_pre_ping=True)
        except (SQLAlchemyError, ImportError) as error:
            raise InvalidSetting(
                f"the history's URL cannot be used ({type(error).__name__}); write it like sqlite:///history.sqlite or "
                "postgresql+pg8000://user@host/database"
            ) from None
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _as_we_like_it)
            event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        with self.engine.begin() as connection:
            tables.migrate(connection)
        self._numbers: dict[tuple[str, tuple[str, ...]], int] = {}

    def close(self) -> None:
        """Lets go of the database."""
        self.engine.dispose()

    def put(
        self, rollup: str, size_us: int, starts_us: Sequence[int], figures: Figures, names: Sequence[tuple[str, ...]]
    ) -> int:
        """Keeps windows as `engine.windows.collect` gives them, `names` by its groups; returns how many are new or differ from what was kept.
        One without a row is kept too, for it says that nothing happened."""
        if size_us not in KEPT_US:
            raise InvalidSetting(f"windows of {size_us} µs are not kept; only of {', '.join(map(str, KEPT_US))}")
        bounds = np.searchsorted(figures.windows, np.arange(len(starts_us) + 1))
        new, changed = [], 0
        with self.engine.begin() as connection:
            numbers = np.array(self._numbered(connection, rollup, names), np.int64)
            known = self._known(connection, rollup, size_us, starts_us)
            for window, start_us in enumerate(starts_us):
                rows = slice(int(bounds[window]), int(bounds[window + 1]))
                body = pack(figures, rows, numbers[figures.groups[rows]]).body()
                digest = hashlib.blake2b(body, digest_size=16).hexdigest()
                before, revision = known.get(start_us, ("", 0))
                if digest == before:
                    continue
                told = {"revision": revision + 1, "written_us": time.time_ns() // 1_000, "digest": digest, "body": body}
                if revision:
                    of, changed = tables.windows.c, changed + 1
                    connection.execute(
                        tables.windows.update()
                        .where(of.rollup == rollup, of.size_us == size_us, of.start_us == start_us)
                        .values(**told)
                    )
                else:
                    new.append({"rollup": rollup, "size_us": size_us, "start_us": start_us, **told})
            if new:
                connection.execute(insert(tables.windows), new)
        return changed + len(new)

    def read(self, rollup: str, size_us: int, from_us: int, until_us: int) -> Iterator[Kept]:
        """Windows that begin from `from_us` on and before `until_us`, in their order."""
        of = tables.windows.c
        query = (
            select(of.start_us, of.revision, of.body)
            .where(of.rollup == rollup, of.size_us == size_us, of.start_us >= from_us, of.start_us < until_us)
            .order_by(of.start_us)
        )
        with self.engine.connect() as connection:
            for start_us, revision, body in connection.execution_options(yield_per=_READ).execute(query):
                yield Kept(start_us, revision, Packed.of(body))

    def names(self, rollup: str) -> dict[int, tuple[str, ...]]:
        """The groups of a rollup by number."""
        of = tables.groups.c
        with self.engine.connect() as connection:
            rows = connection.execute(select(of.number, of.names).where(of.rollup == rollup)).all()
        return {number: tuple(msgspec.json.decode(names)) for number, names in rows}

    def span(self, rollup: str, size_us: int = BASE_US) -> tuple[int, int] | None:
        """From the first window that is kept to the end of the last one."""
        of = tables.windows.c
        query = select(func.min(of.start_us), func.max(of.start_us)).where(of.rollup == rollup, of.size_us == size_us)
        with self.engine.connect() as connection:
            first, last = connection.execute(query).one()
        return None if first is None else (int(first), int(last) + size_us)

    def rollups(self) -> list[str]:
        """The rollups of which there is anything."""
        of = tables.windows.c
        with self.engine.connect() as connection:
            return sorted(connection.execute(select(of.rollup).where(of.size_us == BASE_US).distinct()).scalars())

    def tidy(self, newest_us: int) -> None:
        """Forgets windows that are older than they are kept; `newest_us` is when the newest begins."""
        of = tables.windows.c
        with self.engine.begin() as connection:
            for size_us, kept_us in KEPT_US.items():
                connection.execute(
                    tables.windows.delete().where(of.size_us == size_us, of.start_us < newest_us - kept_us)
                )

    def _known(
        self, connection: Any, rollup: str, size_us: int, starts_us: Sequence[int]
    ) -> dict[int, tuple[str, int]]:
        """Digests and revisions of windows by their beginnings."""
        of = tables.windows.c
        query = select(of.start_us, of.digest, of.revision).where(
            of.rollup == rollup, of.size_us == size_us, of.start_us >= min(starts_us), of.start_us <= max(starts_us)
        )
        return {start_us: (digest, revision) for start_us, digest, revision in connection.execute(query)}

    def _numbered(self, connection: Any, rollup: str, names: Sequence[tuple[str, ...]]) -> list[int]:
        if any((rollup, name) not in self._numbers for name in names):
            of = tables.groups.c
            known = connection.execute(select(of.names, of.number).where(of.rollup == rollup)).all()
            self._numbers |= {(rollup, tuple(msgspec.json.decode(text))): number for text, number in known}
            for name in names:
                if (rollup, name) not in self._numbers:
                    text = msgspec.json.encode(name).decode()
                    made = connection.execute(insert(tables.groups).values(rollup=rollup, names=text))
                    self._numbers[rollup, name] = made.inserted_primary_key[0]
        return [self._numbers[rollup, name] for name in names]


def _as_we_like_it(connection: Any, record: object) -> None:
    connection.isolation_level = None  # We begin transactions ourselves.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")
