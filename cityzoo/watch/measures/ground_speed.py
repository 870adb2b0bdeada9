"""Speeds of vehicles on calibrated ground, with an interval. Not for enforcement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Ground
from cityzoo.watch.tracking.assignment import compute_overlaps

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation
    from cityzoo.watch.counting import Crossing

LEAST_FRAMES, LEAST_METRES = 8, 5.0  # of a way that gives a speed
MOST_FRAMES, MOST_SECONDS = 40, 4.0  # of the way that is looked at
FOOT_ERROR = 0.06  # of the box, between its lower edge and the road below the vehicle: the same in all frames
CALIBRATION_ERROR = 0.02  # of four points that were measured with care
LEAST_JITTER = 0.5  # pixel
COVERAGE = 1.96  # standard deviations
CUT = 0.08  # of a box, from the edge of the image: nearer ones may reach beyond it
SAME_OVERLAP = 0.5  # of a track's box and the detection behind it
KMH = 3.6


@dataclass(frozen=True)
class Speed:
    """A speed in km/h with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def estimate_speed(
    times: np.ndarray, feet: np.ndarray, heights: np.ndarray, ground: Ground, scale: np.ndarray
) -> Speed | None:
    """Return the speed of a vehicle along its way, None where it cannot be told.

    The slope over time of the way on the ground is the median of those of all pairs of frames (Theil-Sen): a jump of
    the box does not move it. Its interval contains the scatter of the pixels, by the metres that a pixel spans where
    the vehicle was; an offset between the box and the road that is the same in all frames; and the calibration.

    Args:
        times: (N,) seconds, ascending.
        feet: (N, 2) middle of the lower edge of the box, 0..1 of the image.
        heights: (N,) of the box, pixels.
        ground: calibration; feet outside its corners are left out.
        scale: (2,) width and height of the image in pixels.

    Example:
        >>> ground = Ground(((0, 0), (1, 0), (1, 1), (0, 1)), ((0, 0), (10, 0), (10, 40), (0, 40)))
        >>> times = np.arange(10) / 5
        >>> feet = np.column_stack([np.full(10, 0.5), 0.1 + 0.25 * times])  # 10 m/s
        >>> speed = estimate_speed(times, feet, np.full(10, 20.0), ground, np.array([400, 400]))
        >>> round(speed.value, 1), speed.low < 36 < speed.high
        (36.0, True)
    """
    inside = ground.contains(feet)
    times, feet, heights = times[inside], feet[inside], heights[inside]
    if len(times) < LEAST_FRAMES:
        return None
    metres = ground.to_metres(feet)
    third = max(len(times) // 3, 1)
    way = np.median(metres[-third:], axis=0) - np.median(metres[:third], axis=0)
    length = float(np.linalg.norm(metres[-1] - metres[0]))
    if length < LEAST_METRES or not np.linalg.norm(way) > 0:
        return None
    along = metres @ (way / np.linalg.norm(way))
    first, second = np.triu_indices(len(times), 1)
    apart = times[second] - times[first] > 0.25 * (times[-1] - times[0])  # neighbours say little
    slopes = (along[second] - along[first])[apart] / (times[second] - times[first])[apart]
    slope = float(np.median(slopes))
    offset = times - times.mean()
    weights = offset / (offset**2).sum()  # of the slope on each place
    per_pixel = _metres_per_pixel(feet, ground, scale, way)
    jitter = _measure_jitter(times, feet * scale)
    scatter = jitter * float(np.sqrt(((weights * per_pixel) ** 2).sum()))
    bias = abs(float((weights * per_pixel * heights * FOOT_ERROR).sum()))
    error = COVERAGE * float(np.hypot(scatter, CALIBRATION_ERROR * slope)) + bias
    return Speed(slope * KMH, max(slope - error, 0.0) * KMH, (slope + error) * KMH)


def _measure_jitter(times: np.ndarray, feet: np.ndarray) -> float:
    """Return the standard deviation of the pixels around a smooth way: from the second differences."""
    steps = np.diff(times)[:, None]
    bends = np.diff(np.diff(feet, axis=0) / np.maximum(steps, 1e-6), axis=0) * steps[1:]
    scatter = 1.4826 * np.median(np.abs(bends - np.median(bends, axis=0)), axis=0) / np.sqrt(6)
    return max(float(np.linalg.norm(scatter)), LEAST_JITTER)


def _metres_per_pixel(feet: np.ndarray, ground: Ground, scale: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Return the metres (N,) along the way on the ground that a pixel in its direction in the image spans."""
    steps = [
        (ground.to_metres(feet + unit) - ground.to_metres(feet - unit)) / 2 for unit in np.diag(1 / scale)
    ]
    return np.linalg.norm(np.stack(steps) @ (way / np.linalg.norm(way)), axis=0)


class SpeedMeter:
    """Measure the speeds of the vehicles that cross lines.

    A speed at its crossing rests on the way so far, that of an interval also on the second after it.

    Args:
        motion: of the camera, with a ground.
    """

    columns = ("speed_kmh", "speed_low", "speed_high", "speed_vehicles")

    def __init__(self, motion: Motion) -> None:
        self.motion = motion
        self._ways: dict[int, list[tuple[float, ...]]] = {}
        self._waiting: list[tuple[Crossing, float]] = []
        self._speeds: dict[tuple[str, str], list[tuple[float, Speed]]] = defaultdict(list)

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Take a frame; no events: a speed is an entry of the crossing's event."""
        self.motion.update(observation)
        trails = self.motion.trails
        clock, boxes = trails.clock, self._find_detected(observation)
        margin = 1 + CUT * (boxes[:, 2:] - boxes[:, :2])
        cut = ~np.all((boxes[:, :2] > margin) & (boxes[:, 2:] < trails.scale - margin), axis=1)
        feet = np.column_stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, 3]]) / trails.scale
        heights = (boxes[:, 3] - boxes[:, 1]).tolist()
        for row, (track, foot) in enumerate(zip(trails.tracks, feet.tolist(), strict=True)):
            way = self._ways.setdefault(track.id, [])
            if not cut[row] and (not way or clock - way[-1][0] >= MOST_SECONDS / MOST_FRAMES * 0.99):
                way.append((clock, *foot, heights[row]))
        self._waiting += [(crossing, clock) for crossing in observation.crossings]
        ready = [pair for pair in self._waiting if clock - pair[1] >= 1]
        self._waiting = [pair for pair in self._waiting if clock - pair[1] < 1]
        for crossing, _ in ready:
            speed = self.estimate(crossing.track)
            if speed is not None:
                self._speeds[crossing.line, crossing.direction].append((crossing.time, speed))
        present = {track.id for track in trails.tracks}
        self._ways = {
            key: way
            for key, way in self._ways.items()
            if key in present or (way and clock - way[-1][0] <= MOST_SECONDS)
        }
        return []

    def _find_detected(self, observation: Observation) -> np.ndarray:
        """Return the detected boxes (N, 4) of the tracks: the filter of a new track lags behind its vehicle."""
        boxes, found = (
            self.motion.trails.boxes,
            np.asarray(observation.detections.boxes, float).reshape(-1, 4),
        )
        if not len(found) or not len(boxes):
            return np.full_like(boxes, np.nan)
        overlaps = compute_overlaps(boxes, found)
        is_same = overlaps.max(axis=1) >= SAME_OVERLAP
        return np.where(is_same[:, None], found[overlaps.argmax(axis=1)], np.nan)

    def health(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Do nothing: no way leads over a gap."""
        return []

    def estimate(self, track: int) -> Speed | None:
        """Return the speed of a track over the last seconds, None where it cannot be told."""
        trails, way = self.motion.trails, self._ways.get(track, ())
        if trails.ground is None or len(way) < LEAST_FRAMES:
            return None
        times, x, y, heights = np.array(way[-MOST_FRAMES:]).T
        recent = times >= times[-1] - MOST_SECONDS
        feet = np.column_stack([x, y])[recent]
        return estimate_speed(times[recent], feet, heights[recent], trails.ground, trails.scale)

    def describe(self, crossing: Crossing) -> dict[str, Any]:
        """Return the entry `speed_kmh` of the event of a crossing of this frame, if its speed can be told."""
        speed = self.estimate(crossing.track)
        return {"speed_kmh": {key: round(value, 1) for key, value in vars(speed).items()}} if speed else {}

    def interval(self, start: float, end: float) -> dict[tuple[str, str], dict[str, float]]:
        """Return the mean speed by (line, direction), with the mean ends of the intervals, and forget it."""
        rows = {}
        for key, pairs in self._speeds.items():
            speeds = [speed for time, speed in pairs if start <= time < end]
            self._speeds[key] = [pair for pair in pairs if pair[0] >= end]
            if speeds:
                rows[key] = summarize_speeds(speeds)
        return rows


def summarize_speeds(speeds: Sequence[Speed]) -> dict[str, float]:
    """Return the columns of several speeds.

    Example:
        >>> summarize_speeds([Speed(30, 28, 32), Speed(40, 36, 44)])
        {'speed_kmh': 35.0, 'speed_low': 32.0, 'speed_high': 38.0, 'speed_vehicles': 2}
    """
    means = np.array([[item.value, item.low, item.high] for item in speeds]).mean(axis=0).round(1).tolist()
    return dict(zip(SpeedMeter.columns, [*means, len(speeds)], strict=True))
