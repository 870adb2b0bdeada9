"""What all phases of a run share, and how far the run has come."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cityzoo.fit.adversarial import make_attacked
from cityzoo.fit.feature_cache import Cache
from cityzoo.fit.run_folder import RunFolder
from cityzoo.modalities import Modality, Views
from cityzoo.model import AssembledModel, float32_copy
from cityzoo.outputs import Output
from cityzoo.spec import ResolvedSpec
from cityzoo.tasks import Task

if TYPE_CHECKING:
    import keras

    from cityzoo.fit.distillation_teacher import Teacher
    from heads.adversarial import AdversarialModel


@dataclass
class TrainState:
    """How far a run has come; what a resumed one starts from."""

    phase: int = 0  # number of the current phase, from 0
    epoch: int = 0  # epochs finished, over all phases
    best: float | None = None  # monitored metric of the best epoch so far; None before the first
    best_epoch: int = 0  # that epoch, from 1
    stale: int = 0  # epochs since then
    history: list[dict[str, Any]] = field(default_factory=list)  # a row of metrics for each epoch
    solved: dict[str, Any] = field(default_factory=dict)  # what computing the head in closed form reports
    found_rate: float = 0.0  # learning rate that --find-lr found; 0: none
    seconds: dict[str, float] = field(default_factory=dict)  # spent on each part of each phase
    spent: float = 0.0  # seconds from the start of training to the end of the last epoch, pauses left out


def never(state: TrainState) -> bool:
    """Return that a training goes on, whatever its state."""
    return False


@dataclass(frozen=True)
class TrainContext:
    """What all phases of a run share."""

    task: Task
    output: Output
    assembled: AssembledModel
    train: Views
    val: Views
    spec: ResolvedSpec[Any]
    folder: RunFolder
    cache: Cache | None
    state: TrainState
    elapsed_seconds: Callable[[], float]
    unlabelled: Any | None = None  # a weakly and a strongly augmented set
    teacher: Teacher | None = None  # whose answers are learned, too
    is_enough: Callable[[TrainState], bool] = never  # after each epoch: whether to stop, to be resumed or not
    known_val: int = 0  # validation examples of earlier runs, which come first; 0: this run continues none

    @functools.cached_property
    def float32_twin(self) -> keras.Model:
        """Return a copy of the model in float32, built once for a run and saved with the weights of some epoch."""
        return float32_copy(self.assembled.model)

    @functools.cached_property
    def attacked(self) -> AdversarialModel:
        """Return the model as one that attacks the images it learns, for a run with `--adversarial`."""
        return make_attacked(self)

    @property
    def modality(self) -> Modality[Any]:
        """Return the task's modality."""
        return self.task.modality

    @property
    def steps(self) -> int:
        """Return the steps of an epoch: a pass over the labeled examples or, if there are more, the unlabeled ones."""
        size = self.spec.fit.batch_size
        unlabelled = len(self.unlabelled[0]) // size if self.unlabelled else 0
        return max(self.modality.steps_per_epoch(self.train, size), unlabelled)
