"""Successive halving (Li et al. 2018, arXiv 1810.05934): a trial goes on where it is among the best third at a rung."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cityzoo.tune.journal import REDUCTION, RUNGS
from cityzoo.tune.trial_run import best_value

if TYPE_CHECKING:
    import optuna

    from cityzoo.fit.context import TrainState


@dataclass
class Rungs:
    """Report a trial at each rung, and stop it there if it is not among the best third.

    Attributes:
        trial: that is trained.
        objectives: of the search, the metric first.
        left: epochs of the rungs to come.
        note_seconds: notes the time of the trial.
        is_stopped: whether it was stopped before its last epoch.
    """

    trial: optuna.Trial
    objectives: Sequence[str]
    left: list[int]
    note_seconds: Callable[[], None]
    is_stopped: bool = False

    def is_enough(self, state: TrainState) -> bool:
        """Return after an epoch whether the trial ends."""
        while not self.is_stopped and self.left and state.epoch >= self.left[0]:
            self.report(state)
        return self.is_stopped

    def report(self, state: TrainState, last: bool = False) -> None:
        """Report the best value so far at the next rung, or at all that are left of a training that has ended."""
        value = best_value(state, self.objectives[0])
        origin = self.trial.user_attrs.get("origin")
        has_one_objective = len(self.objectives) == 1  # Optuna stops no trials where there are several
        while self.left and not self.is_stopped:
            step = REDUCTION ** (RUNGS - len(self.left))
            self.left.pop(0)
            self.note_seconds()
            self.trial.set_user_attr(f"rung {step}", value)
            if has_one_objective:
                self.trial.report(value, step)
                can_stop = self.left and not last and origin != "defaults"
                self.is_stopped = bool(can_stop) and self.trial.should_prune()
            if not last:
                return
