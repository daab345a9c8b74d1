"""The house around the code: what the packages, the Makefile and the lock files claim is so."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("engine", "streams", "dashboards", "alerts")
CODE = (*PACKAGES, "benchmarks", "tests")
UNKEPT = {".git", ".venv", "build", "data", "__pycache__", "floorwatch.egg-info"}
BIN = Path(sys.executable).parent


def kept_files() -> Iterator[Path]:
    """Every file that belongs to the project: what is built, cached or recorded while running is left out."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name for name in folders if name not in UNKEPT and not name.endswith("_cache") and name != ".hypothesis"
        ]
        yield from (Path(folder, name) for name in names if not name.endswith((".sqlite", ".log")))


# Packages.


def test_the_packages_listed_are_the_packages_that_exist() -> None:
    found = {
        str(path.parent.relative_to(ROOT)).replace(os.sep, ".")
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(found)


def test_files_that_are_not_python_are_installed_too() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    for path in kept_files():
        folder = path.relative_to(ROOT).parent
        if folder.parts[:1] and folder.parts[0] in PACKAGES and path.suffix != ".py":
            patterns = data.get(".".join(folder.parts), [])
            assert any(path.match(pattern) for pattern in patterns), f"{path} would be missing once installed"


#: What may be imported of ours, package by package: one way, from the streams to the engine.
ALLOWED = {
    "engine": {"engine"},
    "dashboards": {"dashboards", "engine"},
    "alerts": {"alerts", "engine"},
    "streams": {"streams", "dashboards", "alerts", "engine"},
}
#: Modules by which a clock, dice, or the world outside would come in.
WORLD = {"asyncio", "logging", "os", "pathlib", "random", "secrets", "socket", "sqlite3", "subprocess", "sys", "threading",
         "time", "urllib", "starlette", "uvicorn"}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        assert imports(path) & set(CODE) <= ALLOWED[package], path


def test_the_engine_reaches_neither_a_clock_nor_dice_nor_the_world() -> None:
    for path in (ROOT / "engine").rglob("*.py"):
        if path.name != "compiled.py":  # It reads the engine's own source, to know whether its machine code is of it.
            assert not imports(path) & WORLD, path


@pytest.mark.parametrize("folder", CODE)
def test_every_file_opens_by_saying_what_it_owns(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        source = path.read_text("utf-8")
        if source.strip():
            assert ast.get_docstring(ast.parse(source)), path


def test_the_version_is_the_same_wherever_it_is_said() -> None:
    version = PROJECT["project"]["version"]
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[1] == version  # type: ignore[index]
    said = subprocess.run([BIN / "floorwatch", "--version"], capture_output=True, text=True, check=True).stdout
    assert said.split()[-1] == version


# Make.

TARGETS = ("setup", "setup-kafka", "run", "test", "fuzz", "bench", "bench-full", "soak", "lock", "clean", "help")


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_every_target_and_lists_it(target: str) -> None:
    assert subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=False).returncode == 0
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +\S", listed, re.MULTILINE)


@pytest.mark.parametrize(
    ("version", "modules", "said"),
    [((3, 10), True, "needs Python 3.11 or newer"), ((3, 12), False, "cannot make virtual environments")],
    ids=["too old", "without venv"],
)
def test_an_unfit_python_is_refused_in_one_sentence(
    version: tuple[int, int], modules: bool, said: str, tmp_path: Path
) -> None:
    # A python3 that is of that version, or cannot import what makes environments.
    python = tmp_path / "python3"
    check = (
        f"import sys; sys.version_info = {version}; exec(sys.argv[2])"
        if modules
        else "import sys; sys.exit('ensurepip' in sys.argv[2])"
    )
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c {shlex.quote(check)} "$@"\n')
    python.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-build.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    made = subprocess.run(
        ["make", "setup", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert made.returncode != 0
    sentences = [line for line in made.stderr.splitlines() if not line.startswith("make")]
    assert len(sentences) == 1
    assert said in sentences[0]
    assert not (tmp_path / ".venv").exists()


def test_continuous_integration_runs_the_tests_as_everybody_does() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert re.search(r"^make test\b", script.read_text("utf-8"), re.MULTILINE)


# Lock files.

PINNED = re.compile(r"([a-z0-9-]+)==([^\s;]+)( ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")


def locked(name: str) -> dict[str, str]:
    """Versions by package; every line of the file that is no comment must belong to a pin with its hashes."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)
    assert PINNED.sub("", text).strip() == "", f"{name} holds more than pins with hashes"
    return {canonicalize_name(pin[1]): pin[2] for pin in PINNED.finditer(text)}


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-kafka.lock", PROJECT["project"]["optional-dependencies"]["kafka"]),
        ("requirements-dev.lock", PROJECT["project"]["optional-dependencies"]["dev"]),
        ("requirements-build.lock", PROJECT["build-system"]["requires"]),
    ],
)
def test_every_dependency_is_locked_to_a_version_that_fits(name: str, required: list[str]) -> None:
    pins = locked(name)
    for text in required:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), text


def test_tests_run_with_the_versions_that_users_run_with() -> None:
    run, cluster, tests = (locked(f"requirements{name}.lock").items() for name in ("", "-kafka", "-dev"))
    assert run <= cluster <= tests


def test_one_machine_is_not_burdened_with_what_only_a_cluster_needs() -> None:
    assert not {"aiokafka", "faust-streaming", "kafka-python"} & locked("requirements.lock").keys()


def test_where_the_packages_for_kafka_are_missing_the_commands_say_so_and_the_others_work() -> None:
    without = "import sys; sys.modules |= dict.fromkeys(('aiokafka', 'faust', 'kafka')); from streams.cli import main; main(sys.argv[1:])"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", without, *words], capture_output=True, text=True, check=False)

    for words in (("topics", "lag", "--json"), ("deadletter", "show", "3")):
        refused = run(*words)
        assert refused.returncode == 1
        assert refused.stderr == f"Error: {words[0]} needs the packages for Kafka; make setup-kafka installs them.\n"
    listed = run("--help")
    assert listed.returncode == 0
    assert "make setup-kafka" in listed.stdout
    assert run("policy", "default").returncode == 0


# Files.

#: Cut in two, so that this file does not name them itself.
FOREIGN = ("/wo" "rk/", "/ro" "ot/", "/ho" "me/", "/Us" "ers/", "/tmp/ba" "sh_jobs", "pypi" ".org", "pythonhosted" ".org",
           "--index" "-url http", "--find" "-links ")  # fmt: skip


def test_no_file_names_a_machines_paths_or_a_registry() -> None:
    for path in kept_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for name in FOREIGN:
            assert name.encode() not in content, f"{path} names {name}"
