"""Imports point one way: the engine knows nobody, whoever shows or alerts knows only the engine, the commands compose."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("engine", "streams", "dashboards", "alerts", "benchmarks", "tests")
MAY = {
    "engine": {"engine"},
    "dashboards": {"engine", "dashboards"},
    "alerts": {"engine", "alerts"},
    "streams": {"engine", "streams"},
}
#: The command line and the service put the parts together.
COMPOSING = {
    Path("streams") / name
    for name in ("cli.py", "dashboards_command.py", "mailing.py", "run.py", "service.py", "serving.py", "__main__.py")
}
#: What would be I/O, a clock, dice or a thread in the engine.
NOT_IN_THE_ENGINE = {
    "asyncio",
    "io",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "sqlite3",
    "subprocess",
    "threading",
    "time",
}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            yield node.module or ""


@pytest.mark.parametrize("package", MAY)
def test_imports_point_one_way(package: str):
    for path in sorted((ROOT / package).rglob("*.py")):
        if path.relative_to(ROOT) not in COMPOSING:
            ours = {name.split(".")[0] for name in _imported(path)} & set(OURS)
            assert ours <= MAY[package], f"{path.relative_to(ROOT)} imports {sorted(ours - MAY[package])}"


def test_the_engine_does_no_io_asks_no_clock_and_rolls_no_dice():
    for path in sorted((ROOT / "engine").rglob("*.py")):
        if path.name == "compiled.py":  # It reads the engine's own source, to know whether its machine code is of it.
            continue
        found = {name.split(".")[0] for name in _imported(path)} & NOT_IN_THE_ENGINE
        assert not found, f"{path.name} imports {sorted(found)}"
        calls = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        assert not calls & {"open", "print", "input", "datetime.now", "datetime.utcnow", "date.today"}, path.name


def test_the_oracle_shares_nothing_with_the_engine():
    assert not {name for name in _imported(ROOT / "tests" / "reference.py") if name.split(".")[0] == "engine"}
