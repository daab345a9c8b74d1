"""The READMEs are true: their commands run as written, their tables list what the code has, and both languages say the same.

Lines beginning with `$` in `console` blocks are executed in a temporary folder, in their order, by a shell; the lines after one must
be in what it prints, `…` standing for anything. A command that goes on (`make run`, `floorwatch run`) is started on a free
port, awaited until it is ready, and ended before the next of its kind. `make` works in the checkout; `make test`, which is
what runs this, and `make bench`, which takes minutes, are only asked what they would do.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.definitions import SHIPPED
from engine.events import DIMENSIONS, TYPES
from engine.measures import SERVICE_LEVELS
from engine.pipeline import Settings
from engine.times import duration_us
from streams.policy.reading import default_policy
from streams.report import COLUMNS
from streams.settings import ServiceSettings
from tests.streams.replaying import replay

ROOT = Path(__file__).parents[1]
LANGUAGES = ("README.md", "README.zh-CN.md")
TEXTS = {name: (ROOT / name).read_text("utf-8") for name in LANGUAGES}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORT = "8080"
GOES_ON = re.compile(r"(make|floorwatch) run\b")
ONLY_ASKED = ("make test", "make bench")


@dataclass(frozen=True)
class Command:
    """A command as a reader would type it, and the lines that he is told to expect."""

    typed: str
    expected: tuple[str, ...]


def commands(text: str) -> list[Command]:
    found: list[Command] = []
    for language, block in BLOCK.findall(text):
        if language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                typed, *expected = part.splitlines()
                found.append(Command(typed, tuple(expected)))
    return found


def tables(text: str) -> list[list[list[str]]]:
    """Tables as rows of cells, without the header's rule."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    split = [[[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()] for table in found]
    return [[row for row in table if set("".join(row)) != {"-"}] for table in split]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def first_columns(text: str) -> list[list[str]]:
    """Of each table, what its first column names."""
    return [[name for row in table[1:] for name in named(row[0])] for table in tables(text)]


# The commands.


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(folder: Path) -> dict[str, str]:
    """The commands' path: what is installed beside this Python, and a curl in Python where the machine has none."""
    path = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if shutil.which("curl") is None:
        (folder / "bin").mkdir()
        stand_in = folder / "bin" / "curl"
        stand_in.write_text(CURL.format(python=sys.executable))
        stand_in.chmod(0o755)
        path.insert(0, str(stand_in.parent))
    kept = {
        name: value for name, value in os.environ.items() if name not in ("FLOORWATCH_TOKEN", "MAKEFLAGS", "MAKELEVEL")
    }
    return kept | {"PATH": os.pathsep.join(path)}


#: As much of curl as the READMEs use: an address, headers, data.
CURL = """#!{python}
import sys, urllib.error, urllib.request
words, headers, data, address = iter(sys.argv[1:]), {{}}, None, ""
for word in words:
    if word == "-H":
        name, _, value = next(words).partition(": ")
        headers[name] = value
    elif word == "--data-binary":
        data = next(words).encode()
    elif not word.startswith("-"):
        address = word
try:
    answer = urllib.request.urlopen(urllib.request.Request(address, data, headers))
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.buffer.write(answer.read())
"""


