"""Which number of a model's raw output a prediction comes from: where its explanation starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class AttributionTarget(NamedTuple):
    """One prediction of a model, as a place in its raw output.

    Example:
        >>> AttributionTarget((0,), -1, "bus").probability(np.array([[0.0], [-50.0]])).tolist()
        [0.5, 1.0]
        >>> AttributionTarget((1,), 1, "car", tied=True).probability(np.array([[2.0, 2.0, -60.0]])).round(3).tolist()
        [0.5]
    """

    place: tuple[int, ...]  # position in one image's raw output, an index for each axis
    sign: int  # 1 where a higher number is a surer answer, -1 where a lower one is
    words: str  # the answer, a class's name
    # whether softmax ties the numbers of the last axis; else each has a sigmoid of its own
    tied: bool = False
    # (4,) float32, pixels of the network's input: where the answer lies; None: the whole image
    box_xyxy: np.ndarray | None = None

    def probability(self, outputs: np.ndarray) -> np.ndarray:
        """Return how sure the answer is in each image, (B,) float64 0..1, of raw outputs (B, ...)."""
        return confidence(self.log_odds(outputs))

    def log_odds(self, outputs: np.ndarray) -> np.ndarray:
        """Return log p / (1 - p) of `probability`, (B,) float64: it still moves where the probability is all but 1."""
        outputs = np.asarray(outputs, np.float64)
        index: tuple[Any, ...] = (slice(None), *self.place)
        value = outputs[index]
        if not self.tied:
            return self.sign * value
        rivals = np.delete(outputs[index[:-1]], self.place[-1], axis=-1)
        return value - np.logaddexp.reduce(rivals, axis=-1)


def confidence(log_odds: float | np.ndarray) -> np.ndarray:
    """Return the probability, 0..1, of log odds.

    Example:
        >>> float(confidence(0.0))
        0.5
    """
    return 1 / (1 + np.exp(-np.clip(log_odds, -60.0, 60.0)))


def class_attribution_target(
    shares: np.ndarray, logits: int, class_names: Sequence[str], several: bool, number: int
) -> AttributionTarget | None:
    """Return where the class lies that is the `number`-th surest, 0 the surest; None: there are not so many.

    Args:
        shares: (C,) probabilities.
        logits: numbers in the raw output: C, or one for two classes, the second one's.
        class_names: of the C classes.
        several: whether several classes can hold at once.
        number: 0 or more.

    Example:
        >>> class_attribution_target(np.array([0.7, 0.3]), 1, ("bus", "car"), several=False, number=0)
        AttributionTarget(place=(0,), sign=-1, words='bus', tied=False, box_xyxy=None)
    """
    if number >= len(shares):
        return None
    label = int(np.argsort(-shares, kind="stable")[number])
    one = logits < len(shares)
    place, sign = (0 if one else label,), -1 if one and label == 0 else 1
    return AttributionTarget(place, sign, class_names[label], tied=not several and not one)
