"""Try ways to quantize, from the fastest to the most careful, until the metric holds; for every format alike."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path

LOG = logging.getLogger(__name__)
MIN_MAX, ENTROPY = "min-max", "entropy"


@dataclass(frozen=True)
class Recipe:
    """One way to quantize a file.

    Attributes:
        weights: numbers that weights become, such as "int7" (half of the range, so that sums of two products fit into
            16 bits on processors without VNNI), "int8" or "uint8".
        calibration: how ranges of activations are chosen.
        kept: names of the layers that stay in float.
    """

    weights: str = "int8"
    calibration: str = MIN_MAX
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the recipe in words."""
        kept = f", {len(self.kept)} layers in float" if self.kept else ""
        return f"{self.weights} weights per channel, {self.calibration} calibration{kept}"


@dataclass(frozen=True)
class Attempt:
    """A recipe and what it gave."""

    recipe: Recipe
    metric: float


@dataclass(frozen=True)
class QuantizedFile:
    """What quantization wrote.

    Attributes:
        path: of the file.
        recipe: that it was made by.
        metric: of the file.
        holds: whether the metric lost no more than allowed.
        kept: layer that stays in float -> signal to noise of the outputs, in dB, when it alone was quantized: the
            lower, the worse it was.
        attempts: everything that was tried, in order.
        effects: the same for every layer, where it was measured.
    """

    path: Path
    recipe: Recipe
    metric: float
    holds: bool
    kept: dict[str, float]
    attempts: tuple[Attempt, ...]
    effects: dict[str, float] = field(default_factory=dict)


@contextmanager
def silence() -> Iterator[None]:
    """Keep quantizers from printing a line for each tensor: they write to the standard output and the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)


def search_recipes(
    recipes: Sequence[Recipe],
    last_layers: Sequence[str],
    measure_layers: Callable[[], dict[str, float]],
    write: Callable[[Recipe, Path], None],
    evaluate: Callable[[Path], float],
    least: float,
    path: Path,
) -> QuantizedFile:
    """Write a quantized file by the first recipe whose metric is high enough, or else by the best one.

    The recipes come first, then the best of them with the last layers in float, then with the most sensitive ones:
    1, 2, 4, 8, ... and at most half of all.

    Args:
        recipes: with all layers quantized.
        last_layers: layers that make the outputs.
        measure_layers: returns layer -> signal to noise, in dB, of the outputs when it alone is quantized.
        write: writes a file by a recipe.
        evaluate: returns a file's metric; higher is better.
        least: the lowest metric that will do.
        path: of the result.
    """
    attempts: list[Attempt] = []
    effects: dict[str, float] = {}

    def candidates() -> Iterator[Recipe]:
        yield from recipes
        base = max(attempts, key=lambda attempt: attempt.metric).recipe
        if last_layers:
            yield replace(base, kept=tuple(last_layers))
        effects.update(measure_layers())
        worst = sorted(effects, key=effects.__getitem__)
        count = 1
        while count <= len(worst) // 2:
            yield replace(base, kept=tuple(worst[:count]))
            count *= 2

    written = None
    for recipe in candidates():
        write(recipe, path)
        written = recipe
        attempts.append(Attempt(recipe, evaluate(path)))
        LOG.info("  %s: %.4f (at least %.4f is wanted)", recipe, attempts[-1].metric, least)
        if attempts[-1].metric >= least:
            break
    best = max(attempts, key=lambda attempt: (attempt.metric >= least, attempt.metric))
    if best.recipe != written:
        write(best.recipe, path)
    if best.recipe.kept and not effects:
        effects.update(measure_layers())
    kept = {name: effects[name] for name in best.recipe.kept}
    return QuantizedFile(path, best.recipe, best.metric, best.metric >= least, kept, tuple(attempts), effects)
