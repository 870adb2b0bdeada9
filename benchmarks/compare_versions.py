#!/usr/bin/env python3
"""Check that a code change does not change results: the same short seeded runs before and after.

    python benchmarks/compare_versions.py record before.json --code ../old_checkout --data ../shared
    python benchmarks/compare_versions.py record after.json --data ../shared
    python benchmarks/compare_versions.py compare before.json after.json

`record` trains every task for a few steps with the code of a checkout and stores each number of its report.json.
`compare` exits with 1 if a number of the first file is missing in the second or differs by more than 1e-6.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOLERANCE = 1e-6
SHORT = ("--epochs", "2", "--seed", "7", "--views", "2", "--cache", "off")
SMALL = ("--backbone", "mobilenet_025", "--limit", "48", *SHORT)
RUNS: dict[str, tuple[str, ...]] = {  # {data} and {weights} lie in the folder that --data names
    "vehicle_detect": (
        [
            "--task",
            "vehicle_detect",
            "--data",
            "{data}/highway",
            "--image-size",
            "160",
            "--freeze",
            "C4",
            "--ema",
            "0.9",
        ]
        + [*SMALL]
    ),
    "vehicle_classify": ["--task", "vehicle_classify", "--data", "{data}/highway", "--image-size", "96"]
    + [*SMALL],
    "incident_classify": ["--task", "incident_classify", "--data", "{data}/fire_smoke", "--image-size", "96"]
    + [*SMALL],
    "traffic_state": ["--task", "traffic_state", "--data", "{data}/traffic_cam", "--image-size", "96"]
    + [*SMALL, "--limit", "136"],
    "vehicle_count": ["--task", "vehicle_count", "--data", "{data}/traffic_cam", "--image-size", "160"]
    + [*SMALL],
    "scene_anomaly": [
        "--task",
        "scene_anomaly",
        "--image-size",
        "128",
        "--backbone",
        "mobilenet_025",
        "--seed",
        "7",
        "--limit",
        "60",
    ],
    "traffic_flow": [
        "--task",
        "traffic_flow",
        "--data",
        "{data}/traffic_speed/los_speed.csv",
        "--epochs",
        "2",
        "--seed",
        "7",
    ],
    "traffic_flow_roads": [
        "--task",
        "traffic_flow",
        "--data",
        "{data}/traffic_speed/los_speed.csv",
        "--adjacency",
        "{data}/traffic_speed/los_adj.csv",
        "--graph",
        "both",
        "--backbone",
        "graph_wavenet",
        "--days",
        "2",
        "--epochs",
        "1",
        "--seed",
        "7",
    ],
    "air_quality": ["--task", "air_quality", "--epochs", "2", "--seed", "7"],
}
UNSTEADY = (
    "seconds",
    "latency",
    "images_per_second",
    "ms_",
    "spec",
    "device",
    "out",
    "findings",
    "made",
    "environment",
    "speed",
)


MODEL_NAME = re.compile("/(models|by_step)/(?:stid|tcn|graph_wavenet)/")  # the model is called "model" now


def main() -> int:
    """Record the numbers of one checkout, or compare two records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    record = verbs.add_parser("record", help="train every task with one checkout")
    record.add_argument("out", type=Path)
    record.add_argument(
        "--code", type=Path, default=Path(__file__).parents[1], help="checkout (default: this one)"
    )
    record.add_argument(
        "--data", type=Path, required=True, help="folder with data/ (highway, ...) and weights/"
    )
    record.add_argument("--only", nargs="*", default=list(RUNS), choices=list(RUNS), help="these runs")
    compare = verbs.add_parser("compare", help="compare two records")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    flags = parser.parse_args()
    if flags.verb == "compare":
        return compare_records(json.loads(flags.before.read_text()), json.loads(flags.after.read_text()))
    found = json.loads(flags.out.read_text()) if flags.out.is_file() else {}
    for name in flags.only:
        print(name, flush=True)
        found[name] = dict(numbers_of(train(flags.code, RUNS[name], flags.data.resolve())))
        flags.out.write_text(json.dumps(found, indent=1))
    return 0


def train(code: Path, words: tuple[str, ...], shared: Path) -> dict[str, Any]:
    """Run train.py of a checkout; return the run's report."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        words = tuple(word.format(data=shared / "data") for word in words)
        command = [sys.executable, "train.py", *words, "--out", str(run)]
        if "mobilenet_025" in words:
            command += [
                "--weights",
                str(shared / "weights" / "mobilenet_v1_025_224_imagenet_notop.weights.h5"),
            ]
        subprocess.run(command, cwd=code, check=True, env={**os.environ, "PYTHONPATH": str(code.resolve())})
        return json.loads((run / "report.json").read_text())


def numbers_of(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a report with its place, except what differs from run to run."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield place, float(value)
        return
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in rows:
        if not any(word in str(key) for word in UNSTEADY):
            yield from numbers_of(inner, f"{place}/{key}")


def compare_records(before: dict[str, dict[str, float]], after: dict[str, dict[str, float]]) -> int:
    """Print the numbers that differ; return 1 if there are any."""
    wrong = 0
    for name, old in before.items():
        old = {MODEL_NAME.sub(r"/\1/model/", place): value for place, value in old.items()}
        new = after.get(name, {})
        gone = [place for place in old if place not in new]
        differ = [place for place in old if place in new and not close(old[place], new[place])]
        wrong += len(gone) + len(differ)
        print(f"{name}: {len(old)} numbers, {len(differ)} differ, {len(gone)} gone")
        for place in differ[:20]:
            print(f"  {place}: {old[place]!r} -> {new[place]!r}")
        for place in gone[:20]:
            print(f"  {place}: {old[place]!r} -> gone")
    return int(wrong > 0)


def close(old: float, new: float) -> bool:
    """Return whether two numbers agree to the tolerance; two missing ones do."""
    return (math.isnan(old) and math.isnan(new)) or abs(old - new) <= TOLERANCE * max(1.0, abs(old))


if __name__ == "__main__":
    sys.exit(main())
