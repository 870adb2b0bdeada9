"""What a run's metric probably is on examples without labels, from the scores of its answers.

A ridge regression, fitted on the run's held-out examples under corruptions, whose metric is known, takes the place of
the thresholds of Garg et al. 2022, "Leveraging unlabeled data to predict out-of-distribution performance" (arXiv
2201.04234), and of the difference of confidences of Guillory et al. 2021, "Predicting with confidence on unseen
distributions" (arXiv 2107.03315): benchmarks/results/drift.md compares them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.errors import DAMAGE
from cityzoo.evaluation.monitoring_reference import read_answer
from cityzoo.evaluation.network_inputs import prepare, spread_indices
from cityzoo.evaluation.robustness.conditions import CORRUPTIONS, corrupt_batches
from cityzoo.metrics.weighted import bootstrap_weights
from cityzoo.monitor.drift import read_scores
from cityzoo.replace_file import replace_file

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun
    from cityzoo.outputs import Output

LOG = logging.getLogger(__name__)
NAME = "reference_metric.npz"  # next to reference.json
MOST, STRENGTHS, SAMPLES = 100, (0.3, 0.65, 1.0), 15  # images, of each corruption, bootstrap samples
LEVELS = (0.1, 0.2, 0.3, 0.5, 0.7)  # of scores
PENALTY = 0.03  # of the regression, times the number of points
CLEAN = "clean"
FORMAT = 1


class MetricPoints(NamedTuple):
    """Known values of a metric, and what the answers looked like.

    Attributes:
        metric: its name.
        conditions: (P,) str, "clean" or the name of a corruption.
        values: (P, R) of the metric, first on all examples, then on bootstrap samples.
        statistics: (P, R, S) of the answers, see `answer_statistics`.
    """

    metric: str
    conditions: np.ndarray
    values: np.ndarray
    statistics: np.ndarray


class PredictedMetric(NamedTuple):
    """A metric on examples without labels.

    Attributes:
        metric: its name.
        value: predicted.
        low, high: 95 % interval: errors on corruptions that the regression was not fitted on, and chance of the sample.
        held_out: the metric on the held-out examples.
    """

    metric: str
    value: float
    low: float
    high: float
    held_out: float


def answer_sums(output: Output, results: Sequence[Any]) -> np.ndarray:
    """Return of each answer the highest score, the sum of the scores, and how many reach each level, (N, 8) float64.

    Args:
        output: what results mean.
        results: N of them.
    """
    rows = []
    for result in results:
        scores = np.array([score for _, score in read_scores(read_answer(output, result))])
        scores = scores[scores >= LEVELS[0]]
        rows.append([1, scores.max(initial=0), scores.sum(), *(np.sum(scores >= level) for level in LEVELS)])
    return np.array(rows, np.float64).reshape(len(results), 3 + len(LEVELS))


def answer_statistics(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return mean confidence, mean score, and shares of scores over levels, (R, 6), of weighted examples.

    How many objects there are plays no part: a quiet street is no worse.

    Args:
        sums: (N, 8), see `answer_sums`.
        weights: (R, N).

    Example:
        >>> answer_statistics(np.array([[1, 0.8, 1.0, 2, 2, 1, 1, 1.0]]), np.ones((1, 1))).tolist()
        [[0.8, 0.5, 1.0, 0.5, 0.5, 0.5]]
    """
    total = weights @ sums
    examples, found = np.maximum(total[:, :1], 1e-9), np.maximum(total[:, 3:4], 1e-9)
    return np.concatenate([total[:, 1:2] / examples, total[:, 2:3] / found, total[:, 4:] / found], axis=1)


def measure_points(run: EvaluatedRun, truth: Any) -> MetricPoints | None:
    """Return the metric of a run on held-out examples as they are and under each corruption, and keep it in its folder.

    Args:
        run: an opened run.
        truth: its held-out examples.

    Returns:
        None where the modality has no corruptions, or answers have no scores.
    """
    model = run.folder.model.stat()
    key = hashlib.sha256(repr((FORMAT, model.st_size, model.st_mtime_ns, len(truth))).encode()).hexdigest()
    found = _read(run.folder.path / NAME, key)
    if found is not None:
        return found
    LOG.info("measuring the run's metric under corruptions, once")
    metric, rows = run.output.primary_metrics[0], []
    for name, examples, results in _predict_conditions(run, truth):
        sums = answer_sums(run.output, results)
        weights = np.concatenate([np.ones((1, len(results))), bootstrap_weights(len(results), SAMPLES)])
        values = run.output.weighted_metrics(examples, results)(weights).get(metric)
        if values is None or not sums[:, 3].any():
            return None
        rows.append((name, np.nan_to_num(values), answer_statistics(sums, weights)))
    if not rows:
        return None
    names, values, statistics = zip(*rows, strict=True)
    points = MetricPoints(metric, np.array(names), np.stack(values), np.stack(statistics))
    if not run.folder.is_signed:
        with replace_file(run.folder.path / NAME) as part, part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, key=key, **points._asdict())
    return points


