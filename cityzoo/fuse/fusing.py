"""Fuse runs as asked for: open them, divide what is held out, make the model, write its run folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cityzoo.data import files
from cityzoo.evaluation.compare import compare
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit import fine_tune
from cityzoo.fit.run_folder import require_new
from cityzoo.fuse import stack, training
from cityzoo.fuse.ensemble import Ensemble
from cityzoo.fuse.fused_run import FusedRun
from cityzoo.fuse.halves import HeldOut, divide_held_out
from cityzoo.fuse.members import open_members
from cityzoo.fuse.mirror import mirror_model
from cityzoo.fuse.request import FusionRequest
from cityzoo.fuse.soup import Soup, find_ingredients
from cityzoo.metrics.weighted import bootstrap_weights

LOG = logging.getLogger(__name__)


def fuse(request: FusionRequest, out: Path) -> dict[str, Any]:
    """Fuse runs into a new run folder and return its report.

    Raises:
        InputError: runs that cannot be fused like this, or a folder that exists.
    """
    require_new(str(out))
    members = open_members(request.runs)
    others = [open_evaluated(path) for path in request.compare]
    with files.allow_outside(members[0].spec.run.allow_outside):
        fusing = Fusing(request, members, others)
        return fusing.run(out)


class Fusing:
    """One fusion, from opened runs to the report.

    Args:
        request: what to do.
        members: the runs.
        others: runs to compare with.
    """

    def __init__(
        self, request: FusionRequest, members: list[EvaluatedRun], others: list[EvaluatedRun]
    ) -> None:
        self.request, self.members, self.others = request, members, others
        self.task, self.data, self.output = fine_tune.load_task_data(members[0].spec)

    def run(self, out: Path) -> dict[str, Any]:
        """Make the fused model and write it."""
        if self.request.by in ("distil", "features"):
            made = self._prepare(self._whole())
            if self.request.by == "features":
                return training.join_backbones(self.request, made, out)
            return training.distil(self.request, made, out, self.run_ensemble)
        makers: dict[str, Callable[[Path], dict[str, Any]]]
        makers = {
            "ensemble": self.run_ensemble,
            "soup": self._run_soup,
            "stack": self._run_stack,
            "mirror": self._run_mirror,
        }
        return makers[self.request.by](out)

    def _whole(self) -> HeldOut:
        return HeldOut(None, self.data.held_out)

    def _divide(self) -> HeldOut:
        return divide_held_out(self.data, self.task.modality, self.members[0].spec.run.seed)

    def _prepare(self, held_out: HeldOut, by: str = "") -> FusedRun:
        return FusedRun(
            by or self.request.by,
            *(self.members, self.others, self.data, self.output),
            examples=held_out.evaluate,
            note=held_out.note,
            is_half=held_out.is_half,
        )

    def run_ensemble(self, out: Path) -> dict[str, Any]:
        """Write the ensemble of the members."""
        trial = Ensemble(self.members, self.request, None)
        held_out = self._divide() if trial.chooses else self._whole()
        trial.choose = held_out.choose
        return self._prepare(held_out, "ensemble").write(trial.make(), out)

    def _run_soup(self, out: Path) -> dict[str, Any]:
        ingredients = find_ingredients(self.members)
        held_out = self._divide() if self.request.soup == "greedy" else self._whole()
        LOG.info("soup of %d sets of weights, %s", len(ingredients), self.request.soup)
        # The model of this run is changed, so it is opened once more.
        working = open_evaluated(self.members[0].path)
        fused = Soup(working, self.data, held_out.choose, ingredients).make(self.request.soup)
        kept = {each.name: weight for each, weight in zip(ingredients, fused.weights, strict=True)}
        return self._prepare(held_out).write(fused, out, {"ingredients": kept})

    def _run_stack(self, out: Path) -> dict[str, Any]:
        stack.require_classes(self.members[0])
        held_out = self._divide()
        fused = stack.stack_models(self.members, held_out.choose)
        return self._prepare(held_out).write(
            fused, out, self._cross_fit(held_out) if held_out.is_half else None
        )

    def _run_mirror(self, out: Path) -> dict[str, Any]:
        return self._prepare(self._whole()).write(mirror_model(self.members[0]), out)

    def _cross_fit(self, held_out: HeldOut) -> dict[str, Any]:
        # On all held-out examples: each half by the regression of the other one.
        modality, output, metric = self.task.modality, self.members[0].output, self.task.monitor
        halves = (held_out.choose, held_out.evaluate)
        results, alone = stack.cross_fit(self.members, halves)
        both = modality.select(self.data.val, [*held_out.rows[0], *held_out.rows[1]])
        weights = bootstrap_weights(len(both), output.bootstrap_samples, 0, modality.groups(both))
        rows = {
            member.path: compare(
                output.weighted_metrics(both, results),
                output.weighted_metrics(both, own),
                weights,
                [metric],
                output.lower_is_better,
            )["figures"][metric]
            for member, own in zip(self.members, alone, strict=True)
        }
        return {"cross_fitted": {"n": len(both), "runs": rows}}
