"""Examples of a run whose class is probably wrong, by linear heads on frozen features that have not seen it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.errors import InputError
from cityzoo.fit.fold_data import find_folds
from cityzoo.outputs.classification import Classification
from cityzoo.selection.confident_learning import LabelIssues, find_label_issues
from cityzoo.selection.probe_data import ProbeData, fit_probe


@dataclass(frozen=True)
class ClassCheck:
    """Labels of N examples, and what heads that were fitted on other folds make of them.

    Attributes:
        data: the examples.
        labels: (N,) int.
        probabilities: (N, C) float64.
        issues: what contradicts.
    """

    data: ProbeData
    labels: np.ndarray
    probabilities: np.ndarray
    issues: LabelIssues

    @property
    def accuracy(self) -> float:
        """Share of the examples whose label is the most probable class."""
        return float((self.probabilities.argmax(axis=1) == self.labels).mean())

    @property
    def pairs(self) -> dict[tuple[int, int], int]:
        """Number of issues of each label and suggested class, the most frequent first."""
        rows = self.issues.rows
        both = np.stack([self.labels[rows], self.issues.suggested[rows]], axis=1)
        found, counts = np.unique(both, axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {(int(found[k, 0]), int(found[k, 1])): int(counts[k]) for k in order}


def check_classes(data: ProbeData, groups: np.ndarray, output: Classification, folds: int) -> ClassCheck:
    """Fit a head for each fold on the others, and compare what it makes of the fold with the labels.

    Args:
        data: N examples of one class each.
        groups: (N,) int, examples of a group are alike and lie in one fold.
        output: what the labels mean.
        folds: number of folds, 2 or more.

    Raises:
        InputError: a class in fewer groups than folds: a head would not know it.
    """
    if folds < 2:
        raise InputError(f"--folds {folds}: labels are checked by the other folds, give 2 or more")
    labels = data.targets.argmax(axis=1)
    for number, name in enumerate(data.examples.class_names):
        own = labels == number
        count = len(np.unique(groups[own]))
        if 0 < count < folds:
            how = f"give --folds {count}, " if count > 1 else "give "
            raise InputError(
                f"class '{name}' has {int(own.sum())} examples in {count} groups, fewer than --folds {folds}: {how}"
                "more examples, or --group-by example"
            )
    probabilities = np.zeros(data.targets.shape)
    fold_of = find_folds(groups, data.examples, folds)
    for fold in range(folds):
        others, rows = data.take(np.flatnonzero(fold_of != fold)), np.flatnonzero(fold_of == fold)
        probe = fit_probe(others.features, others.targets, output.several)
        logits = data.features[rows] @ probe.kernel + probe.bias
        # What a task's own output makes of logits may hold more than probabilities.
        probabilities[rows] = Classification.decode(output, logits, None, ())
    return ClassCheck(data, labels, probabilities, find_label_issues(labels, probabilities))