class Reader:
    """Somebody who follows a README from top to bottom in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = environment(folder)
        self.running: subprocess.Popen[bytes] | None = None
        self.port = PORT

    def follow(self, command: Command) -> None:
        folder = ROOT if command.typed.startswith("make ") else self.folder
        if GOES_ON.match(command.typed):
            self.start(command, folder)
            return
        typed = command.typed.replace(f":{PORT}", f":{self.port}")
        if typed.startswith(ONLY_ASKED):
            typed = typed.replace("make ", "make --dry-run ", 1)
        done = subprocess.run(
            typed, shell=True, cwd=folder, env=self.environment, capture_output=True, timeout=60, check=False
        )
        said = (done.stderr + done.stdout).decode()
        assert done.returncode == 0, f"{typed}\n{said}"
        assert tells(said, command.expected), f"{typed}\n{said}"

    def start(self, command: Command, folder: Path) -> None:
        self.stop()
        self.port = str(free_port())
        on_port = f" OPTIONS='--port {self.port}'" if command.typed.startswith("make") else f" --port {self.port}"
        self.running = subprocess.Popen(
            command.typed + on_port, shell=True, cwd=folder, env=self.environment, stdout=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        assert self.running.stdout is not None
        line = self.running.stdout.readline().decode().replace(f":{self.port}", f":{PORT}")
        assert tells(line, command.expected), f"{command.typed}\n{line}"
        until(lambda: answers(f"http://127.0.0.1:{self.port}/readyz"))

    def stop(self) -> None:
        """Ctrl-C: the signal goes to all that was started."""
        if self.running is not None:
            os.killpg(self.running.pid, signal.SIGINT)
            self.running.communicate(timeout=60)
            self.running = None


def tells(said: str, expected: tuple[str, ...]) -> bool:
    """Every expected line is there, in this order."""
    pattern = ".*?".join(".*?".join(map(re.escape, line.split("…"))) for line in expected)
    return re.search(pattern, said, re.DOTALL) is not None


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    (folder / "tests").symlink_to(ROOT / "tests")
    reader = Reader(folder)
    try:
        yield reader
    finally:
        reader.stop()


def test_every_command_of_the_readme_does_what_it_says(tmp_path: Path) -> None:
    with reading(tmp_path) as reader:
        for command in commands(TEXTS["README.md"]):
            reader.follow(command)


def test_the_first_command_runs_the_centre_and_the_second_proves_it() -> None:
    for text in TEXTS.values():
        assert [command.typed for command in commands(text)][:2] == ["make run", "make test"]


def test_the_stand_in_for_curl_speaks_as_curl_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    path = environment(tmp_path)["PATH"].split(os.pathsep)[0]
    assert Path(path).parent == tmp_path
    monkeypatch.undo()
    with reading(tmp_path) as reader:
        reader.environment["PATH"] = f"{path}{os.pathsep}{reader.environment['PATH']}"
        first, *rest = (
            command for command in commands(TEXTS["README.md"]) if command.typed.startswith(("floorwatch run", "curl"))
        )
        for command in (first, *rest):
            if "--token-file" in command.typed:
                break
            reader.follow(command)


# Both languages.


def test_both_languages_have_the_same_blocks_so_one_run_of_the_commands_is_enough() -> None:
    english, chinese = (BLOCK.findall(TEXTS[name]) for name in LANGUAGES)
    assert [block for block in chinese if block[0] != "text"] == [block for block in english if block[0] != "text"]
    assert len(chinese) == len(english)


def test_both_languages_have_the_same_headings_tables_and_names() -> None:
    english, chinese = (BLOCK.sub("", TEXTS[name]) for name in LANGUAGES)
    levels = [re.findall(r"^(#+) ", text, re.MULTILINE) for text in (english, chinese)]
    assert levels[0] == levels[1]
    shapes = [[(len(table), len(table[0])) for table in tables(text)] for text in (english, chinese)]
    assert shapes[0] == shapes[1]
    assert first_columns(english) == first_columns(chinese)
    assert sorted(named(english)) == sorted(named(chinese))
    assert "<!-- measured -->" in english
    assert "<!-- measured -->" in chinese


def test_each_language_is_written_in_itself() -> None:
    assert not re.search("[\u4e00-\u9fff]", TEXTS["README.md"].replace("中文", ""))
    for paragraph in BLOCK.sub("", TEXTS["README.zh-CN.md"]).split("\n\n"):
        if len(paragraph) > 40 and not paragraph.startswith("|"):
            assert re.search("[\u4e00-\u9fff]{2}", paragraph), paragraph


# What the tables say.


@pytest.fixture(params=LANGUAGES)
def text(request: pytest.FixtureRequest) -> str:
    return TEXTS[request.param]


def table_with(text: str, first: str) -> dict[str, str]:
    """The table whose first column begins with that name: what its first column names, and the cell beside it."""
    for table in tables(text):
        if len(table) > 1 and first in named(table[1][0]):
            return {name: row[1] for row in table[1:] for name in named(row[0])}
    raise AssertionError(f"no table begins with {first}")


def test_the_events_listed_are_the_events_of_the_format(text: str) -> None:
    assert sorted(table_with(text, "contact.opened")) == sorted(TYPES)
    assert set(DIMENSIONS) < set(table_with(text, "type"))


def test_the_columns_listed_are_the_columns_of_the_report(text: str, tmp_path: Path) -> None:
    listed = list(table_with(text, "offered"))
    rows = replay(tmp_path, ROOT / "tests/fixtures/bank_days.jsonl.gz").rows
    assert listed[: len(COLUMNS)] == list(COLUMNS)
    measured = [
        f"{measure.name}_{part}" for measure in default_policy().measures for part in ("rate", "avg_s", "count")
    ]
    assert sorted(["window_start", "window_end", *listed, *measured]) == sorted(rows[0])


def test_the_measures_listed_are_the_measures_that_ship(text: str) -> None:
    assert sorted(table_with(text, "first_reply_any")) == sorted(SHIPPED)


def test_the_formulas_listed_are_the_formulas_of_the_engine(text: str) -> None:
    formulas = table_with(text, "answered_of_ended")
    assert list(formulas) == list(SERVICE_LEVELS)
    # A published example: 1,000 answered, 860 of them in time; 60 abandoned, 20 in time, 10 short.
    example = {"n": 1_000, "t": 860, "a": 60, "at": 20, "s": 10}
    for name, share in formulas.items():
        above, below = (sum_of(part, example) for part in share.split("÷"))
        n, t, a, at, s = example.values()
        computed: tuple[Any, Any] = SERVICE_LEVELS[name](*(np.array(value) for value in (n, t, a, at, s)))
        assert computed == (above, below), name


def sum_of(words: str, values: dict[str, int]) -> int:
    signs = {"+": 1, "−": -1}
    total, sign = 0, 1
    for word in re.findall(r"[a-z]+|[+−]", words):
        if word in signs:
            sign = signs[word]
        else:
            total += sign * values[word]
    return total


def quantity(name: str, cell: str) -> int:
    """The number in a cell, in the unit of the setting's name."""
    number, unit = re.match(r"([\d,.]+) ?([A-Za-z]*)", cell).groups()  # type: ignore[union-attr]
    if name.endswith("_us"):
        return duration_us(number + {"min": "m"}.get(unit, unit))
    return int(number.replace(",", "")) * {"MiB": 1 << 20, "": 1, "s": 1}[unit]


