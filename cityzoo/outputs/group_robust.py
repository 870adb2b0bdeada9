"""What group DRO needs of an output: the group of each example next to its target, and the worst group's accuracy."""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.errors import InputError
from cityzoo.metrics.groups import WORST, find_right, weighted_group_accuracy
from cityzoo.outputs import ClosedFormInput, Output
from cityzoo.sample import Example, ExampleSet

if TYPE_CHECKING:
    import keras

    from heads.linear_probe import Linear

MONITOR = WORST  # metric that chooses the best epoch
WEIGHT = 16.0  # of the penalty of dependence
MOST_ROWS = 2000  # whose dependence is measured


@dataclass(frozen=True)
class GroupTable:
    """Groups of training examples: what they have in common, such as light or camera, and their class.

    Attributes:
        values: path of an example -> its light, camera ...
        names: of the groups, as `name` returns them.
        counts: (G,) training examples of each.
    """

    values: Mapping[str, str]
    names: tuple[str, ...]
    counts: tuple[int, ...]

    def name(self, example: Example, class_names: Sequence[str]) -> str:
        """Return the group of an example, such as "night, bus"."""
        holds = np.asarray(example.target) > 0
        label = "+".join(name for name, there in zip(class_names, holds, strict=True) if there) or "none"
        return f"{self.values.get(example.path, '?')}, {label}"

    def member_of_values(self) -> np.ndarray:
        """Return which of the lights, cameras ... each group has, (G, V) float."""
        own = [name.rpartition(", ")[0] for name in self.names]
        return (np.array(own)[:, None] == np.unique(own)).astype(float)

    def place(self, examples: Sequence[Example], class_names: Sequence[str]) -> np.ndarray:
        """Return the group of each example, (N,) int64; -1: one without training examples."""
        places = {name: place for place, name in enumerate(self.names)}
        return np.array([places.get(self.name(each, class_names), -1) for each in examples], np.int64)


def parse_independent_of(text: str) -> str:
    """Check the weight of a value of --independent-of.

    Raises:
        InputError: it is not above 0.
    """
    split_weight(text)
    return text


def split_weight(text: str) -> tuple[str, float]:
    """Return what answers are not to depend on, and the weight of the penalty.

    Example:
        >>> split_weight("light"), split_weight("cam(a:1|b:2):0.5")
        (('light', 16.0), ('cam(a:1|b:2)', 0.5))
    """
    found = re.fullmatch(r"(.+):(\d*\.?\d+)", text)
    if found is None:
        return text, WEIGHT
    if not float(found[2]) > 0:
        raise InputError(f"--independent-of '{text}': the weight after the colon is above 0, e.g. light:64")
    return found[1], float(found[2])


def measure_dependence(shares: np.ndarray, values: np.ndarray, targets: np.ndarray) -> float:
    """Return how much probabilities depend on values among examples of one class, 0..1: `hsic`, normalized.

    Args:
        shares: (N, C) probabilities; of more than 2,000 examples that many are used, evenly spread.
        values: (N, V), 1 for the value of each example.
        targets: (N, C), 0 or 1.
    """
    from heads.independence_loss import hsic

    rows = np.unique(np.linspace(0, len(shares) - 1, min(MOST_ROWS, len(shares))).astype(int))
    return float(hsic(np.log(np.clip(shares[rows], 1e-6, 1)), values[rows], targets[rows], normalize=True))


@dataclass(frozen=True)
class GroupRobust(Output, ABC):
    """The part of a classifier that trains for its worst group."""

    robust_groups: str | None = flag(
        None,
        "train for the worst group (group DRO), groups being classes by camera, light, the files' folder, a pattern "
        "with one group such as 'cam(\\d+)', or a CSV of file name and group; also trains without, to compare",
        metavar="camera|light|folder|REGEX|FILE.csv",
    )
    independent_of: str | None = flag(
        None,
        "let answers of one class depend less on this (HSIC): as for --robust-groups, with a weight after a colon, "
        f"e.g. light:64 ({WEIGHT:g} if not given); also trains without, to compare",
        parse_independent_of,
        "camera|light|folder|REGEX|FILE.csv[:WEIGHT]",
    )
    groups: GroupTable | None = field(default=None, compare=False, repr=False)  # once they are known
    several: ClassVar[bool]

    def label_columns(self, examples: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """Return the targets, with a column for each group after them if there are groups."""
        columns = super().label_columns(examples)
        if self.groups is None:
            return columns
        places = self.groups.place(examples, self.class_names)
        member = (places[:, None] == np.arange(len(self.groups.names))).astype(float)
        labels = zip(columns["labels"], member.tolist(), strict=True)
        return {**columns, "labels": [[*target, *groups] for target, groups in labels]}

    def make_robust(self, loss: keras.losses.Loss) -> keras.losses.Loss:
        """Return a loss with weights of groups or with a penalty of dependence, if there are groups.

        Raises:
            InputError: weights of groups, and the backend is not TensorFlow.
        """
        if self.groups is None:
            return loss
        if self.independent_of:
            from heads.independence_loss import IndependenceLoss

            weight = split_weight(self.independent_of)[1]
            return IndependenceLoss(loss, self.groups.member_of_values().tolist(), weight)
        import keras

        from heads.group_robust_loss import GroupRobustLoss

        if keras.backend.backend() != "tensorflow":
            raise InputError(
                f"--robust-groups trains on Keras' TensorFlow backend, not on {keras.backend.backend()}: give "
                "--freeze backbone, or unset KERAS_BACKEND"
            )
        total = sum(self.groups.counts)
        return GroupRobustLoss(loss, [count / total for count in self.groups.counts])

    def fit_robust(self, given: ClosedFormInput, class_weights: Sequence[float]) -> Linear:
        """Return the last layer that is best for its worst group; the facts have the weights of groups.

        Args:
            given: with a column for each group after its targets.
            class_weights: (C,) weight of each class; empty: 1.
        """
        from heads.group_weights import robust_logistic_regression

        names = self.groups.names if self.groups else ()
        targets, member = np.split(np.asarray(given.targets), [len(self.class_names)], axis=1)
        found = robust_logistic_regression(
            *(
                given.inputs,
                targets,
                member.argmax(axis=1),
                given.groups,
                self.several,
                class_weights,
                given.seed,
            )
        )
        rows = zip(names, *(each.tolist() for each in found[1:]), strict=True)
        weights = {name: {"weight": w, "loss": a, "plain_loss": b} for name, w, a, b in rows}
        return found.layer._replace(facts={**found.layer.facts, "group_weights": weights})

    def group_metrics(self, truth: ExampleSet, results: Sequence[Any]) -> dict[str, float]:
        """Return the accuracy of the worst group; nothing where groups are not known."""
        if self.groups is None or not len(truth):
            return {}
        places = self.groups.place(truth.examples, truth.class_names)
        if (places < 0).all():
            return {}
        targets = np.stack([np.asarray(each.target) for each in truth.examples])
        right = find_right(targets, np.stack(results), self.several)
        found = weighted_group_accuracy(right, places, self.groups.names)(np.ones((1, len(truth))))
        return {WORST: float(found[WORST][0])}
