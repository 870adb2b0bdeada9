"""How a model holds out under street-camera corruptions and attacks on its pixels: figures, tables, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.evaluation.network_inputs import prepare, spread_indices
from cityzoo.evaluation.robustness.adversarial import ATTACKS, check_eps
from cityzoo.evaluation.robustness.corruption_sheet import Sheet
from cityzoo.evaluation.robustness.corruptions import CORRUPTIONS, STRENGTHS
from cityzoo.evaluation.robustness.passes import CLEAN, Pass, Stopwatch, predict_all_conditions

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs import Output
    from cityzoo.sample import ImageSet

MOST = 100  # images
EPS_LEVELS = 4.0  # grey levels of 255; a person does not see them
NO_GRADIENT = "no gradient trains this kind of head: there is none to follow"


def measure(
    model: keras.Model,
    output: Output,
    truth: ImageSet,
    seed: int = 0,
    most: int = MOST,
    eps_levels: float = EPS_LEVELS,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Judge a model on images as they are, under nine corruptions at five strengths, and under attack.

    A relative loss is the share of the clean figure that is lost: (clean - corrupted) / clean, or, of figures that are
    better when lower, (corrupted - clean) / clean; below 0 where a corruption helps, None where the clean figure is
    0 or not known. Their mean over all corruptions and strengths is not the mCE of Hendrycks and Dietterich 2019
    (arXiv 1903.12261), which divides a classifier's errors by those of AlexNet before it takes the mean: here the
    model is held against itself on clean images, which any figure of any task can be.

    Corruptions are made at the size of the network's input. Attacks know the model and follow the gradient of the
    loss that trained it.

    Args:
        model: a whole, loaded model.
        output: what its outputs mean; the first figure of its headline is the judged one.
        truth: labelled images.
        seed: of all that is drawn: the same seed gives the same images.
        most: images taken at most, evenly spread over the set; they stay in memory at the size of the input.
        eps_levels: how far FGSM and PGD may change a pixel, grey levels, 1..255.
        folder: gets `robustness.png`, one of the images with what the model said of it; None: nothing is drawn.

    Returns:
        `figure` and `lower`, the judged figure and whether it is better when lower; `n` images; `clean`, its value;
        `strengths`; `corruptions`: name -> `values` and `relative_loss` (one a strength) and `mean_relative_loss`;
        `mean_corruption_loss`; `eps_levels`; `attacks`: name -> `value` and `relative_loss`, empty with
        `attacks_left_out`, the reason, where nothing is trained by gradients; `seconds` by part: those of corruptions
        are the ones that the network waited.

    Raises:
        InputError: no images, or `eps_levels` out of bounds.
    """
    check_eps(eps_levels)
    clock = Stopwatch()
    inputs = prepare(model, output, truth, spread_indices(len(truth), most), seed)
    clock.lap("images")
    sheet = Sheet(inputs, eps_levels) if folder else None
    results = predict_all_conditions(model, inputs, eps_levels, seed, clock, sheet)
    figure = output.primary_metrics[0]
    judged = _judged(output, inputs.examples, results[CLEAN], figure)
    values = {name: output.metrics(judged, each).get(figure) for name, each in results.items()}
    clock.lap("figures")
    if sheet:
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


def _judged(output: Output, images: ImageSet, results: Sequence[Any], figure: str) -> ImageSet:
    """Return the images without their masks, each of which would be read in each pass, if the figure needs none."""
    if not any(image.mask for image in images.examples):
        return images
    bare = replace(images, examples=tuple(replace(image, mask="") for image in images.examples))
    same = output.metrics(bare, results).get(figure) == output.metrics(images, results).get(figure)
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
        "mean_corruption_loss": _mean(sum((each["relative_loss"] for each in corruptions.values()), [])),
        "attacks": {
            name: {"value": value, "relative_loss": lost[name, levels]}
            for (name, levels), value in values.items()
            if name in ATTACKS
        },
    }


def relative_loss(clean: float | None, value: float | None, lower: bool = False) -> float | None:
    """Return the share of a clean figure that is lost; None where either is not known or the clean one is 0.

    Args:
        clean: the figure on clean images.
        value: the same on others.
        lower: whether it is better when lower.

    Example:
        >>> relative_loss(0.5, 0.375), relative_loss(2.0, 3.0, lower=True), relative_loss(0.0, 0.5)
        (0.25, 0.5, None)
    """
    if clean is None or value is None or clean == 0:
        return None
    return (value - clean if lower else clean - value) / clean


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return float(np.mean(known)) if known else None


def rows(robustness: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return a table of what `measure` found: a row a corruption, a column a strength and the mean relative loss.

    Example:
        >>> fog = {"values": [0.4, 0.2], "relative_loss": [0.2, 0.6], "mean_relative_loss": 0.4}
        >>> rows({"strengths": [0.5, 1.0], "corruptions": {"fog": fog}})
        {'fog': {'0.5': 0.4, '1.0': 0.2, 'mean_relative_loss': 0.4}}
    """
    strengths = [f"{strength:.1f}" for strength in robustness["strengths"]]
    return {
        name: {
            **dict(zip(strengths, found["values"], strict=True)),
            "mean_relative_loss": found["mean_relative_loss"],
        }
        for name, found in robustness["corruptions"].items()
    }


def lines(robustness: Mapping[str, Any]) -> dict[str, dict[str, list[float | None]]]:
    """Return a line a corruption, the judged figure over the strength; all begin at the clean figure.

    Example:
        >>> fog = {"values": [0.4, 0.2], "relative_loss": [0.2, 0.6], "mean_relative_loss": 0.4}
        >>> lines({"clean": 0.5, "strengths": [0.5, 1.0], "corruptions": {"fog": fog}})
        {'fog': {'strength': [0.0, 0.5, 1.0], 'value': [0.5, 0.4, 0.2]}}
    """
    return {
        name: {
            "strength": [0.0, *robustness["strengths"]],
            "value": [robustness["clean"], *found["values"]],
        }
        for name, found in robustness["corruptions"].items()
    }
