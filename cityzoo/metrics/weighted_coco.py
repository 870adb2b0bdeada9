"""COCO average precision and recall with a weight for each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.metrics.detection_matches import OVERLAPS, RECALLS, SIZES, Matches, match_detections
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import WeightedMetrics, divide, map_in_blocks, nanmean_rows
from cityzoo.sample import Detections, ImageSet

if TYPE_CHECKING:
    from scipy.sparse import csr_array

EVERY = tuple(range(len(OVERLAPS)))
# size, overlaps, and 0 for precision or 1 for recall, as in `_Ranking.scores`
METRICS = {
    "AP": ("all", EVERY, 0),
    "AP50": ("all", (0,), 0),
    "AP75": ("all", (5,), 0),
    "AP_small": ("small", EVERY, 0),
    "AP_medium": ("medium", EVERY, 0),
    "AP_large": ("large", EVERY, 0),
    "AR100": ("all", EVERY, 1),
}
CLASS_METRICS = {"AP": "AP", "AP50": "AP50", "AR": "AR100"}


def weighted_coco_metrics(
    truth: ImageSet, results: Sequence[Detections], names: Sequence[str] | None = None
) -> WeightedMetrics:
    """Return the metrics of `coco_metrics` as a function of the images' weights.

    An image of weight 2 counts as two images, except for the order of detections of equal score. Classes whose boxes
    all weigh 0 are left out of means.

    Args:
        names: metrics to return, as pointers into the report; None: all, `AP AP50 AP75 AP_small AP_medium AP_large
            AR100` and `AP AP50 AR` of every class. A single overlap, as in AP50, is ten times as fast.

    Raises:
        InputError: not one Detections per image.
    """
    matches, labels = match_detections(truth, results), tuple(range(len(truth.class_names)))
    wanted = {name: (labels, *parts) for name, parts in METRICS.items()}
    for label, class_name in enumerate(truth.class_names):
        wanted |= {
            pointer("per_class", class_name, name): ((label,), *METRICS[metric])
            for name, metric in CLASS_METRICS.items()
        }
    wanted = {name: parts for name, parts in wanted.items() if names is None or name in names}
    needed = (product(chosen, [size], overlaps) for chosen, size, overlaps, _ in wanted.values())
    rankings = {each: _Ranking.of(matches, *each) for each in dict.fromkeys(chain(*needed))}

    def weighted(weights: np.ndarray) -> dict[str, np.ndarray]:
        scores = {each: ranking.scores(weights) for each, ranking in rankings.items()}

        def mean(chosen: Sequence[int], size: str, overlaps: Sequence[int], which: int) -> np.ndarray:
            by_class = [[scores[label, size, overlap][which] for overlap in overlaps] for label in chosen]
            return nanmean_rows(np.mean(by_class, axis=1).T)

        return {name: mean(*parts) for name, parts in wanted.items()}

    longest = max((len(ranking.hit_images) for ranking in rankings.values()), default=0)
    return map_in_blocks(weighted, 4 * max(longest, len(truth)))  # a dozen arrays of that size at a time


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Detections of one class, size and overlap, by descending score.

    Precision falls with every false alarm, so its highest values lie at the H hits: between them only the number of
    detections per image matters.
    """

    steps: csr_array  # (H, N), detections of each image after the previous hit up to each hit
    hit_images: np.ndarray  # (H,) int, image of each hit
    n_truth: np.ndarray  # (N,) float64, boxes per image

    @classmethod
    def of(cls, matches: Matches, label: int, size: str, overlap: int) -> _Ranking:
        """Return the ranking of a class, a size and an overlap."""
        from scipy.sparse import csr_array

        row = list(SIZES).index(size)
        known = (matches.truth_labels == label) & ~matches.truth_ignored[row]
        n_truth = np.bincount(matches.truth_images[known], minlength=matches.n_images)
        ranked = matches.ranked(label)
        ranked = ranked[~matches.ignored[row, overlap, ranked]]
        hits, images = matches.hits[row, overlap, ranked], matches.images[ranked]
        before = np.cumsum(hits) - hits
        up_to_last = before < hits.sum()
        places = (before[up_to_last], images[up_to_last])
        shape = (int(hits.sum()), matches.n_images)
        steps = csr_array((np.ones(len(places[0])), places), shape=shape)
        steps.sum_duplicates()
        return cls(steps, images[hits], n_truth.astype(np.float64))

    def scores(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (R,) average precision and (R,) recall for (R, N) weights; NaN without weight on the truth."""
        n_truth = weights @ self.n_truth
        if not len(self.hit_images):
            nothing = divide(np.zeros(len(weights)), n_truth)
            return nothing, nothing
        # Cumulative sums along contiguous rows are several times faster than across them.
        true = np.cumsum(weights[:, self.hit_images], axis=1)
        seen = np.cumsum(np.ascontiguousarray((self.steps @ weights.T).T), axis=1)
        precision = np.maximum.accumulate((true / (seen + np.spacing(1)))[:, ::-1], axis=1)[:, ::-1]
        recall = divide(true, n_truth[:, None])
        reached = np.searchsorted(RECALLS, recall, side="right")  # of the 101 recalls, at each hit
        area = (precision * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
        return np.where(n_truth > 0, area, np.nan), recall[:, -1]
