"""Where the tracks of a camera have been lately, and how fast: shared by measures and incidents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.watch.scene import Ground
from cityzoo.watch.sources.health import GapFinder

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

SAMPLES = 24  # that are remembered
STEP = 0.1  # least seconds between them
WINDOW = 2.0  # seconds over which a speed is estimated
KNOWN_SECONDS = 0.7  # of a track, after which its speed is known
JOINED = 1.5  # sizes between the places of a lost track and the one that continues it
STILL_PACE, STILL_METRES = 0.15, 1.2  # sizes per second and m/s, below which a vehicle stands
CLOCK, X, Y, BOTTOM, LOG_SIZE, EAST, NORTH = range(7)  # columns of a sample


class Trails:
    """Follow the confirmed tracks of one camera over a few seconds; arrays have a row for each one in the frame.

    Time is counted on a clock that stands still in gaps of observation, so that no duration contains unseen time.

    Args:
        ground: for speeds in metres.

    Attributes:
        scale: (2,) width and height of the image in pixels.
        clock: observed seconds so far.
        after_gap: whether a gap ended with this frame.
        step: observed seconds since the last frame.
        tracks: (N,) of the frame, those that are confirmed.
        boxes: (N, 4) pixels.
        centers: (N, 2) pixels.
        sizes: (N,) square root of the area, pixels.
        feet: (N, 2) middle of the lower edge, 0..1 of the image.
        velocity: (N, 2) pixels per second; not a number while unknown.
        pace: (N,) sizes per second, growth included.
        metres: (N,) speed on the ground in m/s; not a number while unknown, or outside the ground's corners.
        travel: (N,) farthest distance from the first place, in sizes.
        identities: by id of a track: the id under which its vehicle was first seen, before it was lost.
    """

    def __init__(self, ground: Ground | None = None) -> None:
        self.scale, self.ground = np.ones(2), ground
        self.clock, self.step, self.after_gap = 0.0, 0.0, False
        self._gaps, self._frame, self._time = GapFinder(), -1, float("nan")
        self._sampled, self._place = -1.0, -1
        self._samples = np.full((SAMPLES, 16, 7), np.nan)
        self._slots: dict[int, int] = {}
        self._seen: dict[int, float] = {}
        self._births: dict[int, tuple[float, float]] = {}
        self._places: dict[int, list[np.ndarray]] = {}  # last center and velocity
        self._farthest: dict[int, float] = {}
        self.identities: dict[int, int] = {}
        self._measure([])

    def update(self, observation: Observation) -> bool:
        """Take the tracks of a frame; return False for the same frame again, which changes nothing."""
        frame = observation.frame
        if (frame.index, frame.time) == (self._frame, self._time):
            return False
        self.scale = np.array([frame.image.shape[1], frame.image.shape[0]], float)
        step = frame.time - self._time if self._time == self._time else 0.0
        self.after_gap = step < 0 or self._gaps.gap(frame.time) is not None
        self.step = 0.0 if self.after_gap else step
        self.clock += self.step
        self._frame, self._time = frame.index, frame.time
        self._measure([track for track in observation.tracks if track.is_confirmed])
        return True

    def _measure(self, tracks: list) -> None:
        self.tracks = tracks
        self.boxes = np.array([track.box for track in tracks], float).reshape(-1, 4)
        self.centers = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        self.sizes = np.sqrt(np.maximum(np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1), 1.0))
        self.feet = np.column_stack([self.centers[:, 0], self.boxes[:, 3]]) / self.scale
        slots = self._assign()
        if self.clock - self._sampled >= STEP * 0.99:
            self._sampled, self._place = self.clock, (self._place + 1) % SAMPLES
            self._samples[self._place] = np.nan
        values = [np.full(len(tracks), self.clock), *self.centers.T, self.boxes[:, 3], np.log(self.sizes)]
        self._samples[self._place, slots] = np.column_stack([*values, self._on_ground()])
        self._estimate(slots)

    def _on_ground(self) -> np.ndarray:
        if self.ground is None or not len(self.feet):
            return np.full((len(self.feet), 2), np.nan)
        return np.where(self.ground.contains(self.feet)[:, None], self.ground.to_metres(self.feet), np.nan)

    def _estimate(self, slots: np.ndarray) -> None:
        """Fit a straight motion to the samples of the last seconds of each track, by least squares."""
        samples = self._samples[:, slots]
        recent = samples[..., CLOCK] >= self.clock - WINDOW - 1e-6
        slopes, spans = fit_slopes(samples, recent)
        is_known = spans >= KNOWN_SECONDS
        self.velocity = np.where(is_known[:, None], slopes[:, [X, Y]], np.nan)
        self._places |= {
            track.id: place for track, *place in zip(self.tracks, self.centers, self.velocity, strict=True)
        }
        growth = np.abs(np.where(is_known, slopes[:, LOG_SIZE], np.nan))
        self.pace = np.hypot(np.hypot(*self.velocity.T) / self.sizes, growth)
        inside = recent & np.isfinite(samples[..., EAST])
        same = self.ground is None or bool((inside == recent).all())
        metres, spans = (slopes, spans) if same else fit_slopes(samples, inside)
        self.metres = np.where(spans >= KNOWN_SECONDS, np.hypot(metres[:, EAST], metres[:, NORTH]), np.nan)

    @property
    def still(self) -> np.ndarray:
        """Whether each track (N,) stands."""
        with np.errstate(invalid="ignore"):
            return (self.pace < STILL_PACE) & ~(self.metres >= STILL_METRES)

    def trail(self, track: int) -> np.ndarray:
        """Return the samples (K, 7) of a track in order of time: clock, x, y, bottom, log size, metres."""
        samples = self._samples[:, self._slots[track]] if track in self._slots else np.zeros((0, 7))
        samples = samples[np.isfinite(samples[:, CLOCK])]
        return samples[samples[:, CLOCK].argsort()]

    def _assign(self) -> np.ndarray:
        for key in [key for key, seen in self._seen.items() if self.clock - seen > WINDOW]:
            for table in (
                self._slots,
                self._seen,
                self._births,
                self._farthest,
                self._places,
                self.identities,
            ):
                table.pop(key, None)  # type: ignore[attr-defined]
        for track, center, size in zip(self.tracks, self.centers, self.sizes, strict=True):
            if track.id not in self._slots:
                old = self._find_lost(center, size)
                self._slots[track.id] = self._free_slot()
                self._births[track.id] = track.center if old is None else self._births[old]
                self._farthest[track.id] = 0.0 if old is None else self._farthest[old]
                self.identities[track.id] = track.id if old is None else self.identities[old]
            self._seen[track.id] = self.clock
        ids = [track.id for track in self.tracks]
        births = np.array([self._births[key] for key in ids]).reshape(-1, 2)
        distance = np.hypot(*(self.centers - births).T) / self.sizes
        self.travel = np.maximum(distance, [self._farthest[key] for key in ids])
        self._farthest |= dict(zip(ids, self.travel.tolist(), strict=True))
        return np.array([self._slots[key] for key in ids], int)

    def _find_lost(self, center: np.ndarray, size: float) -> int | None:
        """Return the lost track that a new one continues: where it would be now, or stopped, within two sizes."""
        present, found = {track.id for track in self.tracks}, []
        taken = {self.identities[key] for key in present & self.identities.keys()}
        for key, (last, velocity) in self._places.items():
            missed = self.clock - self._seen[key]
            if key not in present and self.identities[key] not in taken and missed > 0:
                expected = last + np.nan_to_num(velocity) * missed
                away = min(np.linalg.norm(center - place) for place in (last, expected))
                found.append((float(away), key))
        distance, nearest = min(found, default=(math.inf, -1))
        return nearest if distance <= JOINED * size else None

    def _free_slot(self) -> int:
        taken, count = set(self._slots.values()), self._samples.shape[1]
        slot = next((slot for slot in range(count) if slot not in taken), count)
        if slot == count:
            self._samples = np.concatenate([self._samples, np.full_like(self._samples, np.nan)], axis=1)
        self._samples[:, slot] = np.nan
        return slot


def fit_slopes(samples: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes (N, C) over time of samples (K, N, C), and the spans of time (N,) that they rest on.

    Args:
        samples: the first column is the time.
        used: (K, N) which of them count.

    Example:
        >>> samples = np.array([[[0.0, 5.0]], [[1.0, 7.0]], [[2.0, 9.0]]])
        >>> [value.tolist() for value in fit_slopes(samples, np.ones((3, 1), bool))]
        [[[1.0, 2.0]], [2.0]]
    """
    weights = used[..., None].astype(float)
    values = np.where(used[..., None], samples, 0.0)
    count = np.maximum(weights.sum(axis=0), 1)
    offset = (values - values.sum(axis=0) / count) * weights
    square = np.maximum((offset[..., :1] ** 2).sum(axis=0), 1e-9)
    times = samples[..., CLOCK]
    last = np.where(used, times, -np.inf).max(axis=0, initial=-np.inf)
    first = np.where(used, times, np.inf).min(axis=0, initial=np.inf)
    return (offset[..., :1] * offset).sum(axis=0) / square, np.where(used.any(axis=0), last - first, 0.0)
