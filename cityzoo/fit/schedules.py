"""Learning-rate schedules of a phase: a warm-up to the peak, then as named."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from cityzoo.errors import InputError, unknown
from cityzoo.spec import SCHEDULES

START = 0.05  # share of the peak that a linear warm-up starts from
WARM_UP, LONGEST_WARM_UP = 0.1, 100  # share of a phase's steps, and steps
COSINE_END = 0.01  # share of the peak
CYCLE_RISE, CYCLE_START, CYCLE_END = 0.3, 1 / 25, 1 / 25e4  # share of the steps, and two of the peak
DROPS_AT, DROP = (2 / 3, 8 / 9), 0.1  # as detectors are trained for 12 epochs: down by ten after 8 and 11
LearningRateSchedule = keras.optimizers.schedules.LearningRateSchedule


def schedule(name: str, peak: float, steps: int, warm_up: int | None = None) -> LearningRateSchedule:
    """Return the learning rate as a function of the step, ready to be saved with an optimizer.

    "cosine" falls to a hundredth of the peak in half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983),
    "onecycle" rises for a third of the time and falls to nearly nothing (Smith & Topin 2018, arXiv
    1708.07120; the momentum stays), "step" is a tenth after 2/3 of the steps and a hundredth after 8/9,
    "constant" stays at its peak.

    Args:
        name: one of `SCHEDULES`.
        peak: highest learning rate, above 0.
        steps: steps of the phase, at least 1; later steps keep the last rate.
        warm_up: steps until the peak. Default: three tenths of all steps for "onecycle", 1 for "constant"; for
            the others a tenth, between 1 and 100.

    Raises:
        InputError: no such schedule, or numbers that make none.

    Example:
        >>> rate = schedule("step", 0.01, 90, warm_up=10)
        >>> [round(float(rate(step)), 6) for step in (0, 10, 59, 60, 80)]
        [0.0005, 0.01, 0.01, 0.001, 0.0001]
    """
    if name not in SCHEDULES:
        raise unknown("schedule", name, SCHEDULES)
    if not (math.isfinite(peak) and peak > 0 and steps >= 1):
        raise InputError(
            f"a schedule with a peak of {peak} over {steps} steps makes no sense: give a rate above 0, 1 step or more"
        )
    rise = _warm_up(name, steps) if warm_up is None else warm_up
    if name == "cosine":
        return keras.optimizers.schedules.CosineDecay(
            peak * START,
            max(1, steps - rise),
            alpha=COSINE_END,
            warmup_target=peak,
            warmup_steps=rise,
        )
    if name == "onecycle":
        return OneCycle(peak, steps, rise)
    return Steps(peak, rise, [math.ceil(steps * at) for at in DROPS_AT] if name == "step" else [])


def _warm_up(name: str, steps: int) -> int:
    if name == "constant":
        return 1  # whatever the number of steps, so that a run that is made longer is what it would have been
    if name == "onecycle":
        return max(1, int(steps * CYCLE_RISE))
    return max(1, min(int(steps * WARM_UP), LONGEST_WARM_UP))


@keras.saving.register_keras_serializable(package="cityzoo")
class Steps(LearningRateSchedule):
    """Rise linearly, stay, and drop to a tenth at some steps.

    Args:
        peak: rate after the warm-up.
        warm_up: steps until the peak; 0 starts there.
        drops: steps at which the rate becomes a tenth of what it was.
    """

    def __init__(self, peak: float, warm_up: int, drops: list[int]) -> None:
        super().__init__()
        self.peak, self.warm_up, self.drops = peak, warm_up, list(drops)

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step."""
        step = ops.cast(step, "float32")
        risen = ops.minimum(step / max(self.warm_up, 1), 1.0) if self.warm_up else 1.0
        rate = self.peak * (START + (1.0 - START) * risen)
        for drop in self.drops:
            rate = rate * ops.where(step < drop, 1.0, DROP)
        return ops.cast(rate, "float32")

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warm_up": self.warm_up, "drops": self.drops}


@keras.saving.register_keras_serializable(package="cityzoo")
class OneCycle(LearningRateSchedule):
    """Rise in half a cosine from a 25th of the peak, fall in another to a 250,000th.

    Args:
        peak: highest rate.
        steps: steps of the whole cycle.
        warm_up: steps until the peak.
    """

    def __init__(self, peak: float, steps: int, warm_up: int) -> None:
        super().__init__()
        self.peak, self.steps, self.warm_up = peak, steps, warm_up

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step."""
        step = ops.cast(step, "float32")
        up = _half_cosine(self.peak * CYCLE_START, self.peak, step / max(self.warm_up, 1))
        fall = (step - self.warm_up) / max(self.steps - self.warm_up, 1)
        return ops.where(step < self.warm_up, up, _half_cosine(self.peak, self.peak * CYCLE_END, fall))

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "warm_up": self.warm_up}


def _half_cosine(first: float, last: float, share: Any) -> Any:
    return last + (first - last) * 0.5 * (1.0 + ops.cos(math.pi * ops.clip(share, 0.0, 1.0)))
