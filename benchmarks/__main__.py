"""`python -m benchmarks`: asks every question, or those that `--only` names, and prints one table.

What was measured goes to build/benchmarks/figures.json, and joins what was measured there before; `--keep` puts it into benchmarks/figures.json,
and from that into the table of benchmarks/README.md and its chart. It ends with 1 where a question could not be answered.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.chart import chart
from benchmarks.figures import Figure, Unexplained, context, load, markdown, reasons, save, stamped, text, written
from benchmarks.model import Missing, told
from benchmarks.peers.running import WrongAnswer
from benchmarks.questions import QUESTIONS
from benchmarks.quoted import NotSaid

__all__ = ["KEPT", "README", "main"]

_HERE = Path(__file__).parent
BUILT = _HERE.parent / "build" / "benchmarks"
KEPT = _HERE / "figures.json"
README = _HERE / "README.md"
CHART = _HERE / "figures.svg"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the long form: larger sizes, more runs")
    parser.add_argument(
        "--only", action="append", choices=[one.name for one in QUESTIONS], help="this question; may be repeated"
    )
    parser.add_argument(
        "--keep", action="store_true", help="write all that was measured here into benchmarks/README.md"
    )
    asked = parser.parse_args()
    here = context()
    print(f"{here['machine']}; {here['versions']}; commit {here['commit']}; load {here['load']}", file=sys.stderr)
    figures, failed = load(BUILT / "figures.json"), False
    for one in QUESTIONS:
        if asked.only is not None and one.name not in asked.only:
            continue
        print(f"{one.name}: {one.question}", file=sys.stderr)
        began, found = time.monotonic(), list[Figure]()
        try:
            for figure in stamped(one.run(asked.full), one.command):
                found.append(figure)
                print(f"  {time.monotonic() - began:.0f} s: {text([figure]).splitlines()[1].strip()}", file=sys.stderr)
        except (NotSaid, WrongAnswer, RuntimeError, OSError, subprocess.CalledProcessError) as error:
            print(f"{one.name} failed: {error} {getattr(error, 'output', '') or ''}", file=sys.stderr)
            failed = True
        print(f"  {time.monotonic() - began:.0f} s", file=sys.stderr)
        figures = load(BUILT / "figures.json") | {
            figure.name: figure for figure in found
        }  # A soak may have added to it.
        save(figures.values(), BUILT / "figures.json")
    print(text(figures.values()))
    (BUILT / "figures.svg").write_text(chart(figures.values()), "utf-8")
    if asked.keep:
        try:
            table = markdown(figures.values(), reasons())
        except Unexplained as error:
            print(error, file=sys.stderr)
            return 1
        save(figures.values(), KEPT)
        CHART.write_text(chart(figures.values()), "utf-8")
        readme = written(README.read_text("utf-8"), "figures", table)
        with contextlib.suppress(Missing):  # Some questions have never been asked here.
            readme = written(readme, "model", told(figures))
        README.write_text(readme, "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
