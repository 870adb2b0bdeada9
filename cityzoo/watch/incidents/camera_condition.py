"""What is wrong with the image of a camera: dark, blurred, frozen or moved; without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.rolling import RollingValue
from cityzoo.watch.incidents.rule_observer import RuleObserver

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

EVERY = 0.5  # seconds between the frames that are measured
SIDE = 96  # points across the image
DARK_LEVEL, DARK_SPREAD = 12.0, 6.0  # of 255: the mean and the standard deviation of a covered lens
BLURRED_SHARE = 0.4  # of the usual sharpness
SMOOTH = 1 / 16  # what is left of it without any edge: a ramp
LEAST_CONTRAST = 2.0  # of 255, between points four apart
MOVED_AGREEMENT = 0.5  # of the edges with the usual ones, relative to what they usually agree
FADED_SHARE = 0.4  # of the usual contrast, below which nobody can tell whether the camera moved
SETTLING = 20  # measured frames that show what is usual
ADAPTING = 0.02  # weight of a new frame in what is usual, slow enough for clouds and queues


class CameraCondition(RuleObserver):
    """Raise an alarm when the image is in a condition for the rule's seconds.

    dark: mean below 12 of 255 and hardly any contrast, as of a covered lens; night with lamps is not dark. blurred:
    squared steps between neighbouring points, relative to those over four points, have fallen to 0.4 of the usual.
    frozen: the same image, bit for bit, while frames arrive. moved: the edges of the image are no longer where
    they usually are.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._held = RollingValue(self.rule.seconds)
        self._incident: Incident | None = None
        self._clock, self._count, self._sharpness = -EVERY, 0, 0.0
        self._level, self._agreement = 0.0, 0.0
        self._image = np.zeros((0, 0))
        self._edges = np.zeros((0, 0))

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarms that this frame raises and releases."""
        self.motion.update(observation)
        clock = self.motion.trails.clock
        if clock - self._clock < EVERY * 0.99:
            return []
        self._clock = clock
        self._held.add(clock, float(self._check(observation.frame.image)))
        if self._incident is None and self._held.quantile(0.1) == 1:
            self._incident, event = self.raise_alarm(observation, condition=self.rule.kind)
            return [event]
        if self._incident is not None and self._held.quantile(0.9) == 0:
            incident, self._incident = self._incident, None
            return self.release(observation, incident)
        return []

    def _check(self, image: np.ndarray) -> bool:
        """Return whether an image is in the condition, and learn from it if it is not."""
        step = max(1, image.shape[1] // SIDE)
        gray = image[::step, ::step].mean(axis=2)
        if self._image.shape != gray.shape:  # the first frame, or another resolution
            self._image, self._edges, self._count = np.full_like(gray, -1), np.zeros_like(gray), 0
        previous, self._image = self._image, gray
        if self.rule.kind == "frozen":
            return bool((previous == gray).all())
        if self.rule.kind == "dark":
            return bool(gray.mean() < DARK_LEVEL and gray.std() < DARK_SPREAD)
        return self._is_blurred(image) if self.rule.kind == "blurred" else self._is_moved(gray)

    def _is_blurred(self, image: np.ndarray) -> bool:
        gray = image[::2, :, 1].astype(np.float32)
        fine, coarse = np.diff(gray, axis=1) ** 2, (gray[:, 4:] - gray[:, :-4]) ** 2
        sharpness = float(fine.mean() / max(coarse.mean(), 1e-3)) - SMOOTH
        if coarse.mean() < LEAST_CONTRAST**2:  # dark or fog: nothing to be sharp
            return False
        is_blurred = self._count >= SETTLING and sharpness < BLURRED_SHARE * self._sharpness
        if not is_blurred:
            self._sharpness = self._adapt(self._sharpness, sharpness)
            self._count += 1
        return is_blurred

    def _is_moved(self, gray: np.ndarray) -> bool:
        across, down = np.zeros_like(gray), np.zeros_like(gray)
        across[:, 1:], down[1:] = np.diff(gray, axis=1), np.diff(gray, axis=0)
        edges = np.hypot(across, down)
        level = float(edges.mean())
        edges = np.minimum(edges / max(level, 1.0), 4.0)  # relative contrast: light may fade
        if self._count >= SETTLING and level < FADED_SHARE * self._level:  # out of focus, fog, night
            return False
        agreement = _correlate(edges, self._edges)
        is_moved = self._count >= SETTLING and agreement < MOVED_AGREEMENT * self._agreement
        if not is_moved:
            self._level = self._adapt(self._level, level)
            self._agreement = self._adapt(self._agreement, agreement)
            self._edges = self._adapt(self._edges, edges)
            self._count += 1
        return is_moved

    def _adapt(self, usual: Any, value: Any) -> Any:
        return usual + max(ADAPTING, 1 / (self._count + 1)) * (value - usual)


def _correlate(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / max(np.sqrt((first**2).sum() * (second**2).sum()), 1e-9))
