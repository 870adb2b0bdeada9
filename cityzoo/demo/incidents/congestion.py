"""Congestion at two stations of a simulated motorway: a camera upstream, a loop detector downstream, a hotline.

One simulation moves the traffic (`cityzoo.demo.sensors`). The image has vehicles at the distances that follow from its
density, which the camera counts; the detector measures speed and flow; reports give direction and time, though some are
late or about something else. The two stations together say where the bottleneck is, as traffic engineers look for it
(Cassidy and Bertini 1999): between them if the queue is upstream alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cityzoo.demo.incidents import VERSION
from cityzoo.demo.scenes.jam_scene import FULL_ROAD
from cityzoo.demo.scenes.road import choose_view
from cityzoo.demo.scenes.traffic_scene import Setting, plan_scene, shoot
from cityzoo.demo.scenes.vehicle_placement import Density
from cityzoo.demo.sensors.faults import local_clock
from cityzoo.demo.sensors.traffic_sensors import CHANNELS, TrafficDemo, simulate
from cityzoo.demo.texts import OUTSIDE, read_templates, write_table
from cityzoo.demo.texts.reports import EVENTS, make_report
from cityzoo.demo.write import scene_seed, write_once

COUNTS = {"train": 640, "val": 200}
SIZE_HW = (192, 256)
WINDOW = 3  # steps of five minutes, through which a station stays slow or fast
SLOW, FAST = 0.35, 0.8  # of the free speed: below, above; what is in between is left out
VEHICLE_M = 5.0
VIEW_KM, COUNT_ERROR = 0.1, 0.3  # of a camera, and of its counts as a share
SAME, SAME_COUNT = np.array([4.0, 80.0]), 0.9  # km/h, veh/h and vehicles: differences that hardly show
TRAIN_SHARE = 0.75  # of the days, the first ones
TRUE, LATE = (
    0.8,
    0.1,
)  # share of the reports that say how it is, and how it was; the others are about something else
VIEW = {"motorway": (1, (15.0, 17.0), (20.0, 23.0), (-4.0, 4.0), (0.9, 1.0))}  # all cameras alike
HEADER = ("time", "place", "image", "counts", "text", "sensor", "label")
LABELS = {  # slow at the camera, slow at the detector; rare cases first
    (True, False): "bottleneck",
    (False, True): "queue_tail",
    (False, False): "free",
    (True, True): "spillback",
}
ONE_PLACE = {(False, False): "free", (True, True): "congestion"}


class Moment(NamedTuple):
    """Cells of the camera and of the detector, first of the steps, and whether traffic is slow at each."""

    camera: int
    detector: int
    step: int
    slow: tuple[bool, bool]


def write_congestion(
    folder: Path, seed: int = 0, counts: dict[str, int] | None = None, one_place: bool = False
) -> Path:
    """Write train.csv and val.csv with their images, counts and detectors once; return the folder.

    Args:
        folder: new or empty, or with the same content.
        seed: 0 or more; equal seeds give equal files.
        counts: rows of train and val; None: `COUNTS`.
        one_place: whether camera, detector and reports are of one station, each of which would do alone.

    Raises:
        InputError: the folder has other content.
    """
    counts = counts or COUNTS

    def fill(draft: Path) -> None:
        demo = simulate(seed)
        for split, count in counts.items():
            rng = np.random.default_rng([seed, len(split)])
            rows = draw_moments(demo, split, count, rng, one_place)
            _write_split(draft, split, demo, rows, seed, rng, ONE_PLACE if one_place else LABELS)

    made: dict[str, Any] = {"task": "congestion_fusion", "version": VERSION, "seed": seed, "counts": counts}
    return write_once(folder, made | ({"one_place": True} if one_place else {}), fill)


def draw_moments(
    demo: TrafficDemo, split: str, count: int, rng: np.random.Generator, one_place: bool = False
) -> list[Moment]:
    """Return moments of a split, as many of each case, at which traffic has been slow or fast for `WINDOW` steps."""
    shares = demo.truth[..., 0] / demo.network.free_speeds
    cut = int(len(shares) * TRAIN_SHARE)
    first, shares = (0, shares[:cut]) if split == "train" else (cut, shares[cut:])
    windows = np.lib.stride_tricks.sliding_window_view(shares, WINDOW, axis=0)
    states: dict[bool, np.ndarray] = {
        True: np.asarray((windows < SLOW).all(axis=-1)),
        False: np.asarray((windows > FAST).all(axis=-1)),
    }
    cameras = np.flatnonzero(demo.network.ahead >= 0)
    detectors = cameras if one_place else demo.network.ahead[cameras]
    cases, found = list(ONE_PLACE if one_place else LABELS), []
    known: dict[tuple[str, bool], np.ndarray] = {}
    for number, (up, down) in enumerate(cases):
        places = np.argwhere(states[up][:, cameras] & states[down][:, detectors])
        wanted = (count + len(cases) - 1 - number) // len(cases)
        steps = first + places[:, :1] + np.arange(WINDOW)
        sides = {
            ("camera", up): _count(demo, cameras[places[:, 1:]], steps).mean(axis=1, keepdims=True)
            / SAME_COUNT,
            ("detector", down): demo.truth[steps, detectors[places[:, 1:]]].mean(axis=1) / SAME,
        }
        if sides.keys() <= known.keys():  # as in the other cases: neither side alone can tell them apart
            rows = [
                int(np.argmin(sum(np.square(sides[key] - known[key][row]).sum(axis=1) for key in sides)))
                for row in range(wanted)
            ]
        else:
            rows = rng.choice(len(places), wanted, replace=wanted > len(places)).tolist()
            known |= {key: values[[*rows, rows[-1]]] for key, values in sides.items()}
        for step, pair in places[rows].tolist():
            found.append(Moment(int(cameras[pair]), int(detectors[pair]), first + step, (up, down)))
    return [found[number] for number in rng.permutation(count).tolist()]


def _write_split(
    folder: Path,
    split: str,
    demo: TrafficDemo,
    moments: list[Moment],
    seed: int,
    rng: np.random.Generator,
    labels: Mapping[tuple[bool, bool], str],
) -> None:
    (folder / "images" / split).mkdir(parents=True)
    words = read_templates("reports")["en"]
    rows, counted, measured = [], [], []
    for number, moment in enumerate(moments):
        steps = slice(moment.step, moment.step + WINDOW)
        setting = Setting(partial(choose_view, layouts=VIEW), _density(demo, moment))
        plan = plan_scene(scene_seed(seed, split, number), SIZE_HW, setting=setting)
        shoot(plan).save(folder / "images" / split, f"{number:04d}")
        seen = _count(demo, moment.camera, np.arange(steps.start, steps.stop))
        counted.append(np.maximum(seen * rng.normal(1, COUNT_ERROR, WINDOW), 0).round(1))
        measured.append(demo.series.values[steps, moment.detector])
        window = f"{split}.csv#{number * WINDOW}:{(number + 1) * WINDOW}"
        time = demo.series.times[steps.stop - 1]
        rows.append(
            (
                f"{time}Z",
                demo.network.sensors[moment.camera],
                f"images/{split}/{number:04d}.jpg",
                f"counts_{window}",
                _report(words, split, demo, moment, rng),
                f"detectors_{window}" if np.isfinite(measured[-1]).any() else "",
                labels[moment.slow],
            )
        )
    write_table(folder / f"{split}.csv", HEADER, rows)
    numbers = np.concatenate(counted)[:, None].tolist()
    write_table(folder / f"counts_{split}.csv", ("vehicles",), numbers)
    values = np.concatenate(measured).tolist()
    cells = [["" if np.isnan(value) else f"{value:g}" for value in row] for row in values]
    write_table(folder / f"detectors_{split}.csv", CHANNELS, cells)


def _per_km(demo: TrafficDemo, cell: int, steps: Any) -> Any:
    """Return the vehicles per kilometer and lane: flow divided by speed."""
    speed, flow = demo.truth[steps, cell, 0], demo.truth[steps, cell, 1]
    return flow / np.maximum(speed, 1.0) / demo.network.lanes[cell]


def _density(demo: TrafficDemo, moment: Moment) -> Density:
    density = float(_per_km(demo, moment.camera, moment.step + WINDOW - 1))
    gap = max(1000 / max(density, 0.5) - VEHICLE_M, 0.5)
    first = min(2 * gap, 110.0)
    return Density(((1, gap),), (0.8, 1.25), first, parked=0.0, most=50, nearest=True, class_shares=FULL_ROAD)


def _count(demo: TrafficDemo, cells: Any, steps: Any) -> Any:
    """Return the mean number of vehicles in the view of a camera."""
    return _per_km(demo, cells, steps) * demo.network.lanes[cells] * VIEW_KM


def _report(
    words: dict[str, Any], split: str, demo: TrafficDemo, moment: Moment, rng: np.random.Generator
) -> str:
    """Return what a caller says of the detector's road, in its direction, at its time."""
    corridor = int(demo.network.corridors[moment.detector])
    hour = float(local_clock(demo.series.times[moment.step + WINDOW - 1 :][:1])[0][0])
    direction = ("northbound", "southbound", "eastbound", "westbound")[corridor]
    given = {"direction": direction, "time": f"at {int(hour)}:{round(hour % 1 * 60):02d}"}
    kind = rng.random()
    is_slow = moment.slow[1] if kind < TRUE else not moment.slow[1]
    event = "congestion" if is_slow else OUTSIDE
    if kind >= TRUE + LATE:
        event = str(rng.choice([each for each in EVENTS if each != "congestion"]))
    if split != "train":  # wordings are those of train, roads and places are others
        given |= {name: str(rng.choice(words[name]["held_out"])) for name in ("road", "place")}
    return make_report(words, "train", "en", rng, event, given).text
