"""What a report says beyond the figures: how sure they are, what got better and worse, where the model is weak."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from cityzoo.metrics.weighted import WeightedMetrics
    from cityzoo.outputs import Output
    from cityzoo.sample import ImageSet

LOG = logging.getLogger(__name__)
BEFORE = "before fine-tuning"
SLICE_DRAWS = 400


class ComparedRun(NamedTuple):
    """Hold another model's figures on the same images.

    Attributes:
        weighed: its figures, see `cityzoo.outputs.Output.weighted_metrics`.
        note: what has to be known when reading the comparison, "" for nothing.
    """

    weighed: WeightedMetrics
    note: str = ""


def analyze(
    output: Output,
    truth: ImageSet,
    results: Sequence[Any],
    rivals: Mapping[str, ComparedRun],
    seed: int = 0,
    slice_by: str = "auto",
) -> dict[str, Any]:
    """Return intervals, comparisons with other models, and slices with the worst of them.

    Args:
        output: what results mean.
        truth: the labelled images.
        results: of the judged model, one per image.
        rivals: other models on the same images, by name; BEFORE for the same model before it was fine-tuned.
        seed: of the bootstrap.
        slice_by: see `cityzoo.evaluation.slices.slice_masks`.

    Returns:
        `intervals`, `compared`, `slices` and `worst_slice`, as docs/report.md has them.
    """
    from cityzoo.evaluation.camera_groups import scene_names
    from cityzoo.evaluation.compare import compare
    from cityzoo.evaluation.slices import slice_masks, slice_metrics
    from cityzoo.metrics.bootstrap import bootstrap_weights, intervals

    weighed = output.weighted_metrics(truth, results)
    known = weighed(np.ones((1, len(truth))))
    headline = [name for name in output.primary_metrics if name in known]
    weights = bootstrap_weights(len(truth), output.bootstrap_samples, seed, scene_names(truth))
    masks = slice_masks(truth, slice_by, _bar(len(truth)))
    about = {
        "headline": headline,
        "lower": output.lower_is_better,
        "class_figures": output.per_class_metrics,
        "masks": masks,
    }
    compared = {
        name: compare(weighed, rival.weighed, weights, **about) | ({"note": rival.note} if rival.note else {})
        for name, rival in rivals.items()
    }
    slices, worst = {}, None
    if headline:
        draws, lower = min(SLICE_DRAWS, output.bootstrap_samples), headline[0] in output.lower_is_better
        slices, worst = slice_metrics(weighed, masks, headline[0], seed, draws, lower)
        slices |= _by_size(output.size_slices(truth), weighed, weights[:draws], headline[0])
    return {
        "intervals": intervals(weighed, weights, [key for key in known if "/" not in key]),
        "compared": compared,
        "slices": slices,
        "worst_slice": worst,
    }


def _by_size(
    sizes: Mapping[str, tuple[str, int]], weighed: WeightedMetrics, weights: np.ndarray, figure: str
) -> dict:
    from cityzoo.metrics.bootstrap import intervals

    if not sizes:
        return {}
    values, sure = (
        weighed(np.ones((1, weights.shape[1]))),
        intervals(weighed, weights, [key for key, _ in sizes.values()]),
    )
    rows = {
        name: {
            "n": n,
            figure: _known(values[key][0]),
            **dict(zip(("low", "high"), sure[key] or (None, None), strict=True)),
        }
        for name, (key, n) in sizes.items()
    }
    return {"object size (counted in objects)": rows}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _bar(count: int) -> Any:
    import keras

    LOG.info("looking at light, blur and scenes of %d images", count)
    bar = keras.utils.Progbar(count, unit_name="image")
    return lambda done, total: bar.update(done)
