"""What choosing examples to label needs of a classifier: how unsure it is, and the class that a person corrects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from cityzoo.metrics.uncertainty import margin_uncertainty
from cityzoo.sample import Example


class ClassSelection:
    """Uncertainty by the margin of the two most probable classes."""

    class_names: tuple[str, ...]
    several: ClassVar[bool]
    label_layouts: ClassVar[tuple[str, ...]] = ("csv", "class_folders", "cvat")

    def uncertainty(self, outputs: np.ndarray, results: Sequence[Any]) -> np.ndarray:
        """Return 1 minus the margin between the two most probable classes."""
        return margin_uncertainty(np.stack(_shares(results)), self.several)

    def prelabel(
        self, results: Sequence[Any], report: Mapping[str, Any], score: float | None
    ) -> list[tuple[str, ...]]:
        """Return the most probable class of each."""
        return [(self.class_names[int(np.argmax(row))],) for row in _shares(results)]

    def label_scores(self, example: Example, result: Any) -> np.ndarray:
        """Return the probability of each class that holds; of an example without any, that of none."""
        holds, shares = np.asarray(example.target) > 0, getattr(result, "shares", result)
        return shares[holds] if holds.any() else 1 - np.max(shares, keepdims=True)

    def confidence(self, results: Sequence[Any]) -> np.ndarray | None:
        """Return the probability of the answer; with several classes, that of the least certain decision."""
        shares = np.stack(_shares(results))
        return np.maximum(shares, 1 - shares).min(axis=1) if self.several else shares.max(axis=1)


def _shares(results: Sequence[Any]) -> list[np.ndarray]:
    """Probabilities of results, which may hold more than these."""
    return [np.asarray(getattr(each, "shares", each)) for each in results]
