#!/usr/bin/env python3
"""Few days of new sensors: an adapted pretrained encoder compared with a new model and the baselines.

python benchmarks/new_sensor.py --data los_speed.csv
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from cityzoo.data.series.series import Series

DAYS = (1, 2, 3)
SHARE = 0.8  # of the rows before the test rows
OF_THE_DAYS = 0.25  # the last of them choose the epochs, before all are learned from
WAYS = {
    "pretrained, encoder frozen": ["--weights", "{run}"],
    "pretrained, all of it learns": ["--weights", "{run}", "--freeze", "none"],
    "from zero": [],
}


def parted(count: int, held_out: int, seed: int) -> tuple[list[int], list[int]]:
    """Return the numbers of the sensors to pretrain on and of those held out, each in order.

    Example:
        >>> known, new = parted(6, 2, 0)
        >>> sorted(known + new), len(new)
        ([0, 1, 2, 3, 4, 5], 2)
    """
    import numpy as np

    new = sorted(np.random.default_rng(seed).choice(count, held_out, replace=False).tolist())
    return [number for number in range(count) if number not in new], new


def last_days(rows: int, row_seconds: int, days: int) -> tuple[int, tuple[float, float, float]]:
    """Return the first row of the last days before the test rows, and how to split what begins there.

    Example:
        >>> start, shares = last_days(2016, 300, 2)
        >>> start, [round(share * (2016 - start)) for share in shares]
        (1036, [432, 144, 404])
    """
    border = int(rows * SHARE)
    known = round(days * 86400 / row_seconds)
    start, held = border - known, round(known * OF_THE_DAYS)
    counts = (known - held, held, rows - border)
    return start, tuple(count / (rows - start) for count in counts)


def written(series: Series, sensors: list[int], first: int, file: Path) -> Path:
    """Write some sensors of a series from a row on as a wide CSV, a missing value as an empty cell."""
    import pandas

    values = series.values[first:, sensors, 0]
    times = [f"{time}Z" for time in series.times[first:]]
    names = [series.sensors[number] for number in sensors]
    pandas.DataFrame(values, index=pandas.Index(times, name="time"), columns=names).to_csv(file)
    return file


def trained(flags: list[str], out: Path) -> dict:
    """Train by the real command and return its report."""
    command = [sys.executable, str(ROOT / "train.py"), "--task", "traffic_flow", *flags, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    return json.loads((out / "report.json").read_text())


def page(about: str, horizons: list[str], cells: dict[str, dict[str, dict]]) -> str:
    """Return the table as Markdown.

    Example:
        >>> row = {"mae_15min": 2.5, "mae_60min": 3.0, "rmse_15min": 5.0}
        >>> page("Of toys.", ["15min", "60min"], {"from zero": {"1": row}}).splitlines()[-1]
        '| from zero | 2.500 / 3.000 (5.000) |'
    """
    days = list(next(iter(cells.values())))
    first, last = horizons[0], horizons[-1]
    lines = ["# What a few days of new sensors give", "", about, ""]
    lines += [f"MAE at {first} / at {last} (RMSE at {first}):", ""]
    heads = (f"{day} day{'s' if day != '1' else ''}" for day in days)
    lines += ["| way | " + " | ".join(heads) + " |", "|---" * (len(days) + 1) + "|"]
    for way, row in cells.items():
        shown = (
            f"{cell[f'mae_{first}']:.3f} / {cell[f'mae_{last}']:.3f} ({cell[f'rmse_{first}']:.3f})"
            for cell in row.values()
        )
        lines.append(f"| {way} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def measured(asked: argparse.Namespace, folder: Path) -> tuple[str, list[str], dict]:
    """Return what was measured in words, the horizons, and the errors: way -> days -> figures."""
    from cityzoo import tasks

    series = tasks.find("traffic_flow").read(asked.data, {}, window=25).series
    known, new = parted(len(series.sensors), asked.held_out, asked.seed)
    flags = ["--backbone", asked.backbone, "--seed", str(asked.seed)]
    if asked.epochs:
        flags += ["--epochs", str(asked.epochs)]
    run, cells = folder / "pretrained", {}
    trained([*flags, "--data", str(written(series, known, 0, folder / "known.csv"))], run)
    for days in DAYS:
        start, shares = last_days(len(series), series.step_seconds, days)
        split = ",".join(f"{share:.12f}" for share in shares)
        data = ["--data", str(written(series, new, start, folder / f"{days}.csv")), "--split", split]
        for number, (way, own) in enumerate(WAYS.items()):
            words = [word.format(run=run) for word in own]
            report = trained([*flags, *data, *words], folder / f"{days}-{number}")
            models = report["models"]
            cells.setdefault(way, {})[str(days)] = models.pop("model")
            logging.info("%s, %d days: MAE %.3f", way, days, report[f"mae_{report['horizons'][0]}"])
        for name, figures in models.items():
            cells.setdefault(name, {})[str(days)] = figures
    about = (
        f"`traffic_flow` on {Path(asked.data).name}: {asked.backbone} pretrained on {len(known)} sensors up to the "
        f"test rows, then {len(new)} sensors that it has never seen (drawn by seed {asked.seed}), of which nothing but "
        "the last days before the test rows is known, to the network and to the baselines alike. The last quarter of "
        f"those days chose the epochs; Protocol A errors on {report['n_windows']} windows of the test rows. One draw."
    )
    first = [*(name for name in models), *WAYS]
    return about, report["horizons"], {name: cells[name] for name in first}


def main() -> None:
    """Measure all cells and write `new_sensor.json` and `new_sensor.md`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="a series, as train.py takes it")
    parser.add_argument("--backbone", default="stid")
    parser.add_argument(
        "--held-out", type=int, default=20, help="sensors that are new (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of training")
    parser.add_argument("--epochs", type=int, help="of each training (default: train.py's)")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the results"
    )
    asked = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        about, horizons, cells = measured(asked, Path(folder))
    asked.out.mkdir(parents=True, exist_ok=True)
    kept = {"about": about, "horizons": horizons, "cells": cells}
    (asked.out / "new_sensor.json").write_text(json.dumps(kept, indent=1) + "\n")
    (asked.out / "new_sensor.md").write_text(page(about, horizons, cells) + "\n")


if __name__ == "__main__":
    main()
