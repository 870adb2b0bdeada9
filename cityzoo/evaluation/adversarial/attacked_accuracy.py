"""Accuracy of classifiers under attack, by how far a pixel may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo import backend
from cityzoo.evaluation.network_inputs import NetworkInputs, prepare, spread_indices
from cityzoo.evaluation.robustness.conditions import pgd
from cityzoo.metrics.groups import find_right
from cityzoo.metrics.weighted import bootstrap_weights, interval
from cityzoo.visualize.sheets import cell_size, save_grid

if TYPE_CHECKING:
    import keras

    from cityzoo.sample import ImageSet

LEVELS = (1, 2, 4, 8)  # gray levels of 255
STEPS = 20  # of PGD
DRAWS = 1000
SHOWN, COLUMNS = 4, 4  # pairs on the sheet, images in a row


class Attackable(NamedTuple):
    """A model with what its outputs mean, and the examples with labels in the order of its classes."""

    model: keras.Model
    output: Any
    truth: ImageSet


@dataclass
class Attacked:
    """What attacks did to a model.

    Attributes:
        right: (levels + 1, N) bool, whether it answers right without attack and at each level.
        fooled: row -> level, attacked image and wrong answer, for the first images that were right.
        inputs: the images.
        output: what the model's outputs mean.
    """

    right: np.ndarray
    fooled: dict[int, tuple[float, np.ndarray, str]]
    inputs: NetworkInputs
    output: Any


def attack_levels(
    given: Attackable, rows: Sequence[int], levels: Sequence[float], seed: int, steps: int = STEPS
) -> Attacked:
    """Attack a model by PGD from a random start, with more and more gray levels.

    What one level has turned stays wrong at the next: the smaller change is allowed there, too.

    Args:
        given: the model and labeled images.
        rows: of the images that are used.
        levels: gray levels that a pixel may change, rising, 1..255.
        seed: of random starts.
        steps: of PGD.
    """
    from keras.utils import Progbar

    model, output, truth = given
    inputs = prepare(model, output, truth, rows, seed)
    gradient = backend.gradient(model, output.loss(inputs.size_hw), inputs.mirrored)
    run, several = backend.compiled(model), bool(getattr(output, "several", False))
    fooled: dict[int, tuple[float, np.ndarray, str]] = {}
    targets = np.stack([np.asarray(each.target) for each in inputs.examples.examples])

    def is_right(images: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, list[Any]]:
        shares = inputs.answer(run, images, where.tolist())
        return find_right(targets[where], np.stack(shares), several), shares

    bar = Progbar(len(inputs.parts), unit_name="batch")
    right = np.zeros((len(levels) + 1, len(inputs)), bool)
    for part in inputs.parts:
        where = np.arange(len(inputs))[part]
        right[0, where], _ = is_right(inputs.images[where].astype(np.float32), where)
        for number, level in enumerate(levels, start=1):
            where = where[right[number - 1, where]]
            if not len(where):
                break
            which = inputs.images[where], inputs.targets[where], level, inputs.inside[where]
            changed = pgd(gradient, *which, seed=(seed, part.start, number), steps=steps)
            right[number, where], shares = is_right(changed, where)
            for row, image, each in zip(where, changed, shares, strict=True):
                if not right[number, row] and len(fooled) < SHOWN:
                    fooled[int(row)] = level, image, output.caption(each)
        bar.add(1)
    return Attacked(right, fooled, inputs, output)


def measure(
    models: Mapping[str, Attackable],
    groups: Sequence[str],
    training: str | None,
    seed: int,
    most: int,
    folder: Path | None = None,
    levels: Sequence[float] = LEVELS,
) -> dict[str, Any]:
    """Return the accuracy of models under PGD (20 steps, random start) by gray levels, and their differences.

    Accuracy is the share of images whose class is right, with several classes all of them. Intervals resample scenes.

    Args:
        models: by name, the evaluated one first; all on the same images.
        groups: scene of each image.
        training: value of `--adversarial` of the evaluated run.
        seed: of random starts and of the bootstrap.
        most: maximum number of images, evenly spread.
        folder: gets `adversarial.png`; None: no sheet.
        levels: gray levels of 255, rising.

    Returns:
        `n`, `steps`, `training`; `levels`: by gray levels `eps`, `accuracy`, `interval`; `compared`: for each other
        model and level its accuracy, `change` (this model's over it) and `change_interval` (95 %, paired); `curves`.
    """
    first, *others = models
    rows = spread_indices(len(models[first].truth), most)
    attacked = {name: attack_levels(each, rows, levels, seed) for name, each in models.items()}
    weights = bootstrap_weights(len(rows), DRAWS, seed, [groups[row] for row in rows])
    weights = weights / weights.sum(axis=1, keepdims=True)
    draws = {name: weights @ each.right.T for name, each in attacked.items()}
    values = {name: each.right.mean(axis=1) for name, each in attacked.items()}
    every = [0, *levels]
    if folder:
        write_sheet(folder / "adversarial.png", attacked[first])
    curves = {name: {"eps": every, "accuracy": values[name].tolist()} for name in models}
    rows_of = {
        f"{eps:g}": {
            "eps": eps,
            "accuracy": curves[first]["accuracy"][i],
            "interval": interval(draws[first][:, i]),
        }
        for i, eps in enumerate(every)
    }
    compared = [
        _compare(values, draws, (first, name), i, eps) for name in others for i, eps in enumerate(every)
    ]
    found = {"n": len(rows), "steps": STEPS, "training": training}
    return {**found, "levels": rows_of, "compared": compared, "curves": curves}


def _compare(values: Any, draws: Any, names: tuple[str, str], place: int, eps: float) -> dict[str, Any]:
    (this, other), (drawn, other_drawn) = (tuple(of[n][..., place] for n in names) for of in (values, draws))
    found = {"model": names[1], "eps": eps, "accuracy": float(other), "change": float(this - other)}
    return {**found, "change_interval": interval(drawn - other_drawn)}


def write_sheet(file: Path, found: Attacked) -> None:
    """Write images next to the first attacked one that turns their answer; nothing if none was turned."""
    cells, captions = [], []
    for row, (level, image, words) in found.fooled.items():
        example = found.inputs.examples.examples[row]
        truth = found.output.caption(np.asarray(example.target, float))
        cells += [found.inputs.images[row], image.astype(np.uint8)]
        captions += [truth, f"{level:g} of 255: {words}"]
    if cells:
        save_grid(file, cells, captions, cell_size([each.shape[:2] for each in cells]), COLUMNS)
