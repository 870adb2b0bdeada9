"""How much periods of a reference differ from the rest of it: the limits from which on new data counts as changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cityzoo.continual.two_sample_test import cross_validated_auc, reduce_features
from cityzoo.data.groups import join_groups
from cityzoo.monitor.reference_examples import MeasuredExamples

PERIODS = 60  # of the reference, each against the rest
FALSE_ALARMS = 0.05  # share of unchanged periods that may raise an alarm
FEATURES = "features"
# Over the limit where clusters are parts of one recording, more alike than weeks are; measured on real cameras.
FEATURES_MARGIN, SIGNALS_MARGIN = 2.0, 2.5
CERTAIN = 0.998  # AUC that counts as much as 1
LEAST_SPREAD = 0.02  # of a statistic
FEWEST_VALUES = 8  # on either side, of a signal


class Limits(NamedTuple):
    """What statistics are where nothing has changed.

    Attributes:
        means: statistic -> its mean over the periods; of the features' AUC the log odds.
        spreads: statistic -> its standard deviation.
        excess: statistic -> standard deviations over its mean that few periods exceed.
    """

    means: Mapping[str, float]
    spreads: Mapping[str, float]
    excess: Mapping[str, float]

    def limit(self, name: str) -> float:
        """Return the value from which on a statistic counts as changed."""
        found = self.means[name] + self.excess[name] * self.spreads[name]
        return 1 / (1 + math.exp(-found)) if name == FEATURES else found

    def find_changes(self, statistics: Mapping[str, float]) -> list[str]:
        """Return the statistics over their limits, the most deviating first."""
        excess = _excess(statistics, self.means, self.spreads)
        changed = [name for name in excess if excess[name] > self.excess[name]]
        return sorted(changed, key=lambda name: -excess[name])


def measure_statistics(
    new: MeasuredExamples,
    new_clusters: np.ndarray,
    reference: MeasuredExamples,
    reference_clusters: np.ndarray,
    seed: int = 0,
    rows: np.ndarray | None = None,
) -> dict[str, float]:
    """Return how new examples differ from others, in their features and in each signal.

    Args:
        new: N examples.
        new_clusters: (N,) int.
        reference: M examples.
        reference_clusters: (M,) int.
        seed: of the folds.
        rows: (N + M, K), the principal components of both; None: computed.

    Returns:
        `features` and, for every signal with enough values on both sides, the largest difference of the two
        cumulative distributions, 0..1 (two-sample Kolmogorov-Smirnov statistic).
    """
    from scipy.stats import ks_2samp

    is_new = np.repeat([True, False], [len(new), len(reference)])
    clusters = np.concatenate([new_clusters, reference_clusters + new_clusters.max() + 1])
    if rows is None:
        rows = reduce_features(np.concatenate([new.features, reference.features]))
    found = {FEATURES: cross_validated_auc(rows, is_new, clusters, seed)}
    for name in sorted(new.signals.keys() & reference.signals.keys()):
        first, second = (each.signals[name][np.isfinite(each.signals[name])] for each in (new, reference))
        if min(len(first), len(second)) >= FEWEST_VALUES:
            found[name] = float(ks_2samp(first, second, method="asymp").statistic)
    return found


def calibrate_limits(
    reference: MeasuredExamples,
    clusters: np.ndarray,
    size: int,
    periods: int = PERIODS,
    false_alarms: float = FALSE_ALARMS,
    seed: int = 0,
) -> Limits:
    """Return the limits that at most a share of the reference's own periods would exceed in any statistic.

    Periods are whole clusters of the reference, left out in turn and compared with the rest of it as new data would
    be. Half of the share goes to the features, half to the signals, which have one limit together, in standard
    deviations of each (maxT of Westfall & Young 1993, "Resampling-based multiple testing"): what the signals deviate
    by where nothing has changed does not hide what the features tell. Either is the conformal quantile, which holds for
    periods that were not seen. An AUC deviates the less from 0.5 the more examples there are: its spread is brought
    from the numbers of the periods' examples to those of the comparison.

    Args:
        reference: N examples.
        clusters: (N,) int.
        size: number of new examples; a period has as many, or half of the reference.
        periods: number of them.
        false_alarms: the share.
        seed: of the periods.
    """
    drawn = draw_periods(clusters, reference.cameras, min(size, len(reference) // 2), periods, seed)
    rows, found = reduce_features(reference.features), []  # the same of every period and the rest of it
    for number, chosen in enumerate(drawn):
        order = np.argsort(~chosen, kind="stable")
        period, rest = reference.select(chosen), reference.select(~chosen)
        own, other = clusters[chosen], clusters[~chosen]
        found.append(measure_statistics(period, own, rest, other, seed + number, rows[order]))
    names = [name for name in found[0] if all(name in each for each in found)]
    values = np.array([[_unbound(name, each[name]) for name in names] for each in found])
    means = dict(zip(names, values.mean(axis=0).tolist(), strict=True))
    spreads = dict(zip(names, np.maximum(values.std(axis=0), LEAST_SPREAD).tolist(), strict=True))
    is_features = np.array(names) == FEATURES
    excess = (values - values.mean(axis=0)) / [spreads[name] for name in names]
    are_parts = len(np.unique(clusters)) > len(np.unique(join_groups(reference.cameras)))
    limits = {}
    for name in names:
        largest = excess[:, is_features == (name == FEATURES)].max(axis=1)
        margin = (FEATURES_MARGIN if name == FEATURES else SIGNALS_MARGIN) if are_parts else 1.0
        limits[name] = margin * _conformal_quantile(largest, false_alarms / 2)
    if not are_parts:  # else nobody knows how many examples that are independent they amount to
        counts = drawn.sum(axis=1)
        periods_spread = _auc_spread(counts, len(reference) - counts)
        spreads[FEATURES] *= _auc_spread(np.array(size), np.array(len(reference))) / periods_spread
    return Limits(means, spreads, limits)


def _auc_spread(first: np.ndarray, second: np.ndarray) -> float:
    """Return the standard deviation of the AUC of two samples of one distribution (Mann & Whitney 1947); their mean.

    Example:
        >>> round(_auc_spread(np.array(50), np.array(50)), 4), round(_auc_spread(np.array([50, 100]), np.array(100)), 4)
        (0.058, 0.0455)
    """
    return float(np.sqrt((first + second + 1) / (12 * first * second)).mean())


def _conformal_quantile(values: np.ndarray, share: float) -> float:
    """Return what a further value exceeds with a probability of at most `share`, if there are enough values."""
    rank = min(len(values), int(np.ceil((len(values) + 1) * (1 - share))))
    return float(np.sort(values)[rank - 1])


def _unbound(name: str, statistic: float) -> float:
    """Return the log odds of the features' AUC, which several spreads over 0.5 would bring above 1; others as is."""
    if name != FEATURES:
        return statistic
    auc = min(max(statistic, 1 - CERTAIN), CERTAIN)
    return math.log(auc / (1 - auc))


