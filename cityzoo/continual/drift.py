"""Find what has changed between a reference and new examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from cityzoo.continual.measure_examples import LEAST
from cityzoo.continual.own_periods import (
    FALSE_ALARMS,
    FEATURES,
    Limits,
    calibrate_limits,
    measure_statistics,
)
from cityzoo.continual.two_sample_test import (
    PERMUTATIONS,
    TwoSampleTest,
    cluster_examples,
    compare_samples,
    reduce_features,
)
from cityzoo.data.groups import join_groups
from cityzoo.evaluation.source_distance import find_nearest
from cityzoo.monitor.camera_state import FIXED, measure_likeness, median_image
from cityzoo.monitor.drift import CONFIDENCE
from cityzoo.monitor.reference_examples import MeasuredExamples

LIKENESS = "likeness"
FEWEST_IMAGES = 10  # of a camera
LEAST_DISTANCE = 0.05  # of two examples that are shown, cosine


@dataclass(frozen=True)
class Drift:
    """What has changed.

    Attributes:
        new: the new examples.
        reference: those that they are compared with: of the same cameras, if there are enough.
        test: two-sample test of the features.
        statistics: by signal, see `cityzoo.continual.own_periods.measure_statistics`.
        limits: of the statistics.
        changed: signals over their limits, the most deviating first.
        distances: (N,) of each new example from the nearest one of the reference, cosine.
        nearest: (N,) int, that one.
    """

    new: MeasuredExamples
    reference: MeasuredExamples
    test: TwoSampleTest
    statistics: Mapping[str, float]
    limits: Limits
    changed: list[str]
    distances: np.ndarray
    nearest: np.ndarray

    @property
    def is_new_camera(self) -> bool:
        """Return whether no camera of the new examples is one of the reference."""
        return not set(self.new.cameras) & set(self.reference.cameras)

    def rank_unlike(self, count: int, weights: np.ndarray | None = None) -> list[int]:
        """Return the new examples that are most unlike the reference, without those nearly the same as one before.

        Args:
            count: maximum number of examples.
            weights: (N,) that distances are multiplied with; None: 1.
        """
        order = np.argsort(-self.distances * (1.0 if weights is None else weights), kind="stable")
        rows = standardize_pair(self.new, self.reference)[0]
        chosen: list[int] = []
        for row in order.tolist():
            if len(chosen) == count:
                break
            if not chosen or find_nearest(rows[[row]], rows[chosen])[0][0] > LEAST_DISTANCE:
                chosen.append(row)
        return chosen

    def rank_to_label(self, count: int) -> list[int]:
        """Return the new examples that are most worth labeling: unlike the reference, and with little confidence."""
        confidence = np.nan_to_num(self.new.signals.get(CONFIDENCE, np.zeros(len(self.new))))
        return self.rank_unlike(count, 1.25 - np.clip(confidence, 0, 1))


def find_drift(
    new: MeasuredExamples,
    reference: MeasuredExamples,
    false_alarms: float = FALSE_ALARMS,
    seed: int = 0,
    limits: Limits | None = None,
    permutations: int = PERMUTATIONS,
) -> Drift:
    """Compare new examples with a reference.

    Args:
        new: at least 20 of them.
        reference: of the run.
        false_alarms: share of unchanged periods that may count as changed.
        seed: of folds, permutations and periods.
        limits: of an earlier comparison with the same reference and number of examples; None: calibrated.
        permutations: behind the p value; 0: none.
    """
    reference = _same_cameras(new, reference)
    clusters = _cluster(reference)
    reference, new = add_likeness(reference, new, clusters)
    new_clusters = _cluster(new)
    limits = limits or calibrate_limits(reference, clusters, len(new), false_alarms=false_alarms, seed=seed)
    rows = reduce_features(np.concatenate([new.features, reference.features]))
    statistics = measure_statistics(new, new_clusters, reference, clusters, seed, rows)
    test = compare_samples(
        rows,
        np.repeat([True, False], [len(new), len(reference)]),
        np.concatenate([new_clusters, clusters + new_clusters.max() + 1]),
        permutations=permutations,
        seed=seed,
    )
    distances, nearest = find_nearest(*standardize_pair(new, reference))
    changed = limits.find_changes(statistics)
    return Drift(new, reference, test, statistics, limits, changed, distances, nearest)


def _cluster(examples: MeasuredExamples) -> np.ndarray:
    return cluster_examples(join_groups(examples.cameras))


def _same_cameras(new: MeasuredExamples, reference: MeasuredExamples) -> MeasuredExamples:
    """Return the reference's examples of the new examples' cameras, if they are enough; else all."""
    is_same = np.isin(reference.cameras, list(set(new.cameras)))
    covers_all = set(new.cameras) <= set(reference.cameras)
    return reference.select(is_same) if covers_all and is_same.sum() >= LEAST else reference


def standardize_pair(new: MeasuredExamples, reference: MeasuredExamples) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of both in standard deviations of the reference."""
    middle, spread = reference.features.mean(axis=0), reference.features.std(axis=0) + 1e-6
    return (new.features - middle) / spread, (reference.features - middle) / spread


def add_likeness(
    reference: MeasuredExamples, new: MeasuredExamples, clusters: np.ndarray
) -> tuple[MeasuredExamples, MeasuredExamples]:
    """Return both with the signal `likeness`, of each image to the median image of its camera in the reference.

    It is NaN for cameras that are not fixed, or of which the reference has fewer than 10 images. A image of the
    reference is compared with those of other clusters alone.

    Args:
        reference: N examples.
        new: the new ones.
        clusters: (N,) int.
    """
    known, found = np.full(len(reference), np.nan, np.float32), np.full(len(new), np.nan, np.float32)
    for own, others in pair_cameras(reference, new):
        for cluster in np.unique(clusters[own]):
            rows, rest = own & (clusters == cluster), own & (clusters != cluster)
            known[rows] = measure_likeness(
                reference.thumbnails[rows], median_image(reference.thumbnails[rest])
            )
        if np.median(known[own]) < FIXED:
            known[own] = np.nan
        else:
            found[others] = measure_likeness(new.thumbnails[others], median_image(reference.thumbnails[own]))
    signals = {LIKENESS: known}, {LIKENESS: found}
    return (
        replace(reference, signals={**reference.signals, **signals[0]}),
        replace(new, signals={**new.signals, **signals[1]}),
    )


def pair_cameras(reference: MeasuredExamples, new: MeasuredExamples) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each camera of both which examples are of it, as (N,) and (M,) bool; none for what is no image."""
    if not reference.thumbnails.size or not new.thumbnails.size:
        return []
    cameras, others = np.array(reference.cameras), np.array(new.cameras)
    pairs = [(cameras == name, others == name) for name in sorted(set(new.cameras) - {""})]
    return [(own, other) for own, other in pairs if own.sum() >= FEWEST_IMAGES]


__all__ = ("FEATURES", "LIKENESS", "Drift", "find_drift", "pair_cameras")
