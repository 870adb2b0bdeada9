"""Latency, throughput, memory, size and cold start of runs and exported files, side by side on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.export.benchmark_worker import KERAS
from cityzoo.runtime.runtime_model import RUNTIMES, format_of, is_exported, model_files

COLUMNS = {
    "best_ms": "best ms",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "examples_per_second": "a second",
    "peak_mb": "peak MB",
    "size_mb": "file MB",
    "cold_start_s": "start s",
}


@dataclass
class Contender:
    """A model in a runtime with a number of threads.

    Attributes:
        path: a run folder or an exported file.
        kind: how it is run.
        threads: of its runtime.
        name: what tables call it.
        row: what was measured, see `COLUMNS`.
    """

    path: Path
    kind: str
    threads: int
    name: str
    row: dict[str, float] = field(default_factory=dict)
    _process: Any = None
    _errors: Any = None

    def start(self) -> None:
        """Start its process and measure the seconds to its first answer.

        Raises:
            InputError: it cannot be run; with the last line that it wrote.
        """
        words = [sys.executable, "-m", "cityzoo.export.benchmark_worker"]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - a pipe that nobody reads would fill up
        begin = time.time()
        self._process = subprocess.Popen(
            [*words, str(self.path), self.kind, str(self.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.row["cold_start_s"] = self._answer()["ready"] - begin

    def measure(self, count: int, batch_size: int) -> list[float]:
        """Return the seconds of `count` calls."""
        self._process.stdin.write(f"{count} {batch_size}\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.row["peak_mb"] = answer["peak_bytes"] / 1e6
        return answer["seconds"]

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()
        raise InputError(f"{self.name} cannot be run: {said[-1] if said else 'its process ended'}")

    def stop(self) -> None:
        """End its process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._errors.close()


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return the last parts of paths, as many as tell them apart.

    Example:
        >>> short_names([Path("runs/a"), Path("x/float/model.onnx"), Path("x/int8/model.onnx")])
        ['runs/a', 'float/model.onnx', 'int8/model.onnx']
    """
    most = max(len(path.parts) for path in paths)
    for count in range(2, most + 1):
        names = ["/".join(path.parts[-count:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            break
    else:
        names = list(map(str, paths))
    return names


def contenders(paths: Sequence[str], threads: Iterable[int]) -> list[Contender]:
    """Return the contenders: a run as Keras predicts and as a compiled function, a file in its runtime.

    Raises:
        InputError: neither a run with a model nor an exported file.
    """
    found = []
    places = list(map(Path, paths))
    for path, name in zip(places, short_names(places), strict=True):
        if is_exported(path):
            kinds: Sequence[str] = (RUNTIMES[format_of(path)].runtime,)
        elif (path / "model.keras").is_file():
            kinds = KERAS
        else:
            raise InputError(f"'{path}' is neither a run folder with a model.keras nor an exported file")
        found += [Contender(path, kind, count, f"{name} [{kind}]") for count in threads for kind in kinds]
    return found


def benchmark(
    entries: Sequence[Contender], rounds: int, batch_size: int, progress: Callable[[int], object]
) -> list[dict[str, Any]]:
    """Measure contenders in turn, each in a process of its own, and return a row for each.

    They are interleaved: a machine that is busy for a while slows all of them down.

    Args:
        entries: the contenders.
        rounds: calls of each with one example; a quarter as many with a batch.
        batch_size: examples of a batch.
        progress: called with the number of finished rounds.
    """
    single: list[list[float]] = [[] for _ in entries]
    batched: list[list[float]] = [[] for _ in entries]
    with ExitStack() as stack:
        for entry in entries:
            stack.callback(entry.stop)
            entry.start()
            entry.measure(3, 1)
            entry.measure(1, batch_size)
        for number in range(rounds):
            for i, entry in enumerate(entries):
                single[i] += entry.measure(1, 1)
                if number % 4 == 0:
                    batched[i] += entry.measure(1, batch_size)
            progress(number + 1)
    for entry, ones, batches in zip(entries, single, batched, strict=True):
        files = model_files(entry.path) if is_exported(entry.path) else [entry.path / "model.keras"]
        entry.row |= {
            "best_ms": 1000 * min(ones),
            "p50_ms": 1000 * float(np.median(ones)),
            "p95_ms": 1000 * float(np.quantile(ones, 0.95)),
            "examples_per_second": batch_size / float(np.median(batches)),
            "size_mb": sum(file.stat().st_size for file in files) / 1e6,
        }
    return [_described(entry) for entry in entries]


def _described(entry: Contender) -> dict[str, Any]:
    about = {"name": entry.name, "kind": entry.kind, "threads": entry.threads}
    return {**about, **entry.row, **_metric(entry.path)}


def _metric(path: Path) -> dict[str, Any]:
    # The main metric, from the parity.json next to a file, or the report of a run.
    try:
        if is_exported(path):
            proof = json.loads((path.parent / "parity.json").read_text())
            name = proof["metric"].partition(",")[0]
            return {"metric": name, "value": proof["figures"][name]["this"]}
        return {"report": json.loads((path / "report.json").read_text())}
    except (OSError, ValueError, KeyError):
        return {}


def complete_metrics(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows in which runs have the metric that the exported files were compared by.

    Example:
        >>> complete_metrics([{"report": {"AP": 0.5}}, {"metric": "AP", "value": 0.4}])
        [{'metric': 'AP', 'value': 0.5}, {'metric': 'AP', 'value': 0.4}]
    """
    name = next((row["metric"] for row in rows if "metric" in row), None)
    found = []
    for row in rows:
        report = row.pop("report", None)
        known = isinstance(report, dict) and name is not None and report.get(name) is not None
        found.append({**row, **({"metric": name, "value": report[name]} if known else {})})
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as text, with the speed of each relative to the first.

    The best call says what the machine can do when nothing else runs; the speed is that of the median.
    """
    width = max(len(row["name"]) for row in rows)
    head = f"{'':<{width}}  threads  " + "  ".join(f"{title:>9}" for title in COLUMNS.values())
    lines = [f"{head}  {'speed':>6}  metric"]
    for row in rows:
        numbers = "  ".join(f"{row[key]:>9.{1 if key != 'cold_start_s' else 2}f}" for key in COLUMNS)
        metric = f"{row['metric']} {row['value']:.4f}" if "metric" in row else "-"
        speed = f"{rows[0]['p50_ms'] / row['p50_ms']:>5.2f}x"
        lines.append(f"{row['name']:<{width}}  {row['threads']:>7}  {numbers}  {speed}  {metric}")
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw latency against the main metric, or the size where it is not known; areas are sizes in megabytes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    known = all("metric" in row for row in rows)
    times = [row["p50_ms"] for row in rows]
    middle = float(np.sqrt(min(times) * max(times)))  # of the logarithmic axis
    for number, (row, x) in enumerate(zip(rows, times, strict=True)):
        y = row["value"] if known else row["size_mb"]
        area = 40 + 8 * row["size_mb"]
        axes.scatter(x, y, s=area, color=f"C{number % 10}", alpha=0.7, edgecolors="none")
        away, side = (1, "left") if x <= middle else (-1, "right")
        runs_on = f"{row['threads']} thread{'s' * (row['threads'] > 1)}"
        label = f"{row['name']}, {runs_on}, {row['size_mb']:.1f} MB"
        place = (away * (4 + 0.5 * area**0.5), 9 * (number % 3 - 1))
        axes.annotate(label, (x, y), place, textcoords="offset points", ha=side, va="center", fontsize=8)
    axes.set_xscale("log")
    axes.margins(0.12)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_xlabel("latency of one example, median, ms")
    axes.set_ylabel(rows[0]["metric"] if known else "file size, MB")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)
