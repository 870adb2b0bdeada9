"""Objects that may not be there: persons on the road, fire, smoke."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.rule_observer import RuleObserver
from cityzoo.watch.tracking.assignment import compute_overlaps

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

LEAST_OVERLAP = 0.1  # of boxes in different frames: smoke changes its shape
HYSTERESIS = 0.8  # of the score, while the alarm lasts
CLEAR_SECONDS = 10.0  # of observation without the object, after which the alarm is released


class Presence(RuleObserver):
    """Raise an alarm when boxes of a class overlap in k of the last m frames with a mean score of the rule's.

    The mean is taken over the k best of these frames. While the alarm lasts, 0.8 of the score keeps it. A classifier
    gives one box of the whole image. After pyronear's rule, https://github.com/pyronear/pyro-engine, pull request 366.

    Args:
        arguments: as `RuleObserver`.
        least_score: of a detection where the rule names none.
    """

    def __init__(self, *arguments: Any, least_score: float = 0.0) -> None:
        super().__init__(*arguments)
        self._score = self.rule.score or least_score
        few, many = self.rule.frames
        self._few, self._frames = few, deque[tuple[np.ndarray, np.ndarray]](maxlen=many)
        self._raised: list[tuple[Incident, float]] = []  # and the clock when it was last seen

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarms that this frame raises and releases."""
        self.motion.update(observation)
        trails = self.motion.trails
        if trails.after_gap:
            self._frames.clear()
        self._frames.append(self._select(observation))
        boxes, scores = self._find_lasting()
        seen = []
        for incident, last in self._raised:
            held = compute_overlaps(np.array(incident.box)[None], boxes)[0] >= LEAST_OVERLAP
            if (held & (scores >= HYSTERESIS * self._score)).any():
                incident.box, last = boxes[held][scores[held].argmax()], trails.clock
            seen.append((incident, last))
        self._raised = [pair for pair in seen if trails.clock - pair[1] <= CLEAR_SECONDS]
        gone = [incident for incident, last in seen if trails.clock - last > CLEAR_SECONDS]
        events = [event for incident in gone for event in self.release(observation, incident)]
        fresh = np.flatnonzero(scores >= self._score)
        for row in fresh[np.argsort(-scores[fresh])].tolist():
            known = np.array([incident.box for incident, _ in self._raised]).reshape(-1, 4)
            if compute_overlaps(boxes[row : row + 1], known).max(initial=0.0) < LEAST_OVERLAP:
                fields = {"class": self.rule.subject or None, "score": round(float(scores[row]), 3)}
                incident, event = self.raise_alarm(observation, boxes[row], **fields)
                self._raised.append((incident, trails.clock))
                events.append(event)
        return events

    def _select(self, observation: Observation) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes and scores of the rule's class in its zone, weak ones included."""
        found = observation.detections
        boxes, scores = np.asarray(found.boxes, float).reshape(-1, 4), np.asarray(found.scores, float)
        kept = np.isin(found.labels, list(self.labels)) & (scores >= HYSTERESIS * self._score)
        if self.zone and len(boxes):
            feet = np.column_stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, 3]]) / self.motion.trails.scale
            kept &= self.zone.contains(np.minimum(feet, 1 - 1e-6))
        return boxes[kept], scores[kept]

    def _find_lasting(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes of the newest frame that has any, with the mean score of k frames, 0 for fewer."""
        boxes = next((boxes for boxes, _ in reversed(self._frames) if len(boxes)), np.zeros((0, 4)))
        best = np.zeros((len(self._frames), len(boxes)))
        for place, (others, scores) in enumerate(self._frames):
            overlaps = compute_overlaps(boxes, others) >= LEAST_OVERLAP
            best[place] = np.where(overlaps, scores, 0.0).max(axis=1, initial=0.0)
        best = np.sort(best, axis=0)[::-1][: self._few]
        is_full = len(best) == self._few
        return boxes, np.where((best > 0).all(axis=0) & is_full, best.mean(axis=0), 0.0)
