"""COCO's average precision and recall when some images count more often than others, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.metrics.detection_matches import OVERLAPS, RECALLS, SIZES, Matches, matched
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import map_in_blocks, nanmean_weighted, share
from cityzoo.sample import Detections, ImageSet

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from cityzoo.outputs import WeightedMetrics

EVERY = tuple(range(len(OVERLAPS)))
# size, overlaps, and whether precision or recall, as `_Ranking` gives both
FIGURES = {
    "AP": ("all", EVERY, 0),
    "AP50": ("all", (0,), 0),
    "AP75": ("all", (5,), 0),
    "AP_small": ("small", EVERY, 0),
    "AP_medium": ("medium", EVERY, 0),
    "AP_large": ("large", EVERY, 0),
    "AR100": ("all", EVERY, 1),
}
OF_CLASS = {"AP": "AP", "AP50": "AP50", "AR": "AR100"}


def weighed_coco(
    truth: ImageSet, results: Sequence[Detections], figures: Sequence[str] | None = None
) -> WeightedMetrics:
    """Return what gives the figures of `coco_metrics` for weights of the images.

    An image of weight 2 counts as if it were there twice. Its detections keep their places among others of the same
    score, where a set with real copies would order them copy by copy.

    Args:
        truth: N annotated images.
        results: detections of each.
        figures: those wanted, as pointers into the report; None: all, `AP AP50 AP75 AP_small AP_medium AP_large
            AR100` and `AP AP50 AR` of every class. One overlap alone, as AP50, is ten times as fast.

    Returns:
        (R, N) float64 weights, 0 or more -> figure -> (R,) float64, 0..1; NaN where nothing is to be measured. A
        class whose boxes all weigh 0 is left out of means.

    Raises:
        InputError: not one Detections an image.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> streets = tuple(ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]) for _ in range(2))
        >>> found = [Detections([[0, 0, 20, 20]], [0.9], [0]), Detections([[9, 9, 20, 20]], [0.8], [0])]
        >>> weighed = weighed_coco(ImageSet("val", ("car",), streets), found, ["AP50", "per_class/car/AR"])
        >>> {name: values.round(3).tolist() for name, values in weighed(np.array([[1, 0], [1, 1], [0, 2]])).items()}
        {'AP50': [1.0, 0.505, 0.0], 'per_class/car/AR': [1.0, 0.5, 0.0]}
    """
    matches, labels = matched(truth, results), tuple(range(len(truth.class_names)))
    wanted = {name: (labels, *parts) for name, parts in FIGURES.items()}
    for label, class_name in enumerate(truth.class_names):
        wanted |= {
            pointer("per_class", class_name, name): ((label,), *FIGURES[figure])
            for name, figure in OF_CLASS.items()
        }
    wanted = {name: parts for name, parts in wanted.items() if figures is None or name in figures}
    needed = (product(chosen, [size], overlaps) for chosen, size, overlaps, _ in wanted.values())
    rankings = {each: _Ranking.of(matches, *each) for each in dict.fromkeys(chain(*needed))}

    def weighed(weights: np.ndarray) -> dict[str, np.ndarray]:
        scores = {each: ranking.scores(weights) for each, ranking in rankings.items()}

        def figure(chosen: Sequence[int], size: str, overlaps: Sequence[int], which: int) -> np.ndarray:
            by_class = [[scores[label, size, overlap][which] for overlap in overlaps] for label in chosen]
            return nanmean_weighted(np.mean(by_class, axis=1).T)

        return {name: figure(*parts) for name, parts in wanted.items()}

    longest = max((len(ranking.hit_images) for ranking in rankings.values()), default=0)
    return map_in_blocks(weighed, 4 * max(longest, len(truth)))  # a dozen arrays of that size at a time


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Hold the detections of one class, size and overlap from best score to lowest, as far as weights need them.

    Precision falls with every false alarm, so its best values lie at the H hits: between them it is enough to know
    how many detections each image has.

    Attributes:
        steps: (H, N), detections of each image from behind the hit before up to each hit, both kinds.
        hit_images: (H,) int, the image of each hit.
        n_truth: (N,) float64, boxes of each image.
    """

    steps: csr_array
    hit_images: np.ndarray
    n_truth: np.ndarray

    @classmethod
    def of(cls, matches: Matches, label: int, size: str, overlap: int) -> _Ranking:
        """Return the ranking of one class, size and overlap."""
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
        """Return (R,) average precision and (R,) recall for (R, N) weights; NaN where all truth weighs 0."""
        n_truth = weights @ self.n_truth
        if not len(self.hit_images):
            return (share(np.zeros(len(weights)), n_truth),) * 2
        # Running sums along rows in memory: across them they take several times as long.
        true = np.cumsum(weights[:, self.hit_images], axis=1)
        seen = np.cumsum(np.ascontiguousarray((self.steps @ weights.T).T), axis=1)
        precision = np.maximum.accumulate((true / (seen + np.spacing(1)))[:, ::-1], axis=1)[:, ::-1]
        recall = share(true, n_truth[:, None])
        reached = np.searchsorted(RECALLS, recall, side="right")  # of the 101 recalls, at each hit
        area = (precision * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
        return np.where(n_truth > 0, area, np.nan), recall[:, -1]
