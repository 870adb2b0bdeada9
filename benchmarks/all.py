#!/usr/bin/env python3
"""Run the quick form of every benchmark and of the README's commands, and print one table of what came out.

    python benchmarks/all.py --list
    python benchmarks/all.py --quick --only tasks augment

They need `pip install -e ".[dev]"`, no data and no network; their metrics are those of a few tiny images or windows.
The figures of the documentation have their commands in docs/reproducing.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)  # where `augment` would be a benchmark, not the package

from benchmarks import command, results  # noqa: E402

TINY = "--weights random --limit 24 --epochs 1 --image-size 96"
QUICK = {  # name -> command after `python`; OUT is a folder of its own
    "tasks": "-m cityzoo tasks",
    "doctor": "-m cityzoo doctor",
    "vehicle_detect": f"train.py --task vehicle_detect --backbone mobilenet_025 {TINY} --out OUT",
    "vehicle_classify": f"train.py --task vehicle_classify --backbone mobilenet_025 {TINY} --out OUT",
    "scene_anomaly": f"train.py --task scene_anomaly --backbone mobilenet_025 {TINY} --out OUT",
    "air_quality": "train.py --task air_quality --backbone stid --epochs 1 --hidden-size 16 --out OUT",
    "traffic_flow": "train.py --task traffic_flow --backbone stid --epochs 1 --hidden-size 8 --out OUT",
    "text_intent": "train.py --task text_intent --backbone tfidf --out OUT",
    "incident_fusion": "train.py --task incident_fusion --encoders image=mobilenet_025,text=hashing "
    "--epochs 3 --out OUT",
    "augment": "benchmarks/augment.py --files 8 --settings 640x480:256x256 --rounds 1 --seconds 1 "
    "--only decode_resize geometry standard --out OUT --json",
    "finetune": "benchmarks/finetune.py --only frozen --backbone mobilenet_025 --weights random --images 32 "
    "--image-size 96 --epochs 2 --out OUT --json",
    "cpu_settings": "benchmarks/cpu_settings.py --image-size 96 --batch-size 4 --steps 2 --rounds 1 --json",
    "answering": "benchmarks/answering.py --passages 1000 --rounds 1 --encoder none",
    "notebooks": "-m pytest -q -m slow -n 2 tests/test_notebooks.py",
}
RESULT = {  # of the last match, where a command does not end with a line of metrics
    "answering": r'"question to answer": \{\s*"p50": [\d.]+',
    "augment": r'"geometry_vs_decode_resize": [\d.]+',
    "notebooks": r"\d+ passed[^\n]*",
    "finetune": r'"frozen_cache_speedup": [\d.]+',
}
SECONDS = 900  # after which a command has failed


class Outcome(NamedTuple):
    """What a command came to: seconds, exit code (None: out of time), and the line with its result."""

    name: str
    seconds: float
    code: int | None
    result: str


def run_entry(name: str, folder: Path) -> Outcome:
    """Run one command in the root of the repository, its output in `folder`."""
    words = [str(folder / name) if word == "OUT" else word for word in shlex.split(QUICK[name])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    try:
        ran = subprocess.run(
            [sys.executable, *words],
            **{"cwd": ROOT, "env": environment, "timeout": SECONDS, "text": True},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT},
        )
    except subprocess.TimeoutExpired:
        return Outcome(name, time.perf_counter() - started, None, f"stopped after {SECONDS} s")
    return Outcome(
        name, time.perf_counter() - started, ran.returncode, find_result(ran.stdout, RESULT.get(name, ""))
    )


def find_result(text: str, pattern: str = "") -> str:
    """Return the last match of a pattern, by default the line of the metrics, else the last line."""
    text = text.replace("\r", "\n")
    patterns = [pattern] if pattern else [r"^(?:val|test), \d.*", r"^.*\S.*"]
    found = next((matches for each in patterns if (matches := re.findall(each, text, re.MULTILINE))), [""])
    return " ".join(found[-1].split()).replace("|", "/")


def format_table(outcomes: Sequence[Outcome]) -> str:
    """Return the Markdown page: the machine, then a row for each command."""
    facts = results.machine(os.cpu_count() or 1, ())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{facts['system']}; {', '.join(facts['versions'])}"
    lines = [
        f"{facts['processor']}, {facts['cores']} cores, {memory:.0f} GB, {system}.",
        "",
        "| name | command | seconds | exit code | result |",
        "|---|---|--:|--:|---|",
    ]
    for name, seconds, code, result in outcomes:
        shown = f"{seconds:.1f} | {'-' if code is None else code} | {result[:160]}"
        lines.append(f"| {name} | `python {QUICK[name]}` | {shown} |")
    return "\n".join(lines) + "\n"


def list_entries() -> str:
    """Return the quick commands, and those of docs/reproducing.md, which need data."""
    page = (ROOT / "docs/reproducing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\].*?`(python [^`]+)`", page, re.MULTILINE)
    quick = "".join(f"  {name:<18} python {words}\n" for name, words in QUICK.items())
    return f"quick:\n{quick}\nwith data:\n" + "".join(f"  {name:<18} {words}\n" for name, words in rows)


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--list", action="store_true", help="print the commands and end")
    made.add_argument("--quick", action="store_true", help="run the quick forms")
    made.add_argument("--only", nargs="+", metavar="NAME", choices=list(QUICK), help="run these alone")
    made.add_argument("--out", type=Path, metavar="FILE.md", help="also write the table there")
    return made


def run(given: argparse.Namespace) -> None:
    """Run what is asked for and print the table; a command that failed is a RuntimeError after it."""
    if given.list:
        sys.stdout.write(list_entries())
        return
    if not given.quick:
        raise ValueError("give --quick, or --list to see the commands that need data")
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only or QUICK:
            outcomes.append(run_entry(name, Path(folder)))
            sys.stderr.write(f"{name}: {outcomes[-1].seconds:.0f} s, exit code {outcomes[-1].code}\n")
    table = format_table(outcomes)
    sys.stdout.write(table)
    if given.out:
        given.out.write_text(table, encoding="utf-8")
    failed = [each.name for each in outcomes if each.code != 0]
    if failed:
        raise RuntimeError(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    made = parser()
    sys.exit(command.answer(made, run, made.parse_args()))