def _read(path: Path, key: str) -> MetricPoints | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["key"]) != key:
                return None
            names, values, statistics = (arrays[name] for name in MetricPoints._fields[1:])
            return MetricPoints(str(arrays["metric"]), names, values, statistics)
    except DAMAGE:
        return None


def _predict_conditions(run: EvaluatedRun, truth: Any) -> Iterator[tuple[str, Any, Sequence[Any]]]:
    """Yield the condition, the examples and the results of the model, clean ones first."""
    modality, model, output, seed = run.task.modality, run.model, run.output, run.spec.run.seed
    if "robustness" not in modality.report_sections:
        return
    some = modality.select(truth, spread_indices(len(truth), MOST))
    changed = list(modality.corruptions(some, seed))
    if changed:
        yield CLEAN, some, modality.predict(model, some, output)
        for each in changed:
            yield each.name, each.examples, modality.predict(model, each.examples, output)
        return
    from keras.utils import Progbar

    from cityzoo.data.image.views import AugmentedViews
    from cityzoo.predict import predict_batches

    inputs = prepare(model, output, some, range(len(some)), seed)
    views = AugmentedViews(inputs.examples, output, "none", inputs.size_hw, 1, seed)
    bar = Progbar(1 + len(CORRUPTIONS) * len(STRENGTHS), unit_name="condition")
    clean = ((inputs.images[part].astype(np.float32), inputs.matrices[part]) for part in inputs.parts)
    yield CLEAN, inputs.examples, predict_batches(model, clean, views, inputs.mirrored)
    for name in CORRUPTIONS:
        batches = corrupt_batches(inputs, name, STRENGTHS)  # one graph for all strengths
        for _ in STRENGTHS:
            bar.add(1)
            own = islice(batches, len(inputs.parts))
            yield name, inputs.examples, predict_batches(model, own, views, inputs.mirrored)
    bar.add(1)


def predict_metric(points: MetricPoints, sums: np.ndarray, weights: np.ndarray) -> PredictedMetric:
    """Return the metric that answers to new examples speak for.

    Args:
        points: of the run.
        sums: (N, 8) of the new answers, see `answer_sums`.
        weights: (R, N) bootstrap samples of the new examples.
    """
    statistics = answer_statistics(sums, np.concatenate([np.ones((1, len(sums))), weights]))
    every = np.ones(len(points.conditions), bool)
    value, *samples = predict_values(points, every, statistics).tolist()
    errors = np.concatenate(
        [
            (predict_values(points, points.conditions != name, points.statistics[row]) - points.values[row])[
                1:
            ]
            for name in np.unique(points.conditions)
            for row in np.flatnonzero(points.conditions == name)
        ]
    )
    half = float(np.hypot(np.quantile(np.abs(errors), 0.95), 1.96 * np.std(samples)))
    most = float(points.values.max())
    low, high = max(0.0, value - half), min(max(1.0, most), value + half)
    return PredictedMetric(points.metric, value, low, high, float(points.values[0, 0]))


def predict_values(points: MetricPoints, fitted_on: np.ndarray, statistics: np.ndarray) -> np.ndarray:
    """Return the metric for statistics of answers, (R,), no lower than 0 and no higher than was ever seen.

    Args:
        points: of the run.
        fitted_on: (P,) bool, the points that the regression is fitted on.
        statistics: (R, S).
    """
    given = points.statistics[fitted_on].reshape(-1, statistics.shape[-1])
    values = points.values[fitted_on].ravel()
    middle, spread = given.mean(axis=0), given.std(axis=0) + 1e-6
    rows = (given - middle) / spread
    square = rows.T @ rows + PENALTY * len(rows) * np.eye(rows.shape[1])
    slope = np.linalg.solve(square, rows.T @ (values - values.mean()))
    return np.clip((statistics - middle) / spread @ slope + values.mean(), 0, points.values.max())
