#!/usr/bin/env python3
"""Compare cityzoo's server with LitServe and BentoML: the same exported detector, images, decoding and answers.

    python benchmarks/serving.py FOLDER IMAGES --litserve LIT/bin/python --bentoml BENTO/bin/python --out serving.md

Each server runs in the Python that is given for it, which needs onnxruntime, opencv-python-headless, pillow,
python-multipart and the server; cityzoo in this one. One after the other is started, gets the loads, and is ended, in
several rounds: processes of one and the same server differ by up to a quarter, as does a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)

from benchmarks.load_test import Load, list_processes, memory_mb, read_bodies, run_load  # noqa: E402

BOUNDARY = "cityzoo-boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PORT, READY_SECONDS = 8861, 120.0


@dataclass
class Started:
    """A server that answers."""

    process: subprocess.Popen
    url: str
    seconds: float  # until its first answer

    def signal(self, number: int) -> None:
        """Send a signal to all its processes."""
        for pid in list_processes(self.process.pid):
            os.kill(pid, number)

    @property
    def cpu_seconds(self) -> float:
        """Return the processor time of all its processes so far."""
        stats = [Path(f"/proc/{pid}/stat").read_text() for pid in list_processes(self.process.pid)]
        ticks = [sum(map(int, stat.rpartition(")")[2].split()[11:13])) for stat in stats]
        return sum(ticks) / os.sysconf("SC_CLK_TCK")

    @property
    def megabytes(self) -> float:
        """Return the memory of all its processes."""
        return memory_mb(self.process.pid)


def make_form(image: bytes) -> bytes:
    """Return the body of a form whose field `content` is an image."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="a.jpg"\r\n'
    return f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()


def commands(folder: Path, pythons: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the command of each server; its last word but for the port."""
    ours = [sys.executable, "-m", "cityzoo", "serve", str(folder), "--port"]
    found = {"cityzoo": ours, "cityzoo, form": ours}
    if python := pythons.get("LitServe"):
        found["LitServe"] = [python, str(ROOT / "benchmarks" / "serving_litserve.py"), str(folder)]
    if python := pythons.get("BentoML"):
        service = "benchmarks.serving_bentoml:Service"
        found["BentoML"] = [python, "-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port"]
    return found


@contextlib.contextmanager
def start(words: Sequence[str], port: int, folder: Path, body: bytes) -> Iterator[Started]:
    """Run a server until the block ends."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BENCHMARK_MODEL": str(folder),
        "BENTOML_DO_NOT_TRACK": "1",
    }
    began, url = time.perf_counter(), f"http://127.0.0.1:{port}/predict"
    process = subprocess.Popen(
        [*words, str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not is_answering(url, body):
            if process.poll() is not None or time.perf_counter() - began > READY_SECONDS:
                sys.exit(f"does not answer: {' '.join(words)} {port}")
            time.sleep(0.1)
        yield Started(process, url, time.perf_counter() - began)
    finally:
        Started(process, url, 0).signal(signal.SIGKILL)
        process.wait()


def is_answering(url: str, body: bytes) -> bool:
    """Return whether a server answers an image."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": FORM}), timeout=10):
            return True
    except OSError:
        return False


def summarize(loads: Sequence[Load], other: Sequence[Load]) -> str:
    """Return columns of the table: rate, latencies, errors, and the median ratio to another's rates, round by round."""
    latencies = np.concatenate([load.latencies or [np.nan] for load in loads]) * 1000
    p50, p95, p99 = np.percentile(latencies, (50, 95, 99))
    rates, others = ([len(load.latencies) / load.seconds for load in each] for each in (loads, other))
    ratio = np.median(np.divide(rates, others))
    failed = sum(load.lost + sum(load.statuses.values()) - load.statuses[200] for load in loads)
    cpu_ms = 1000 * sum(load.cpu_seconds for load in loads) / sum(len(load.latencies) for load in loads)
    return (
        f"{np.median(rates):.1f} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {failed} | {cpu_ms:.0f} | {ratio:.2f}"
    )


def measure(server: Started, images: Sequence[bytes], form: bool, clients: int, seconds: float) -> Load:
    """Return a load of a server and what it took: `cpu_seconds` is set."""
    bodies, kind = ([make_form(image) for image in images], FORM) if form else (images, "image/jpeg")
    before = server.cpu_seconds
    load = asyncio.run(run_load(server.url, bodies, clients, seconds, content_type=kind))
    load.cpu_seconds = server.cpu_seconds - before
    return load


def main() -> int:
    """Measure, and print the page or write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, help="exported detector (ONNX)")
    add("images", type=Path, help="folder of JPEG files")
    add("--litserve", help="Python with LitServe")
    add("--bentoml", help="Python with BentoML")
    add("--clients", default="1,8,32", help="(default: %(default)s)")
    add("--seconds", type=float, default=2, help="of each measurement (default: %(default)g)")
    add("--rounds", type=int, default=7, help="(default: %(default)s)")
    add("--out", type=Path, help="write the table there")
    flags = parser.parse_args()
    images = read_bodies(flags.images)
    words = commands(flags.folder.resolve(), {"LitServe": flags.litserve, "BentoML": flags.bentoml})
    lines = [
        f"{date.today()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, {flags.rounds} rounds of "
        f"{flags.seconds:g} s for each load.",
        "",
        "| server | clients | answers/s | p50 ms | p95 ms | p99 ms | failed | CPU ms | answers/s of cityzoo's |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    numbers = [int(text) for text in flags.clients.split(",")]
    loads: dict[tuple[str, int], list[Load]] = {(name, n): [] for n in numbers for name in words}
    memory: dict[str, list[float]] = {name: [] for name in words}
    ready: dict[str, list[float]] = {name: [] for name in words}
    for number in range(flags.rounds):
        for name in list(words)[:: 1 if number % 2 else -1]:
            with start(words[name], PORT + number, flags.folder.resolve(), make_form(images[0])) as server:
                ready[name].append(server.seconds)
                for clients in (numbers[0], *numbers):  # the first one is a warm-up
                    load = measure(server, images, name != "cityzoo", clients, flags.seconds)
                    loads[name, clients].append(load)
                loads[name, numbers[0]].pop(-2)
                memory[name].append(server.megabytes)
    for (name, clients), each in loads.items():
        lines.append(f"| {name} | {clients} | {summarize(each, loads['cityzoo', clients])} |")
    lines += ["", "| server | first answer s | MB of all processes |", "|---|--:|--:|"]
    lines += [f"| {name} | {np.median(ready[name]):.1f} | {np.median(memory[name]):.0f} |" for name in words]
    page = "\n".join([*lines, ""])
    print(page)
    if flags.out:
        flags.out.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