def test_the_limits_listed_are_the_limits_kept(text: str) -> None:
    for first, settings in (("disorder_bound_us", Settings()), ("body_bytes_max", ServiceSettings(data=Path()))):
        listed = table_with(text, first)
        assert {name: quantity(name, cell) for name, cell in listed.items()} == {
            name: getattr(settings, name) for name in listed
        }
        limits = {entry.name for entry in fields(settings) if entry.name.endswith("_max")}
        assert limits <= set(listed), "every limit is told"
    live = re.search(r"`floorwatch run`.*?(\d+) ?(m?s)", table_with(text, "disorder_bound_us")["disorder_bound_us"])
    assert live is not None
    assert duration_us(live[1] + live[2]) == ServiceSettings(data=Path()).disorder_bound_us


def test_the_packages_listed_are_the_packages_used(text: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    required = [
        *project["project"]["dependencies"], *project["project"]["optional-dependencies"]["kafka"],
        *project["project"]["optional-dependencies"]["dev"], *project["build-system"]["requires"],
    ]  # fmt: skip
    assert sorted(table_with(text, "click")) == sorted(re.match(r"[a-z0-9-]+", name)[0] for name in required)  # type: ignore[index]


def test_the_folders_listed_are_the_folders_there_are(text: str) -> None:
    listed = {name.rstrip("/") for name in table_with(text, "engine/")}
    assert listed == {path.parent.name for path in ROOT.glob("*/__init__.py")}
