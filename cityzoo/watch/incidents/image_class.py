"""Fire, smoke and the like by a classifier, which sees the whole image and gives no boxes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.presence import CLEAR_SECONDS, HYSTERESIS
from cityzoo.watch.incidents.rule_observer import RuleObserver

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation


class ImageClass(RuleObserver):
    """Raise an alarm when the mean of the k best of a class's last m probabilities reaches the rule's.

    Each of the k has to be 0.8 of it or more. While the alarm lasts, a mean of 0.8 keeps it, as in `Presence`. Frames
    that were not classified do not count.

    Args:
        arguments: as `RuleObserver`.
        threshold: probability where the rule names none, 0..1.

    Raises:
        InputError: neither of the two names a probability.
    """

    def __init__(self, *arguments: Any, threshold: float | None = None) -> None:
        super().__init__(*arguments)
        least = self.rule.score or threshold
        if least is None:
            raise InputError(
                f"alarm '{self.rule.text}': the report of the classifier names no probability from which "
                f"'{self.rule.subject}' is an alarm: give one, as in '{self.rule.subject} >= 0.5'"
            )
        self._least = least
        self._few, many = self.rule.frames
        self._values = deque[float](maxlen=many)
        self._incident: Incident | None = None
        self._seen = 0.0  # clock, when the alarm was last kept

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarm that this frame raises or releases."""
        self.motion.update(observation)
        if self.motion.trails.after_gap:
            self._values.clear()
        if observation.classes is None:
            return []
        self._values.append(observation.classes[self.rule.subject])
        clock, mean = self.motion.trails.clock, self._find_lasting()
        if mean >= HYSTERESIS * self._least:
            self._seen = clock
        if self._incident is None and mean >= self._least:
            fields: dict[str, Any] = {"class": self.rule.subject, "score": round(mean, 3)}
            self._incident, event = self.raise_alarm(observation, **fields)
            return [event]
        if self._incident is not None and clock - self._seen > CLEAR_SECONDS:
            incident, self._incident = self._incident, None
            return self.release(observation, incident)
        return []

    def _find_lasting(self) -> float:
        """Return the mean of the k best probabilities, 0 if one of them is too low or missing."""
        best = sorted(self._values)[-self._few :]
        is_held = len(best) == self._few and best[0] >= HYSTERESIS * self._least
        return sum(best) / self._few if is_held else 0.0