def draw_periods(
    clusters: np.ndarray, cameras: Sequence[str], size: int, count: int, seed: int
) -> np.ndarray:
    """Return random periods, (count, N) bool, each of about `size` examples: a share of the clusters of every camera.

    Args:
        clusters: (N,) int.
        cameras: (N,) camera of each example; those of a single cluster are taken together.
        size: number of examples.
        count: number of periods.
        seed: of the drawing.

    Example:
        >>> draw_periods(np.arange(8), "aaaabbbb", 4, 2, seed=0).astype(int).tolist()
        [[0, 0, 1, 1, 0, 0, 1, 1], [1, 0, 1, 0, 0, 0, 1, 1]]
    """
    rng, (names, first) = np.random.default_rng(seed), np.unique(clusters, return_index=True)
    names = names[np.argsort(first)]
    camera_of = np.array([cameras[row] for row in np.sort(first)])
    alone = [name for name in set(camera_of) if np.sum(camera_of == name) == 1]
    camera_of[np.isin(camera_of, alone)] = ""
    drawn = np.zeros((count, len(clusters)), bool)
    for row in drawn:
        for camera in np.unique(camera_of):
            own = names[camera_of == camera]
            taken = int(size / len(clusters) * len(own) + rng.uniform())
            row |= np.isin(clusters, rng.permutation(own)[:taken])
        if not row.any():
            row |= clusters == rng.choice(names)
    return drawn


def _excess(
    statistics: Mapping[str, float], means: Mapping[str, float], spreads: Mapping[str, float]
) -> dict[str, float]:
    return {
        name: (_unbound(name, statistics[name]) - means[name]) / spreads[name]
        for name in means
        if name in statistics
    }
