"""A town whose incidents no modality knows alone: the camera's image and the detectors contradict each other.

A full road with slow detectors is everyday congestion, an empty one with fast detectors free flow. A standing queue
before fast detectors, or an empty road before slow ones, has something in between that blocks the road. The reports
that come in at the same time are about something else.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from cityzoo.demo.incidents import VERSION
from cityzoo.demo.scenes.jam_scene import FLOWS, HIGH_LAYOUTS
from cityzoo.demo.scenes.road import choose_view
from cityzoo.demo.scenes.traffic_scene import Setting, plan_scene, shoot
from cityzoo.demo.sensors.traffic_sensors import CHANNELS, FIRST, STEP_SECONDS
from cityzoo.demo.texts import write_table
from cityzoo.demo.texts.reports import make_reports
from cityzoo.demo.write import scene_seed, write_once

COUNTS = {"train": 480, "val": 160}
SIZE_HW = (144, 192)
WINDOW = 12  # steps of the detectors: an hour
PLACES = tuple(f"camera_{number}" for number in range(1, 9))
HEADER = ("time", "place", "image", "text", "sensor", "label")
LABELS = ("normal", "incident")
FREE_KMH, JAM_KMH, SPREAD_KMH = 86.0, 32.0, 9.0


def write_town(
    folder: Path, seed: int = 0, counts: dict[str, int] | None = None, agrees: bool = False
) -> Path:
    """Write train.csv and val.csv with their images and detectors once; return the folder.

    Args:
        folder: new or empty, or with the same content.
        seed: 0 or more; equal seeds give equal files.
        counts: rows of train and val; None: `COUNTS`.
        agrees: whether all modalities show congestion, or none does, and that is the label: each alone would do.

    Raises:
        InputError: the folder has other content.
    """
    counts = counts or COUNTS

    def fill(draft: Path) -> None:
        for split, count in counts.items():
            _write_split(draft, split, count, seed, agrees)

    made = {"task": "incident_fusion", "version": VERSION, "seed": seed, "counts": counts} | (
        {"agrees": True} if agrees else {}
    )
    return write_once(folder, made, fill)


def _write_split(folder: Path, split: str, count: int, seed: int, agrees: bool) -> None:
    rng = np.random.default_rng([seed, len(split)])
    english = [each for each in make_reports(split, seed) if each.language == "en"]
    about = [[e.text for e in english if ("congestion" in e.labels) == full] for full in (False, True)]
    reports = [each.text for each in english]
    (folder / "images" / split).mkdir(parents=True)
    rows, speeds = [], []
    cases = rng.permutation(count) % 4  # all four alike
    for number, case in enumerate(cases.tolist()):
        full = case % 2 == 1
        slow = full if agrees else case >= 2
        reports = about[full] if agrees else reports
        scene = scene_seed(seed, split, number)
        flow = FLOWS["jam" if full else "free"]
        setting = Setting(partial(choose_view, layouts=HIGH_LAYOUTS), flow)
        name = f"images/{split}/{number:04d}.jpg"
        shoot(plan_scene(scene, SIZE_HW, setting=setting)).save(folder / "images" / split, f"{number:04d}")
        speeds.append(draw_detector(slow, rng))
        step = (number // len(PLACES)) * WINDOW
        time = FIRST + np.timedelta64(step * STEP_SECONDS, "s")
        window = f"detectors_{split}.csv#{number * WINDOW}:{(number + 1) * WINDOW}"
        report = reports[int(rng.integers(len(reports)))]
        label = LABELS[int(full if agrees else full != slow)]
        rows.append((f"{time}Z", PLACES[number % len(PLACES)], name, report, window, label))
    write_table(folder / f"{split}.csv", HEADER, rows)
    table = np.concatenate(speeds).round(1)
    write_table(folder / f"detectors_{split}.csv", CHANNELS, [[f"{v:g}" for v in row] for row in table])


def draw_detector(slow: bool, rng: np.random.Generator) -> np.ndarray:
    """Return an hour of a detector, (12, 2): speed in km/h and flow in vehicles per hour.

    Flow is alike in both cases: on both branches of the fundamental diagram it can be anything below the capacity.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> bool(draw_detector(True, rng)[:, 0].mean() < 50 < draw_detector(False, rng)[:, 0].mean())
        True
    """
    speed = rng.normal(JAM_KMH if slow else FREE_KMH, SPREAD_KMH) + rng.normal(0, 4, WINDOW)
    flow = rng.uniform(400, 1500) * rng.normal(1, 0.1, WINDOW)
    return np.stack([np.maximum(speed, 2.0), np.maximum(flow, 0.0)], axis=1)
