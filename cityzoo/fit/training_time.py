"""The time that a training takes: what it depends on, and the sum."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from cityzoo.fit.auto_settings import EPOCHS

STARTUP, PER_PHASE, PER_EPOCH = 40.0, 8.0, 0.4  # seconds of start and report, of tracing, and of saving
MARGIN = 1.15  # decoding and metrics take their time too
EVALUATION = 0.5  # of a training step, for as many held-out examples


class Costs(NamedTuple):
    """Seconds that this machine takes at the full settings."""

    spent: float  # until now, to read or draw the data
    example: float  # of an example in the frozen part, which runs once for each view; 0 if nothing is cached
    steps: tuple[float, ...]  # of a training step in each phase


@dataclass(frozen=True)
class Work:
    """What the time depends on."""

    images: int  # examples to train on
    held_out: int  # examples that each epoch is evaluated on
    views: int  # passes of each image through the frozen part
    size_hw: tuple[int, int]  # of the network's input; (1, 1) if it has none
    epochs: tuple[int, ...]  # of each phase
    batch_size: int
    full_hw: tuple[int, int]  # the size that costs were measured at

    @property
    def steps(self) -> int:
        """Return the steps of an epoch."""
        return max(1, -(-self.images // self.batch_size))


def seconds_needed(costs: Costs, work: Work) -> float:
    """Return the time of a training, of which `costs.spent` has passed.

    Example:
        >>> work = Work(160, 32, 2, (64, 64), (10,), 16, (64, 64))
        >>> round(seconds_needed(Costs(5.0, 0.1, (1.0,)), work))  # 5 + 40 + 8 + 4 + 1.15 * (352 * 0.1 + 10 * 11)
        224
    """
    pixels = math.prod(work.size_hw) / math.prod(work.full_hw)
    features = (work.images * work.views + work.held_out) * costs.example
    evaluation = EVALUATION * work.held_out / work.batch_size
    training = sum(n * (work.steps + evaluation) * s for n, s in zip(work.epochs, costs.steps, strict=True))
    fixed = STARTUP + PER_PHASE * len(work.epochs) + PER_EPOCH * sum(work.epochs)
    return costs.spent + fixed + MARGIN * pixels * (features + training)


def epochs_within(costs: Costs, work: Work, seconds: float) -> tuple[float, int]:
    """Return what a minute buys, and how many epochs of each phase fit into a time.

    Returns:
        Epochs of the last phase per minute; the most epochs that all phases may have, 0 where not one fits.

    Example:
        >>> work = Work(160, 32, 2, (64, 64), (10,), 16, (64, 64))
        >>> minute, most = epochs_within(Costs(5.0, 0.1, (1.0,)), work, 600)  # an epoch: .4 + 1.15 * (10 + 1) s
        >>> round(minute, 2), most
        (4.6, 38)
    """
    ones = replace(work, epochs=tuple(1 for _ in work.epochs))
    twos = replace(work, epochs=tuple(1 if n == 1 else 2 for n in work.epochs))
    last = replace(ones, epochs=(*ones.epochs[:-1], 2))
    base, more, one = (seconds_needed(costs, each) for each in (ones, twos, last))
    most = int((seconds - base) / (more - base)) + 1 if more > base and seconds >= base else 0
    return 60 / (one - base), min(most, EPOCHS[1])
