"""Predictions of a model on the same images, clean and under every corruption, strength and attack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo import backend, predict
from cityzoo.data.image.views import AugmentedViews
from cityzoo.evaluation.network_inputs import NetworkInputs
from cityzoo.evaluation.robustness.conditions import (
    ATTACKS,
    CORRUPTIONS,
    STRENGTHS,
    attack_batches,
    corrupt_batches,
)
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    import keras

    from cityzoo.evaluation.robustness.corruption_sheet import Sheet

Pass = tuple[str, float]  # name of the condition, and its strength or the gray levels of an attack
Batches = Iterator[tuple[Any, np.ndarray]]  # images (B, h, w, 3) float32 and matrices (B, 3, 3)
CLEAN: Pass = ("clean", 0.0)


@dataclass
class Stopwatch:
    """Seconds that each part of some work takes.

    Attributes:
        spent: part -> seconds so far.

    Example:
        >>> clock = Stopwatch()
        >>> for part in ("reading", "writing", "reading"):
        ...     clock.lap(part)
        >>> list(clock.spent)
        ['reading', 'writing']
    """

    spent: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, part: str) -> None:
        """Add the seconds since the last lap to a part."""
        now = time.perf_counter()
        self.spent[part] = self.spent.get(part, 0.0) + now - self._last
        self._last = now


def predict_all_conditions(
    model: keras.Model,
    inputs: NetworkInputs,
    eps_levels: float,
    seed: int,
    clock: Stopwatch,
    sheet: Sheet | None = None,
) -> dict[Pass, list[Any]]:
    """Return the predictions for all images under each condition.

    Args:
        model: a loaded model; compiled once for all passes.
        inputs: the images; without attacks if their output is not trained by gradients.
        eps_levels: maximum change of a pixel by attacks, gray levels.
        seed: of the attacks' random starts.
        clock: gets the seconds of "corruptions" (those that the network waits), "attacks" and "network".
        sheet: collects the images it shows, and gets the predictions for them.

    Returns:
        Pass -> results of `Output.decode`, one per image; the first pass is `CLEAN`.
    """
    import keras

    attacks = ATTACKS if inputs.output.trainable else {}
    passes, names = 1 + len(CORRUPTIONS) * len(STRENGTHS) + len(attacks), []
    bar = keras.utils.Progbar((passes + sum(attacks.values())) * len(inputs.parts), unit_name="batch")

    def stream() -> Batches:
        for name, batches in _passes(model, inputs, eps_levels, seed, bar.add):
            names.append(name)
            # The strengths of a corruption share one stream: each takes as many batches as there are parts.
            for part, (images, matrices) in zip(inputs.parts, batches, strict=False):
                clock.lap("attacks" if name[0] in attacks else "corruptions")
                if sheet:
                    sheet.take(name, part, images)
                yield images, matrices
                clock.lap("network")
                bar.add(1)
        if sheet:
            yield sheet.batch()

    shown = inputs.examples.examples * passes + (sheet.examples if sheet else ())
    truth = ImageSet(inputs.examples.split, inputs.examples.class_names, shown)
    views = AugmentedViews(truth, inputs.output, "none", inputs.size_hw, max_rows=1, seed=seed)
    found = predict.predict_batches(model, stream(), views, inputs.mirrored)
    clock.lap("network")
    if sheet:
        sheet.results = found[passes * len(inputs) :]
    return {
        name: found[number * len(inputs) : (number + 1) * len(inputs)] for number, name in enumerate(names)
    }


def _passes(
    model: keras.Model,
    inputs: NetworkInputs,
    eps_levels: float,
    seed: int,
    on_gradient: Callable[[int], object],
) -> Iterator[tuple[Pass, Batches]]:
    yield CLEAN, ((inputs.images[part].astype(np.float32), inputs.matrices[part]) for part in inputs.parts)
    for name in CORRUPTIONS:
        batches = corrupt_batches(inputs, name, STRENGTHS)
        yield from (((name, strength), batches) for strength in STRENGTHS)
    if not inputs.output.trainable:
        return
    gradient = backend.gradient(model, inputs.output.loss(inputs.size_hw), inputs.mirrored)

    def counted(images: np.ndarray, targets: Any) -> tuple[float, np.ndarray]:
        found = gradient(images, targets)
        on_gradient(1)
        return found

    for name in ATTACKS:
        yield (name, eps_levels), attack_batches(inputs, counted, name, eps_levels, seed)
