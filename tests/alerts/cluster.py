"""A real PostgreSQL of one's own: a cluster in a temporary folder, reached by a socket in it, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cluster"]


def _programs() -> Path:
    """Where Debian's package has them; they are on nobody's path."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("initdb")
    assert found, "PostgreSQL is missing; install the package postgresql"
    return Path(found).parent


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of an empty database. The server refuses to be root's, so root lends it to another user."""
    folder = Path(tempfile.mkdtemp(prefix="floorwatch-pg-"))
    user = None
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        shutil.chown(folder, user)
    programs, data = _programs(), folder / "data"

    def run(*command: object) -> None:
        subprocess.run([str(word) for word in command], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    try:
        run(programs / "initdb", "-D", data, "-U", "floor", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -k {folder} -c fsync=off -c max_connections=50"
        run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql+pg8000://floor@/postgres?unix_sock={folder}/.s.PGSQL.5432"
        finally:
            run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
