"""Learning-rate range test: train for a hundred steps at a growing rate and find where the loss falls fastest."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cityzoo.errors import InputError
from cityzoo.fit.dry_run import dry_run_steps

LOG = logging.getLogger(__name__)
LOWEST, HIGHEST = 1e-6, 1.0  # rates
STEPS = 100
FEWEST_STEPS = 10
EXPLODED = 4.0  # times the best smoothed loss
MEMORY = 0.9  # of the smoothed loss that tells when to stop
WINDOW = 1 / 8  # of the steps: a slope is that of a line through so many losses
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#dddddd"


@dataclass(frozen=True)
class RangeTest:
    """Result of a range test: the loss of each step at its learning rate."""

    # learning rates, growing by the same factor from step to step
    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # loss of each step's batch, before that step
    # the same without its noise and, unlike a running mean, not late
    smoothed: list[float] = field(default_factory=list)


def find_lr(
    model: keras.Model,
    loss: keras.losses.Loss | str,
    batches: Any,
    make_optimizer: Callable[[keras.optimizers.schedules.LearningRateSchedule], keras.optimizers.Optimizer],
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    verbose: int | str = "auto",
) -> tuple[float, RangeTest]:
    """Return the learning rate at which one step lowers the loss by the greatest share.

    The range test of Smith 2017 (arXiv 1506.01186): the rate grows by the same factor from step to step, until
    the loss is four times its best or no number. A line is laid through the logarithm of the losses of each
    eighth of the steps; the rate in the middle of the steepest one before the lowest loss is the answer, so
    that for a quadratic loss it is about that of Newton's step, half the rate that diverges.

    Args:
        model: a functional model, compiled or not; it is left as it was, bit for bit.
        loss: what it learns by.
        batches: what `fit` takes, of at least as many batches as steps; fewer end the test earlier.
        make_optimizer: builds the run's optimizer on a schedule.
        lowest: first learning rate.
        highest: last learning rate.
        steps: steps in all, at least 10.
        verbose: progress, as `fit` takes it.

    Raises:
        InputError: the range makes no sense, too few batches, or no rate lowers the loss.
    """
    if not (0 < lowest < highest and steps >= FEWEST_STEPS):
        raise InputError(
            f"rates from {lowest} to {highest} in {steps} steps make no range: give a lower one above 0 and a higher "
            f"one, and at least {FEWEST_STEPS} steps"
        )
    growth = keras.optimizers.schedules.ExponentialDecay(lowest, steps - 1, highest / lowest)
    watch = _Watch()
    with dry_run_steps(model) as twin:
        twin.compile(make_optimizer(growth), loss)
        twin.fit(batches, steps_per_epoch=steps, callbacks=[watch], shuffle=False, verbose=verbose)
    rates = [lowest * (highest / lowest) ** (step / (steps - 1)) for step in range(len(watch.losses))]
    found = RangeTest(rates, watch.losses, _smooth(watch.losses, _window(steps)))
    rate = suggest(found.rates, found.losses, _window(steps))
    LOG.info("learning rate %.2g: there the loss falls fastest, of %d rates tried", rate, len(rates))
    return rate, found


class _Watch(keras.callbacks.Callback):
    """Note the loss of each batch alone, and stop when it explodes."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self._running, self._best = 0.0, math.inf

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.reset_metrics()  # Keras tells the mean of the epoch so far

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        latest = float(logs["loss"])
        if not math.isfinite(latest):
            self.model.stop_training = True
            return
        self.losses.append(latest)
        self._running = MEMORY * self._running + (1 - MEMORY) * latest
        smoothed = self._running / (1 - MEMORY ** len(self.losses))
        self._best = min(self._best, smoothed)
        self.model.stop_training = latest > EXPLODED * self._best


def suggest(rates: Sequence[float], losses: Sequence[float], window: int) -> float:
    """Return the rate in the middle of the steepest fall of the loss's logarithm.

    Args:
        rates: learning rates, growing by the same factor.
        losses: loss at each of them, above 0.
        window: steps that a slope is taken over, at least 3.

    Raises:
        InputError: too few losses for a slope, or none falls.

    Example:
        >>> round(suggest([10.0**e for e in range(-6, 1)], [1, 1, 1, 0.6, 0.2, 0.15, 3], 3), 6)
        0.001
    """
    if len(losses) < max(FEWEST_STEPS // 2, window):
        raise InputError(
            f"only {len(losses)} steps until the loss exploded or the data ended: start from a lower rate, or give "
            "more images"
        )
    logs = np.log(np.maximum(losses, 1e-30))
    centred = np.arange(window) - (window - 1) / 2
    slopes = np.correlate(logs, centred, "valid") / np.sum(centred**2)
    last = max(int(np.argmin(_smooth(losses, window))) - window // 2, 0)
    steepest = int(np.argmin(slopes[: last + 1]))
    if slopes[steepest] >= 0:
        raise InputError(
            f"the loss falls at no rate between {rates[0]:.1g} and {rates[-1]:.1g}: look at labels and loss, or try "
            "other rates"
        )
    return float(rates[steepest + window // 2])


def _window(steps: int) -> int:
    return max(3, round(steps * WINDOW))


def _smooth(losses: Sequence[float], window: int) -> list[float]:
    # The mean of as many neighbours before as after, fewer towards the ends.
    half = window // 2
    reach = [min(half, i, len(losses) - 1 - i) for i in range(len(losses))]
    return [float(np.mean(losses[i - r : i + r + 1])) for i, r in enumerate(reach)]


def draw(found: RangeTest, rate: float, file: str | Path) -> None:
    """Draw the loss over the learning rate, with the rate that was chosen, as a PNG.

    Args:
        found: what the test saw.
        rate: the rate to mark.
        file: where the image goes; an older one is replaced.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"font.family": "sans-serif", "font.size": 11}):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(found.rates, found.losses, color=BLUE, alpha=0.35, linewidth=1)
        axes.plot(found.rates, found.smoothed, color=BLUE, linewidth=2)
        axes.axvline(rate, color=ORANGE, linewidth=2)
        axes.annotate(
            f"{rate:.2g}", (rate, 1.0), (6, -12), ("data", "axes fraction"), "offset points", color=ORANGE
        )
        axes.set_xscale("log")
        low, high = min(found.smoothed), max(found.smoothed[: max(3, len(found.smoothed) // 2)])
        axes.set_ylim(low - 0.15 * (high - low), high + 0.35 * (high - low))  # not up to where it exploded
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color=GREY, linewidth=0.8)
        figure.savefig(file, format="png", dpi=120)
