"""Cameras on machines, simulated by events: latency, lost frames, and how many machines a city needs.

Cameras send frames, decoding takes its share of every core, detectors take the newest frame of each camera in batches;
a frame that is replaced before it is taken is lost. The anchor is arXiv 2603.05217: 1,000 streams of a city.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PRICE = 0.04  # US dollars for an hour of a core, assumed; a month has 730 hours
LATE, LOST = 1.0, 0.01  # seconds of the 99th percentile, and share of frames, that a machine may reach


@dataclass(frozen=True)
class Stages:
    """CPU seconds of the stages.

    Attributes:
        decode: of every frame that a camera sends.
        convert: to RGB, of a frame that is looked at.
        detect: of a batch, by its size.
        track: tracking and counting, of a frame that is looked at.
        camera_fps: frames per second that the cameras send.
    """

    decode: float
    convert: float
    detect: Mapping[int, float]
    track: float
    camera_fps: float

    def cores(self, fps: float, batch: int) -> float:
        """Return the cores that one camera needs, of which `fps` frames per second are looked at.

        Example:
            >>> Stages(0.002, 0.001, {1: 0.05, 8: 0.24}, 0.001, 25).cores(5, 8)
            0.21
        """
        return round(
            self.camera_fps * self.decode + fps * (self.convert + self.detect[batch] / batch + self.track), 9
        )


@dataclass(frozen=True)
class Load:
    """What a machine has to do.

    Attributes:
        cameras: on it.
        fps: frames per second that are looked at, of each.
        cores: of the machine; each runs a detector.
        batch: most frames in a batch.
        seconds: simulated.
        seed: of the phases and the jitter of the cameras.
    """

    cameras: int
    fps: float
    cores: int
    batch: int = 8
    seconds: float = 60.0
    seed: int = 0


def simulate(
    load: Load,
    stages: Stages,
    slow: Callable[[np.random.Generator], float] = lambda rng: 1.0,
    arrivals: Sequence[tuple[float, int]] = (),
) -> dict[str, Any]:
    """Simulate a machine by events, and return its latency percentiles (s), lost frames and use.

    Decoding takes the same share of every core all the time; what remains is the speed of the detectors. A free
    detector takes the oldest waiting frames, at most one of each camera.

    Args:
        load: of the machine.
        stages: of the frames.
        slow: factor of each batch, drawn from a generator: other processes on the machine.
        arrivals: seconds and camera of every frame, to repeat a real run; none: regular cameras with a jitter of 5 %.
    """
    rng = np.random.default_rng(load.seed)
    speed = (
        1
        - load.cameras * load.fps * stages.convert / load.cores
        - load.cameras * stages.camera_fps * stages.decode / load.cores
    )
    if speed <= 0.02:
        return {"p50": None, "p95": None, "p99": None, "lost": 1.0, "use": 1.0, "frames": 0}
    first = [(float(rng.uniform(0, 1 / load.fps)), camera) for camera in range(load.cameras)]
    events = [
        (at, camera, 0.0) for at, camera in arrivals or first
    ]  # a batch that ends: camera -1, and its start
    heapq.heapify(events)
    waiting: dict[int, float] = {}  # camera -> time of its newest frame, oldest first
    free, latencies, sent, lost, busy = load.cores, [], 0, 0, 0.0
    while events:
        now, camera, started = heapq.heappop(events)
        if camera < 0:
            free += 1
            busy += now - started
        else:
            sent += 1
            lost += waiting.pop(camera, None) is not None
            waiting[camera] = now
            if not arrivals and now + 1 / load.fps < load.seconds:
                heapq.heappush(events, (now + max(rng.normal(1, 0.05), 0.1) / load.fps, camera, 0.0))
        while free and waiting:
            taken = list(itertools.islice(waiting, load.batch))
            size = min(each for each in stages.detect if each >= len(taken))
            service = (
                (stages.detect[size] * len(taken) / size + len(taken) * stages.track) / speed * slow(rng)
            )
            latencies += [now + service - waiting.pop(each) for each in taken]
            heapq.heappush(events, (now + service, -1, now))
            free -= 1
    shares = np.percentile(latencies, [50, 95, 99])
    names = dict(zip(("p50", "p95", "p99"), (round(float(value), 4) for value in shares), strict=True))
    use = 1 - speed + speed * busy / load.cores / load.seconds
    return {**names, "lost": round(lost / sent, 4), "use": round(use, 3), "frames": sent}


def holds(found: Mapping[str, Any]) -> bool:
    """Return whether a machine keeps up: 99 % of the frames within a second, and at most 1 % lost."""
    return found["p99"] is not None and found["p99"] <= LATE and found["lost"] <= LOST


def most_cameras(fps: float, cores: int, stages: Stages, batch: int = 8) -> int:
    """Return how many cameras a machine keeps up with, by bisection over simulations."""
    low, high = 0, int(cores / stages.cores(fps, batch)) + 2
    while high - low > 1:
        middle = (low + high) // 2
        if holds(simulate(Load(middle, fps, cores, batch), stages)):
            low = middle
        else:
            high = middle
    return low


def simulate_city(loads: Sequence[Load], stages: Stages, use_ray: bool = False) -> list[dict[str, Any]]:
    """Simulate all machines, each as a Ray actor with `use_ray`; the results are the same."""
    if not use_ray:
        return [simulate(load, stages) for load in loads]
    import ray

    class Machine:
        def run(self, load: Load) -> dict[str, Any]:
            return simulate(load, stages)

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
    actors = [ray.remote(num_cpus=0.01)(Machine).remote() for _ in loads]
    found = ray.get([actor.run.remote(load) for actor, load in zip(actors, loads, strict=True)])
    ray.shutdown()
    return found


def plan_city(cameras: int, cores: int, stages: Stages, use_ray: bool) -> dict[str, Any]:
    """Return machines, cost and latency of a city by frames per second."""
    rows = {}
    for fps in (1, 3, 5):
        each = most_cameras(fps, cores, stages)
        if not each:
            rows[str(fps)] = {"cameras_per_machine": 0}
            continue
        machines = -(-cameras // each)
        shares = [cameras // machines + (number < cameras % machines) for number in range(machines)]
        loads = [Load(share, fps, cores, seed=number) for number, share in enumerate(shares)]
        found = simulate_city(loads, stages, use_ray)
        rows[str(fps)] = {
            "cameras_per_machine": each,
            "machines": machines,
            "p50": float(np.median([row["p50"] for row in found])),
            "p99": max(row["p99"] for row in found),
            "lost": max(row["lost"] for row in found),
            "dollars_per_camera_month": round(machines * cores * PRICE * 730 / cameras, 2),
        }
    return rows
