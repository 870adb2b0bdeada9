"""Evaluate a run's best model: metrics, intervals, comparisons with other models, slices."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo import predict
from cityzoo.evaluation.baselines import compare_baselines
from cityzoo.evaluation.compare import compare
from cityzoo.evaluation.monitoring_reference import write_reference
from cityzoo.evaluation.predictions import cached_predictions
from cityzoo.evaluation.slices import slice_metrics
from cityzoo.metrics.weighted import WeightedMetrics, bootstrap_weights, intervals
from cityzoo.model import load

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun
    from cityzoo.fit.run_folder import RunFolder
    from cityzoo.modalities import Modality
    from cityzoo.outputs import Output
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
BEFORE = "before fine-tuning"
SLICE_SAMPLES = 400  # of the bootstrap


class ComparedRun(NamedTuple):
    """Another model's metrics on the same examples.

    Attributes:
        metrics: function of the examples' weights, see `cityzoo.outputs.Output.weighted_metrics`.
        note: what a reader of the comparison must know, "" for nothing.
    """

    metrics: WeightedMetrics
    note: str = ""


def evaluate(
    run: RunFolder,
    task: Task,
    output: Output,
    truth: Any,
    folder: Path,
    others: Mapping[str, ComparedRun] | None = None,
    seed: int = 0,
    slice_by: str = "auto",
    exported: EvaluatedRun | None = None,
) -> dict[str, Any]:
    """Return the metrics of a run's best model on labeled examples, next to those before fine-tuning.

    Predictions of each model are computed once and cached in the run's folder.

    Args:
        run: with its `model.keras` and, to compare with, `before.keras`.
        task: of the run.
        output: what predictions mean.
        truth: the examples.
        folder: gets result files and images of examples.
        others: other models on the same examples, by name.
        seed: of the bootstrap.
        slice_by: see `Modality.slices`.
        exported: an exported file to evaluate instead of the run's `model.keras`.
    """
    modality = task.modality
    LOG.info("evaluating on %d %s %s", len(truth), truth.split, modality.unit)
    model = exported.model if exported else load(run.model)
    file = exported.file if exported and exported.file else run.model
    results = cached_predictions(file, modality, output, truth, run.path, model)
    rivals, before = {}, None
    if run.before.is_file():
        earlier = cached_predictions(run.before, modality, output, truth, run.path, twin=(model, run.model))
        rivals[BEFORE] = ComparedRun(output.weighted_metrics(truth, earlier))
        before = {n: v for n, v in output.metrics(truth, earlier).items() if not isinstance(v, dict)}
    details = output.details(truth, results)
    output.write_results(truth, results, folder)
    drawn = modality.write_examples(output, truth, results, details, folder)
    write_reference(folder, modality, output, truth, results, details)
    speed = predict.measure_latency(model)
    return {
        **output.metrics(truth, results),
        **details,
        **drawn,
        **analyze(modality, output, truth, results, {**rivals, **(others or {})}, seed, slice_by),
        **compare_baselines(run.path, modality, output, truth, results, seed),
        **({} if before is None else {"before": before}),
        "split": truth.split,
        "examples": modality.unit,
        f"n_{modality.unit}": len(truth),
        "latency_ms": {"batch_1_median": speed["latency_ms_batch_1"]},
        f"{modality.unit}_per_second": speed["images_per_second"],
    }


def analyze(
    modality: Modality[Any],
    output: Output,
    truth: Any,
    results: Sequence[Any],
    rivals: Mapping[str, ComparedRun],
    seed: int = 0,
    slice_by: str = "auto",
) -> dict[str, Any]:
    """Return intervals, comparisons with other models, and slices with the worst of them.

    Args:
        modality: of the examples.
        output: what results mean.
        truth: the labeled examples.
        results: of the evaluated model, one per example.
        rivals: other models on the same examples, by name; BEFORE for the same model before fine-tuning.
        seed: of the bootstrap.
        slice_by: see `Modality.slices`.

    Returns:
        `intervals`, `compared`, `slices` and `worst_slice`, as docs/report.md describes them.
    """
    weighted = output.weighted_metrics(truth, results)
    known = weighted(np.ones((1, len(truth))))
    primary = [name for name in output.primary_metrics if name in known]
    weights = bootstrap_weights(len(truth), output.bootstrap_samples, seed, modality.groups(truth))
    masks = modality.slices(truth, slice_by)
    lower, by_class = output.lower_is_better, output.per_class_metrics
    compared = {
        name: compare(weighted, rival.metrics, weights, primary, lower, by_class, masks)
        | ({"note": rival.note} if rival.note else {})
        for name, rival in rivals.items()
    }
    slices: dict[str, Any] = {}
    worst = None
    if primary:
        samples = min(SLICE_SAMPLES, output.bootstrap_samples)
        slices, worst = slice_metrics(weighted, masks, primary[0], seed, samples, primary[0] in lower)
        slices |= {
            by: _slices_with_metrics(rows, weighted, weights[:samples], primary[0])
            for by, rows in output.metric_slices(truth, results).items()
            if rows
        }
    return {
        "intervals": intervals(weighted, weights, [key for key in known if "/" not in key]),
        "compared": compared,
        "slices": slices,
        "worst_slice": worst,
    }


def _slices_with_metrics(
    rows: Mapping[str, tuple[str, int]], weighted: WeightedMetrics, weights: np.ndarray, metric: str
) -> dict[str, Any]:
    values = weighted(np.ones((1, weights.shape[1])))
    bounds = intervals(weighted, weights, [key for key, _ in rows.values()])
    return {
        name: {
            "n": n,
            metric: float(values[key][0]) if np.isfinite(values[key][0]) else None,
            **dict(zip(("low", "high"), bounds[key] or (None, None), strict=True)),
        }
        for name, (key, n) in rows.items()
    }
