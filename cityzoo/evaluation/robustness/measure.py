"""Robustness of a model to street-camera corruptions and adversarial attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.evaluation.network_inputs import prepare, spread_indices
from cityzoo.evaluation.robustness.conditions import ATTACKS, CORRUPTIONS, STRENGTHS, check_eps
from cityzoo.evaluation.robustness.corruption_sheet import Sheet
from cityzoo.evaluation.robustness.predict_conditions import CLEAN, Pass, Stopwatch, predict_all_conditions

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs import Output
    from cityzoo.sample import ImageSet

MOST = 100  # images
EPS_LEVELS = 4.0  # gray levels of 255; invisible to a person
NO_GRADIENT = "No attacks: this head is not trained by gradients."


def measure(
    model: keras.Model,
    output: Output,
    truth: ImageSet,
    seed: int = 0,
    most: int = MOST,
    eps_levels: float = EPS_LEVELS,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Evaluate a model on clean images, under nine corruptions at five strengths, and under attack.

    A relative loss is the share of the clean metric that is lost: (clean - corrupted) / clean, or
    (corrupted - clean) / clean for metrics that are better when lower; negative if a corruption helps, None if the
    clean metric is 0 or unknown. Unlike the mCE of Hendrycks and Dietterich 2019 (arXiv 1903.12261), which is relative
    to AlexNet's errors, it is relative to the model itself, which works for any metric.

    Corruptions are applied at the network's input size. Attacks are white-box and follow the gradient of the training
    loss.

    Args:
        model: a loaded model.
        output: meaning of its outputs; its first primary metric is measured.
        truth: labeled images.
        seed: of all random values.
        most: maximum number of images, evenly spread over the set; they stay in memory at the input size.
        eps_levels: maximum change of a pixel by FGSM and PGD, gray levels, 1..255.
        folder: gets `robustness.png`, one of the images with predictions; None: no sheet.

    Returns:
        `figure` and `lower`, the metric and whether it is better when lower; `n` images; `clean`, its value;
        `strengths`; `corruptions`: name -> `values` and `relative_loss` (one per strength) and `mean_relative_loss`;
        `mean_corruption_loss`; `eps_levels`; `attacks`: name -> `value` and `relative_loss`, or the reason in
        `attacks_left_out`; `seconds` by part, of corruptions those that the network waits.

    Raises:
        InputError: no images, or `eps_levels` out of range.
    """
    check_eps(eps_levels)
    clock = Stopwatch()
    inputs = prepare(model, output, truth, spread_indices(len(truth), most), seed)
    clock.lap("images")
    sheet = Sheet(inputs, eps_levels) if folder else None
    results = predict_all_conditions(model, inputs, eps_levels, seed, clock, sheet)
    figure = output.primary_metrics[0]
    truth = _without_masks(output, inputs.examples, results[CLEAN], figure)
    values = {name: output.metrics(truth, each).get(figure) for name, each in results.items()}
    clock.lap("figures")  # key of report.json
    if sheet and folder:
        sheet.write(folder)
        clock.lap("sheet")
    seconds = {**clock.spent, "total": sum(clock.spent.values())}
    return {
        "figure": figure,
        "lower": figure in output.lower_is_better,
        "n": len(inputs),
        **_losses(values, figure in output.lower_is_better),
        "eps_levels": eps_levels,
        **({} if output.trainable else {"attacks_left_out": NO_GRADIENT}),
        "seconds": {part: round(each, 1) for part, each in seconds.items()},
    }


def _without_masks(output: Output, images: ImageSet, results: Sequence[Any], metric: str) -> ImageSet:
    """Return the images without masks if the metric does not need them: each would be read in each pass."""
    if not any(image.mask for image in images.examples):
        return images
    bare = replace(images, examples=tuple(replace(image, mask="") for image in images.examples))
    same = output.metrics(bare, results).get(metric) == output.metrics(images, results).get(metric)
    return bare if same else images


def _losses(values: Mapping[Pass, float | None], lower: bool) -> dict[str, Any]:
    clean = values[CLEAN]
    lost = {name: relative_loss(clean, value, lower) for name, value in values.items()}
    corruptions = {
        name: {
            "values": [values[name, strength] for strength in STRENGTHS],
            "relative_loss": (own := [lost[name, strength] for strength in STRENGTHS]),
            "mean_relative_loss": _mean(own),
        }
        for name in CORRUPTIONS
    }
    return {
        "clean": clean,
        "strengths": list(STRENGTHS),
        "corruptions": corruptions,
        "mean_corruption_loss": _mean(
            [lost[name, strength] for name in CORRUPTIONS for strength in STRENGTHS]
        ),
        "attacks": {
            name: {"value": value, "relative_loss": lost[name, levels]}
            for (name, levels), value in values.items()
            if name in ATTACKS
        },
    }


def relative_loss(clean: float | None, value: float | None, lower: bool = False) -> float | None:
    """Return the share of a clean metric that is lost; None if undefined. `lower`: the metric is better when lower."""
    if clean is None or value is None or clean == 0:
        return None
    return (value - clean if lower else clean - value) / clean


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return float(np.mean(known)) if known else None
