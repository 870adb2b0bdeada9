"""Networks that are smaller than a run's own: pruned, for a smaller input, or a student of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cityzoo.compress import pruning
from cityzoo.compress.candidates import INPUT, ORIGINAL, PRUNE, STUDENT
from cityzoo.compress.pruning_request import PruningRequest
from cityzoo.compress.training import FINE_TUNED, fine_tune_start
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.evaluation.run_facts import earlier_facts
from cityzoo.fit import fine_tune
from cityzoo.fit.auto_settings import LATER_PHASES
from cityzoo.fit.distillation_teacher import pin_teacher
from cityzoo.fit.run_folder import RunFolder
from cityzoo.spec import CLOSED_FORM, Phase, ResolvedSpec


@dataclass(frozen=True)
class Networks:
    """Makes the networks of a plan, each in a run folder of its own; one that was begun there is continued.

    Attributes:
        source: the run that is compressed, and the teacher of all others.
        epochs: of each training; 0: as many as the run's own.
        weights: starting weights of a student.
    """

    source: EvaluatedRun
    epochs: int = 0
    weights: str = "imagenet"

    def make(self, change: str, folder: Path) -> Path:
        """Return the run folder of a changed network, trained.

        Raises:
            InputError: the change cannot be made.
        """
        kind, _, value = change.partition(":")
        if kind == ORIGINAL:
            return self.source.folder.path
        if earlier_facts(folder):
            return folder
        if kind == PRUNE:
            share = float(value)
            request = PruningRequest(str(self.source.folder.path), "latency", share, epochs=self.epochs)
            pruning.prune(request, folder)
            return folder
        spec = {INPUT: self._smaller_input, STUDENT: self._student}[kind](value)
        return self._train(spec.replace(out=str(folder)), change, folder)

    def _train(self, spec: ResolvedSpec[Any], change: str, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        task, data, output = fine_tune.load_task_data(spec)
        fine_tune_start(spec, task, data, output, RunFolder(folder), {"compressed": change}, self.source)
        return folder

    def _spec(self) -> ResolvedSpec[Any]:
        spec = self.source.spec
        if not isinstance(spec, ResolvedSpec):
            raise InputError(
                f"'{self.source.folder.path}' has no plan: it was trained by an earlier version; train it again"
            )
        unused = {name: None for name in ("adapt", "delta", "unlabelled") if hasattr(spec.modality, name)}
        teacher = pin_teacher(str(self.source.folder.path.absolute()))
        is_learner = self.source.output.supports_distillation
        return spec.replace(repeats=1, minutes=None, teacher=teacher if is_learner else None, **unused)

    def _smaller_input(self, value: str) -> ResolvedSpec[Any]:
        height, width = map(int, value.split("x"))
        spec = self._spec()
        last = spec.plan[-1]
        freeze = "backbone" if last.freeze == CLOSED_FORM else last.freeze
        epochs = self.epochs or last.epochs
        plan = (Phase(freeze, epochs, spec.fit.learning_rate * LATER_PHASES),)
        values: dict[str, Any] = {"weights": str(self.source.folder.model.absolute())}
        if hasattr(spec.modality, "backbone_rate"):
            values |= FINE_TUNED
        return replace(spec.replace(image_size=(height, width), **values), plan=plan)

    def _student(self, value: str) -> ResolvedSpec[Any]:
        spec = self._spec()
        is_taught = any(phase.freeze != CLOSED_FORM for phase in spec.plan)
        plan = tuple(
            replace(phase, epochs=self.epochs) if self.epochs and phase.freeze != CLOSED_FORM else phase
            for phase in spec.plan
        )
        teacher = spec.fit.teacher if is_taught else None
        return replace(spec.replace(backbone=value, weights=self.weights, teacher=teacher), plan=plan)
