"""A model next to simple methods on the same examples: what must be beaten before a network is worth its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.metrics.weighted import WeightedMetrics, bootstrap_weights, interval

if TYPE_CHECKING:
    from cityzoo.modalities import Modality
    from cityzoo.outputs import Output

MODEL = "this model"


def compare_baselines(
    run: Path, modality: Modality[Any], output: Output, truth: Any, results: Sequence[Any], seed: int = 0
) -> dict[str, Any]:
    """Return the first weighted primary metric of simple methods and of the model, the model last.

    Args:
        run: folder with what `Modality.write_manifest` has fitted.
        modality: of the examples.
        output: what results mean.
        truth: the labeled examples.
        results: of the model.
        seed: of the bootstrap.

    Returns:
        `baselines`: name -> the metric, `low` and `high`, its 95 % interval, and by how much the model leads, `lead`
        with `lead_interval`, by a bootstrap of pairs; the row `MODEL` is the model itself. Empty without baselines.
    """
    baselines = modality.baselines(run, truth, output)
    if not baselines:
        return {}
    rows = compare_results({**baselines, MODEL: results}, output, truth, modality.groups(truth), seed)
    return {"baselines": rows} if rows else {}


def compare_results(
    results: Mapping[str, Sequence[Any]], output: Output, truth: Any, groups: Sequence[str], seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Return the first weighted primary metric of several models on the same examples, with paired intervals.

    Args:
        results: of each model, by its name; the last one is compared with the others.
        output: what results mean.
        truth: the labeled examples.
        groups: of each example; those of one group are resampled together.
        seed: of the bootstrap.

    Returns:
        name -> the metric, `low`, `high`, and by how much the last model leads, `lead` and `lead_interval`; the
        worst of the others comes first, the last model last. Empty where the output has no weighted metric.
    """
    *_, last = results
    every = np.ones((1, len(truth)))
    known = output.weighted_metrics(truth, results[last])(
        every
    )  # a task's own metric may have no weighted form
    metric = next((name for name in output.primary_metrics if name in known), None)
    if metric is None:
        return {}
    sign = -1 if metric in output.lower_is_better else 1
    weights = bootstrap_weights(len(truth), output.bootstrap_samples, seed, groups)
    values = {
        name: metric_samples(output.weighted_metrics(truth, each), metric, weights)
        for name, each in results.items()
    }
    own = values[last]
    rows: dict[str, dict[str, Any]] = {}
    for name, found in sorted(values.items(), key=lambda pair: (pair[0] == last, sign * pair[1][0])):
        low, high = interval(found[1:]) or (None, None)
        rows[name] = {metric: _plain(found[0]), "low": low, "high": high}
        if name != last:
            lead = sign * (own - found)
            rows[name] |= {"lead": _plain(lead[0]), "lead_interval": interval(lead[1:])}
    return rows


def metric_samples(weighted: WeightedMetrics, metric: str, weights: np.ndarray) -> np.ndarray:
    """Return the metric of all examples, then that of each bootstrap sample."""
    return weighted(np.concatenate([np.ones((1, weights.shape[1])), weights]))[metric]


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
