"""Ensembles: the mean of what several models output, or weighted boxes fusion of what several detectors find."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.errors import InputError
from cityzoo.evaluation.compare import better_when_lower
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.fuse.joined_model import RawOutputs, join_models, predict_raw
from cityzoo.fuse.members import find_stranger
from cityzoo.fuse.request import EQUAL, FIT, FusionRequest

if TYPE_CHECKING:
    import keras

LOG = logging.getLogger(__name__)
ROUNDS = 20  # of the selection; weights are multiples of 1 / ROUNDS
IOUS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
Weights = tuple[float, ...]
Combine = Callable[[Sequence[Any], Sequence[float]], Any]  # outputs and weights -> output


class Fused(NamedTuple):
    """A model made of several.

    Attributes:
        model: the model.
        choice: what was chosen and how, for the report.
        weights: of each member, 0 for one that has no part; empty where there are none.
    """

    model: keras.Model
    choice: dict[str, Any]
    weights: Weights = ()


class Ensemble:
    """Combines the outputs of some runs.

    Args:
        members: the runs.
        request: with `weights`, `boxes` and `iou`.
        choose: held-out examples that weights and IoU are chosen on.

    Raises:
        InputError: an output that has no mean, or flags that do not fit it.
    """

    def __init__(self, members: Sequence[EvaluatedRun], request: FusionRequest, choose: Any) -> None:
        self.members, self.request, self.choose = members, request, choose
        self.output = members[0].output
        if not self.output.supports_ensemble:
            raise InputError(
                f"runs of {members[0].spec.run.task_name} have no ensemble: distances to what is normal have no common "
                "scale; use one run"
            )
        is_detector = self.output.page == "detection"
        if (request.boxes != "auto" or request.iou is not None) and not is_detector:
            raise InputError("--boxes and --iou are for detectors: remove them")
        # A student cannot learn from fused boxes: they are at no point of its own.
        is_mean = not is_detector or request.by == "distil" or find_stranger(members) is None
        auto = "mean" if is_mean else "wbf"
        self.how = auto if request.boxes == "auto" else request.boxes
        if self.how == "mean" and request.iou is not None:
            raise InputError("--iou belongs to weighted boxes fusion: remove it, or give --boxes wbf")

    @cached_property
    def raw(self) -> list[RawOutputs]:
        """Return what the members output for the examples to choose on."""
        return [predict_raw(member, self.choose) for member in self.members]

    def make(self) -> Fused:
        """Return the ensemble, with weights and IoU as asked for, or chosen.

        Raises:
            InputError: given weights of which none is above 0.
        """
        iou = self._choose_iou() if self.how == "wbf" else 0.0
        weights = self.resolve_weights(iou)
        parts = [(member, weight) for member, weight in zip(self.members, weights, strict=True) if weight > 0]
        shares = [weight for _, weight in parts]
        model = join_models(
            [member.model for member, _ in parts],
            lambda outputs: self._symbolic(iou)(outputs, shares),
            self.output.class_names,
            f"{self.members[0].spec.run.task_name}_ensemble_of_{len(parts)}",
        )
        how = self.request.weights if isinstance(self.request.weights, str) else "given"
        choice: dict[str, Any] = {"weights": how, "combined": self.how}
        if self.how == "wbf":
            choice |= {"iou": iou, "iou_chosen": self.request.iou is None}
        return Fused(model, choice, weights)

    @property
    def chooses(self) -> bool:
        """Whether something is chosen on held-out examples."""
        return self.request.weights == FIT or (self.how == "wbf" and self.request.iou is None)

    def _symbolic(self, iou: float) -> Combine:
        if self.how == "mean":
            return self.output.average_outputs
        from heads.box_fusion_layer import WeightedBoxesFusion

        return lambda outputs, weights: WeightedBoxesFusion(weights, iou, name="weighted_boxes_fusion")(
            outputs
        )

    def _numeric(self, iou: float) -> Combine:
        if self.how == "mean":
            return self.output.average_outputs
        from heads.box_fusion import fuse_detectors

        return lambda outputs, weights: fuse_detectors(outputs, weights, iou)

    def resolve_weights(self, iou: float) -> Weights:
        """Return a weight for each member, given or chosen; their sum is 1."""
        count = len(self.members)
        if self.request.weights == FIT:
            return fit_weights(lambda weights: self.score(weights, iou), count)
        given = np.ones(count) if self.request.weights == EQUAL else np.asarray(self.request.weights, float)
        if given.min() < 0 or given.sum() <= 0:
            raise InputError("--weights: give numbers of 0 or more, at least one above 0")
        return tuple((given / given.sum()).tolist())

    def _choose_iou(self) -> float:
        if self.request.iou is not None:
            return self.request.iou
        equal = [1 / len(self.members)] * len(self.members)
        scores = {iou: self.score(equal, iou) for iou in IOUS}
        table = ", ".join(f"{iou:g} {score:.4f}" for iou, score in scores.items())
        LOG.info("%s of weighted boxes fusion by IoU: %s", self.metric, table)
        return max(scores, key=lambda iou: scores[iou])

    @property
    def metric(self) -> str:
        """Return what weights are chosen by: a loss, which notices small differences, else the task's own metric."""
        return "loss" if "loss" in self.output.primary_metrics else self.members[0].task.monitor

    def score(self, weights: Sequence[float], iou: float) -> float:
        """Return the metric of a combination on the examples to choose on; higher is better."""
        parts = [(raw.values, weight) for raw, weight in zip(self.raw, weights, strict=True) if weight > 0]
        values = self._numeric(iou)(*map(list, zip(*parts, strict=True)))
        results = self.output.decode(np.asarray(values), self.raw[0].matrices, self.raw[0].examples)
        value = self.output.metrics(self.choose, results).get(self.metric)
        sign = -1 if better_when_lower(self.metric, self.output.lower_is_better) else 1
        return -np.inf if value is None else sign * float(value)


def fit_weights(score: Callable[[Sequence[float]], float], count: int) -> Weights:
    """Return weights by ensemble selection with replacement (Caruana et al. 2004, ICML).

    Each round adds the member that improves the mean most, so that a weight is the share of the rounds that chose it;
    the best round counts, the first of equal ones. Only members that help get a weight.

    Args:
        score: weights, whose sum is 1 -> metric, higher is better.
        count: number of members.

    Example:
        >>> fit_weights(lambda w: -abs(w[0] - 0.5) - w[2], 3)
        (0.5, 0.5, 0.0)
    """
    chosen, best = np.zeros(count), (-np.inf, np.full(count, 1 / count))
    for number in range(1, ROUNDS + 1):
        trials = (chosen + np.eye(count)) / number
        scores = [score(row.tolist()) for row in trials]
        place = int(np.argmax(scores))
        chosen[place] += 1
        if scores[place] > best[0]:
            best = (scores[place], chosen / number)
    return tuple(best[1].tolist())
