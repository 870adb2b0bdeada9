#!/usr/bin/env python3
"""Benchmark of intents: what each way of training gives on held-out texts, and what it costs.

python benchmarks/text_intent.py --data banking77/train.csv --ways "tfidf, all" "linear probe, all"
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WAYS = {
    "tfidf": ["--backbone", "tfidf"],
    "nearest class mean": ["--freeze", "backbone", "--head", "prototypes"],
    "linear probe": ["--freeze", "backbone"],
    "linear probe, 10 epochs by gradient": ["--phases", "backbone:10"],
    "LoRA of rank 8": ["--adapt", "lora:8"],
    "last two blocks": ["--freeze", "block04"],
    "default: probe, then fine-tuning": [],
}
SHOTS = {"10 texts a class": ["--shots", "10"], "all texts": []}


def measure(flags: list[str]) -> dict[str, Any]:
    """Train by the real command and return what its report says, and the seconds of processor time."""
    with tempfile.TemporaryDirectory() as folder:
        out, before, start = Path(folder) / "run", _processor_seconds(), time.perf_counter()
        command = [sys.executable, str(ROOT / "train.py"), "--task", "text_intent", "--out", str(out), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr.strip().splitlines()[-1])
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        return {
            "accuracy": report["accuracy"],
            "interval": report.get("intervals", {}).get("accuracy"),
            "trainable_share": _trainable_share(report),
            "cpu_seconds": round(_processor_seconds() - before),
            "seconds": round(time.perf_counter() - start),
            "phases": report.get("seconds", {}),
        }


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _trainable_share(report: dict[str, Any]) -> float | None:
    counts = report.get("parameters", {})
    return counts["trainable"] / counts["total"] if {"trainable", "total"} <= {*counts} else None


def page(about: str, cells: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the table as Markdown.

    Example:
        >>> cell = {"accuracy": 0.9251, "cpu_seconds": 61, "trainable_share": 0.0162}
        >>> page("Of intents.", {"linear probe": {"all texts": cell}}).splitlines()[-1]
        '| linear probe | .925, 1.62 % trained, 61 s |'
    """
    columns = list(dict.fromkeys(column for row in cells.values() for column in row))
    lines = ["# What ways of training give on intents", "", about, ""]
    lines += ["| way | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for way, row in cells.items():
        lines.append(f"| {way} | " + " | ".join(_cell(row.get(column)) for column in columns) + " |")
    return "\n".join(lines)


def _cell(found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    accuracy = f"{found['accuracy']:.3f}".removeprefix("0")
    share = found.get("trainable_share")
    trained = f"{share:.2%} trained, ".replace("%", " %") if share else ""
    return f"{accuracy}, {trained}{found['cpu_seconds']} s"


def main() -> None:
    """Measure the cells that are asked for and write `text_intent.json` and `text_intent.md`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="labeled texts, as train.py takes them")
    parser.add_argument(
        "--ways", nargs="+", default=list(WAYS), choices=list(WAYS), help="measure these alone"
    )
    parser.add_argument(
        "--texts", nargs="+", default=list(SHOTS), choices=list(SHOTS), help="and these columns"
    )
    parser.add_argument("--seed", default="0")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the results"
    )
    asked = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    name, path = Path(asked.data).resolve().parent.name, asked.out / "text_intent.json"
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    cells = kept.setdefault(name, {})
    for way in asked.ways:
        for texts in asked.texts:
            flags = ["--data", asked.data, "--seed", asked.seed, *WAYS[way], *SHOTS[texts]]
            cells.setdefault(way, {})[texts] = measure(flags)
            logging.info("%s, %s: %s", way, texts, _cell(cells[way][texts]))
            path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    pages = [page(_about(name), kept[name]) for name in kept]
    (asked.out / "text_intent.md").write_text("\n\n".join(pages) + "\n", encoding="utf-8")


def _about(name: str) -> str:
    return (
        f"`text_intent` on {name}, seed 0: accuracy on the fifth of the texts that is held out, which chooses the "
        "epoch as well; the share of the parameters that is trained; seconds of processor time of the whole command."
    )


if __name__ == "__main__":
    main()
