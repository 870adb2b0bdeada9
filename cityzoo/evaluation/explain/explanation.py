"""One answer of a model with two maps of what it comes from, and how far the maps agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.evaluation.explain.answer_selection import Answer
from cityzoo.evaluation.explain.occlusion import GRID
from cityzoo.outputs.attribution_target import confidence
from cityzoo.sample import ImageExample
from cityzoo.visualize.heatmap import resize_heatmap

FINE = 8  # samples on each side of a place of the patch, where both maps meet


@dataclass(frozen=True)
class Explained:
    """Hold one answer and both maps of it.

    Attributes:
        image: in which it was given.
        answer: what the model said.
        words: the class that was said.
        odds: log odds that the network gives it.
        slopes: (h, w) float32 over the network's input, what each cell adds to the answer's number, or takes from it.
        corners: where the corners of the network's input lie in the image: x1, y1, x2, y2 pixels.
        left: (GRID, GRID) float32 over the image: the log odds that are left with a patch there.
        box_xyxy: (4,) pixels of the image, where the answer lies; None: the image as a whole.
    """

    image: ImageExample
    answer: Answer
    words: str
    odds: float
    slopes: np.ndarray
    corners: tuple[float, float, float, float]
    left: np.ndarray
    box_xyxy: np.ndarray | None = None

    @property
    def sure(self) -> float:
        """Return how sure the network is, 0..1."""
        return float(confidence(self.odds))

    @property
    def covered(self) -> float:
        """Return how sure it is still, 0..1, with a patch where that hurts most."""
        return float(confidence(self.left.min()))

    @property
    def losses(self) -> np.ndarray:
        """Return the log odds that a patch takes away, (GRID, GRID) over the image."""
        return self.odds - self.left

    @property
    def agreement(self) -> float | None:
        """Return how alike the map of the slopes and the map of the losses are, what is below 0 taken as 0."""
        height, width = self.image.size_hw
        corners = np.divide(self.corners, [width, height, width, height]) * GRID * FINE
        fine = resize_heatmap(np.maximum(self.slopes, 0), tuple(corners), (GRID * FINE, GRID * FINE))
        return rank_correlation(
            fine.reshape(GRID, FINE, GRID, FINE).mean(axis=(1, 3)), np.maximum(self.losses, 0)
        )

    def in_box(self, slopes: np.ndarray) -> float:
        """Return the share, 0..1, of what lies above 0 in a map of the network's input that lies in the box."""
        x1, y1, x2, y2 = self.box_xyxy.round().astype(int)
        glow = resize_heatmap(np.maximum(slopes, 0), self.corners, self.image.size_hw)
        return float(glow[y1:y2, x1:x2].sum() / max(glow.sum(), 1e-12))


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return Spearman's rank correlation of two maps of one shape, -1..1; None where one is the same everywhere.

    Example:
        >>> rank_correlation(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 4.0], [9.0, 16.0]]))
        1.0
    """
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return round(float(spearmanr(np.ravel(one), np.ravel(other)).statistic), 4)
