"""Frames per second of watch: decoding, detecting and tracking alone, and all together; milliseconds of 20 objects.

    python -m benchmarks.watch_throughput VIDEO --run EXPORTED [--repeats 3]

A pipeline is as fast as its slowest stage if the others run beside it. Every repeat measures each stage alone and the
whole right after it, so that other load on the machine meets all of them; the best of the repeats counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.watch.camera import CameraWatch
from cityzoo.watch.counting import LineCounter
from cityzoo.watch.detector import Detections, Detector
from cityzoo.watch.output import WatchFolder
from cityzoo.watch.scene import parse_scene
from cityzoo.watch.sources import open_source
from cityzoo.watch.thresholds import choose_thresholds
from cityzoo.watch.tracking import Tracker
from cityzoo.watch.watching import Watching

SCENE = parse_scene({"lines": [{"name": "mid", "points": [[0, 0.5], [1, 0.5]]}]})
BATCH = 8


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video")
    parser.add_argument("--run", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    best: dict[str, float] = {}
    for _ in range(given.repeats):
        for name, rate in measure(given.video, Detector(Path(given.run))).items():
            best[name] = max(best.get(name, 0.0), rate)
    together = best.pop("together")
    lines = [f"{name:<10} {rate:8.1f} frames/s" for name, rate in best.items()]
    lines += [
        f"{'together':<10} {together:8.1f} frames/s, {together / min(best.values()):.2f} of the slowest"
    ]
    lines.append(
        f"tracker and counter, 20 objects: {min(track_twenty() for _ in range(5)):.2f} ms of CPU a frame"
    )
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


def measure(video: str, detector: Detector) -> dict[str, float]:
    """Return the frames per second of each stage alone, and of all together."""
    rates: dict[str, float] = {}
    frames = timed(rates, "decode", lambda: list(open_source(video)))
    batches = [frames[first : first + BATCH] for first in range(0, len(frames), BATCH)]
    found = timed(
        rates,
        "detect",
        lambda: [each for batch in batches for each in detector.detect([frame.image for frame in batch])],
    )
    watch = make_watch(detector)
    timed(rates, "track", lambda: [watch.update(*pair) for pair in zip(frames, found, strict=True)])
    with tempfile.TemporaryDirectory() as folder:
        source = open_source(video, "road")
        out = WatchFolder(Path(folder, "out"))
        watching = Watching([source], threading.Event(), detector, {"road": make_watch(detector)}, out)
        begun = time.perf_counter()
        watching.run()
        rates["together"] = watching.frames["road"] / (time.perf_counter() - begun)
        out.close()
    return rates


def track_twenty(frames: int = 100) -> float:
    """Return the milliseconds of CPU a frame that a tracker and a line counter take for 20 objects."""
    random = np.random.default_rng(0)
    start, speed = random.uniform(0, 600, (20, 2)), random.uniform(-4, 4, (20, 2))
    centers = [start + frame * speed for frame in range(frames)]
    found = [
        Detections(
            np.hstack([at - [20, 15], at + [20, 15]]).astype(np.float32), np.full(20, 0.6), np.ones(20, int)
        )
        for at in centers
    ]
    tracker, counter = Tracker(0.2), LineCounter(SCENE.lines[0], (600, 600))
    begun = time.process_time()
    for frame, detections in enumerate(found):
        counter.update(tracker.update(detections, frame / 10), frame / 10)
    return 1000 * (time.process_time() - begun) / frames


def make_watch(detector: Detector) -> CameraWatch:
    """Return a watch of one line with the thresholds of the run."""
    scores = choose_thresholds(detector.thresholds)
    return CameraWatch("road", SCENE, detector.class_names, None, scores.high, scores.low)


def timed(rates: dict[str, float], name: str, work: Callable[[], list[Any]]) -> list[Any]:
    """Return what `work` returns, and note the items per second under a name."""
    begun = time.perf_counter()
    items = work()
    rates[name] = len(items) / (time.perf_counter() - begun)
    return items


if __name__ == "__main__":
    sys.exit(main())
