#!/usr/bin/env python3
"""How many cameras a machine watches: stages measured one by one, 1,000 cameras simulated, four real streams to check.

    python benchmarks/watch_streams.py EXPORTED VIDEO --out watch_streams.json
    python benchmarks/watch_streams.py EXPORTED VIDEO --out check.json --check 60

The first measures the CPU seconds of every stage and simulates a city with them, see stream_simulation.py; with --ray
every machine is a Ray actor. The second watches four RTSP streams and simulates them with the times of its batches.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)

from benchmarks.stream_simulation import Load, Stages, plan_city, simulate  # noqa: E402

BATCHES = (1, 2, 4, 8)
SERVER = ROOT / "tests/cityzoo/watch/sources/rtsp_server.py"


def measure_stages(exported: Path, video: Path, frames: int = 96, rounds: int = 3) -> Stages:
    """Measure CPU seconds of each stage in turns; the median of the rounds."""
    import av

    from cityzoo.watch.detector import Detector

    detector = Detector(exported, threads=1)
    found: dict[Any, list[float]] = {}
    for _ in range(rounds):
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            stream.thread_type, stream.codec_context.thread_count = "NONE", 1
            rate = float(stream.average_rate or 25)
            pictures, seconds = _cpu(itertools.islice(container.decode(stream), frames))
        found.setdefault("decode", []).append(seconds / len(pictures))
        taken = pictures[:: max(1, len(pictures) // 16)][:16]
        images, seconds = _cpu(picture.to_ndarray(format="rgb24") for picture in taken)
        found.setdefault("convert", []).append(seconds / len(taken))
        for size in BATCHES:
            parts = [images[at : at + size] for at in range(0, len(images) - size + 1, size)]
            found.setdefault(size, []).append(_cpu(map(detector.detect, parts))[1] / len(parts))
        found.setdefault("track", []).append(_track_seconds(detector, images))
    medians = {name: float(np.median(seconds)) for name, seconds in found.items()}
    return Stages(
        medians["decode"],
        medians["convert"],
        {size: medians[size] for size in BATCHES},
        medians["track"],
        rate,
    )


def _cpu(items: Iterable[Any]) -> tuple[list[Any], float]:
    """Return the items of an iterable, and the CPU seconds that it took to make them."""
    before = time.process_time()
    made = list(items)
    return made, time.process_time() - before


def _camera_watch(name: str, detector: Any) -> Any:
    from cityzoo.watch.camera import CameraWatch
    from cityzoo.watch.scene import parse_scene

    scene = parse_scene({"lines": [{"name": "road", "points": [[0, 0.5], [1, 0.5]]}]})
    return CameraWatch(name, scene, detector.class_names, None, 0.25)


def _track_seconds(detector: Any, images: Sequence[np.ndarray]) -> float:
    from cityzoo.watch.frames import Frame

    watch, detections = _camera_watch("one", detector), detector.detect(images)
    frames = [Frame("one", i, i / 5, i / 5, image) for i, image in enumerate(images)]
    return _cpu(itertools.starmap(watch.update, zip(frames, detections, strict=True)))[1] / len(frames)


def check_streams(exported: Path, video: Path, seconds: float, fps: float, count: int = 4) -> dict[str, Any]:
    """Watch RTSP streams with the parts of `watch`, and simulate the same with the wall times of its batches.

    Latency is from the moment at which a frame is decoded to its counts; `capture` is from its capture, by the clock of
    the stream: decoding under load and the network come on top.
    """
    from cityzoo.watch.detector import Detector
    from cityzoo.watch.sources import open_source
    from cityzoo.watch.sources.several import read_together

    port, ready = 8600 + os.getpid() % 300, threading.Event()
    command = ["/usr/bin/python3", str(SERVER), str(video), str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    detector = Detector(exported, threads=1)
    latencies, captured, batches, frames = [], [], [], 0
    trace: list[tuple[float, int]] = []
    try:
        if server.stdout is None or not server.stdout.readline():
            raise SystemExit("the RTSP server did not start: see .ci/run for its packages")
        url = f"rtsp://127.0.0.1:{port}/road"
        sources = [
            open_source(url, f"camera{number}", fps, seconds / 60, ready=ready) for number in range(count)
        ]
        arrivals = {source.camera: _note_arrivals(source, trace, i) for i, source in enumerate(sources)}
        watches = {source.camera: _camera_watch(source.camera, detector) for source in sources}
        cpu = time.process_time()
        for batch in read_together(sources, ready):
            start = time.time()
            for frame, found in zip(batch, detector.detect([frame.image for frame in batch]), strict=True):
                watches[frame.camera].update(frame, found)
                latencies.append(time.time() - arrivals[frame.camera].pop(frame.index))
                captured.append(time.time() - frame.time)
            if batch:
                batches.append((len(batch), time.time() - start))
                frames += len(batch)
        cpu = time.process_time() - cpu
        lost = sum(source.health.dropped for source in sources)
    finally:
        server.kill()
        server.wait()
    real = {
        **{
            name: round(float(np.percentile(latencies, share)), 4)
            for name, share in (("p50", 50), ("p95", 95), ("p99", 99))
        },
        "capture_p50": round(float(np.median(captured)), 4),
        "lost": round(lost / max(frames + lost, 1), 4),
        "frames": frames + lost,
        "cpu_per_frame": round(cpu / max(frames, 1), 4),
        "mean_batch": round(frames / max(len(batches), 1), 2),
    }
    return {"real": real, "simulated": _resimulate(batches, sorted(trace), Load(count, fps, 1, 8, seconds))}


def _note_arrivals(source: Any, trace: list[tuple[float, int]], number: int) -> dict[int, float]:
    """Note when the thread of a stream has decoded its frames, by index; in the trace those that are looked at."""
    arrivals, keep, is_due = {}, source._keep, source._thinner.is_due

    def note(picture: Any, at: float) -> None:
        arrivals[source.health.frames] = time.time()
        keep(picture, at)

    def choose(seconds: float) -> bool:
        due = is_due(seconds)
        trace.extend([(time.time(), number)] * due)
        return due

    source._keep, source._thinner.is_due = note, choose
    return arrivals


def _resimulate(
    batches: Sequence[tuple[int, float]], trace: Sequence[tuple[float, int]], load: Load
) -> dict[str, Any]:
    """Simulate with the frames and batch times of a real run: a line through the times, and their spread around it."""
    sizes, walls = np.array(batches, float).T
    slope, base = np.polyfit(sizes, walls, 1) if len(set(sizes)) > 1 else (walls.mean() / sizes[0], 0.0)
    detect = {size: max(base + slope * size, 1e-4) for size in range(1, load.batch + 1)}
    spread = walls / np.array([detect[int(size)] for size in sizes])
    arrivals = [(at - trace[0][0], camera) for at, camera in trace]
    return simulate(load, Stages(0, 0, detect, 0, 0), lambda rng: float(rng.choice(spread)), arrivals)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, simulate, check, and write the numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exported", type=Path, help="exported detector")
    parser.add_argument("video", type=Path, help="H.264 in an MP4 file")
    parser.add_argument("--cameras", type=int, default=1000)
    parser.add_argument("--cores", type=int, default=16, help="of a machine (default: 16)")
    parser.add_argument(
        "--check", type=float, metavar="SECONDS", help="watch four real streams for so long instead"
    )
    parser.add_argument("--fps", type=float, default=3, help="of the check (default: 3)")
    parser.add_argument("--ray", action="store_true", help="simulate every machine as a Ray actor")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json")
    given = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    if given.check:
        result: dict[str, Any] = check_streams(given.exported, given.video, given.check, given.fps)
    else:
        stages = measure_stages(given.exported, given.video)
        per_core = {
            str(fps): {str(size): round(1 / stages.cores(fps, size), 2) for size in BATCHES}
            for fps in (1, 3, 5)
        }
        city = plan_city(given.cameras, given.cores, stages, given.ray)
        result = {"stages": asdict(stages), "streams_per_core": per_core, "city": city}
    given.out.write_text(json.dumps({"load": load, **result}, indent=1) + "\n")
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
