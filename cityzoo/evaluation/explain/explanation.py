"""A prediction with two attribution maps, and the agreement of the maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.evaluation.explain.answer_selection import Answer
from cityzoo.evaluation.explain.occlusion import GRID
from cityzoo.outputs.attribution_target import confidence
from cityzoo.sample import ImageExample
from cityzoo.visualize.heatmap import resize_heatmap

FINE = 8  # samples per side of a patch position, to compare both maps


@dataclass(frozen=True)
class Explanation:
    """A prediction and its two maps.

    Attributes:
        image: the image.
        answer: the prediction.
        words: the predicted class.
        odds: log odds of the prediction.
        attribution: (h, w) float32 over the network's input, contribution of each cell to the logit.
        corners: of the network's input in the image: x1, y1, x2, y2 pixels.
        left: (GRID, GRID) float32 over the image: log odds with a patch there.
        box_xyxy: (4,) pixels of the image; None: the whole image.
    """

    image: ImageExample
    answer: Answer
    words: str
    odds: float
    attribution: np.ndarray
    corners: np.ndarray
    left: np.ndarray
    box_xyxy: np.ndarray | None = None

    @property
    def confidence(self) -> float:
        """Confidence of the network, 0..1."""
        return float(confidence(self.odds))

    @property
    def covered(self) -> float:
        """Confidence with the most harmful patch, 0..1."""
        return float(confidence(self.left.min()))

    @property
    def losses(self) -> np.ndarray:
        """Log odds lost with a patch, (GRID, GRID) over the image."""
        return self.odds - self.left

    @property
    def agreement(self) -> float | None:
        """Rank correlation of the positive parts of both maps."""
        height, width = self.image.size_hw
        corners = np.divide(self.corners, [width, height, width, height]) * GRID * FINE
        fine = resize_heatmap(np.maximum(self.attribution, 0), tuple(corners), (GRID * FINE, GRID * FINE))
        return rank_correlation(
            fine.reshape(GRID, FINE, GRID, FINE).mean(axis=(1, 3)), np.maximum(self.losses, 0)
        )

    def share_in_box(self, attribution: np.ndarray) -> float:
        """Return the share, 0..1, of a map's positive part that lies in the box."""
        x1, y1, x2, y2 = np.asarray(self.box_xyxy).round().astype(int)
        glow = resize_heatmap(np.maximum(attribution, 0), tuple(self.corners), self.image.size_hw)
        return float(glow[y1:y2, x1:x2].sum() / max(glow.sum(), 1e-12))


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return Spearman's rank correlation of two maps of one shape, -1..1; None if one is constant.

    Example:
        >>> rank_correlation(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 4.0], [9.0, 16.0]]))
        1.0
    """
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return round(float(spearmanr(np.ravel(one), np.ravel(other)).statistic), 4)
