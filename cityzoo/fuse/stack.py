"""Stacking: a logistic regression on the logits of several models (Wolpert 1992, "Stacked generalization")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.fuse.ensemble import Fused
from cityzoo.fuse.joined_model import join_models, predict_raw
from cityzoo.outputs.classification import Classification

LAYER = "stacked_logits"


def stack_models(members: Sequence[EvaluatedRun], choose: Any) -> Fused:
    """Return one model whose last layer weighs the logits of all members.

    The regression is fitted on held-out examples, which no member has learned; its strength is chosen by
    cross-validation over groups, see `heads.linear_probe.logistic_regression`.

    Args:
        members: runs of a classification.
        choose: held-out examples to fit it on.

    Raises:
        InputError: an output without classes.
    """
    import keras

    first = members[0]
    require_classes(first)
    rows = stacked_rows(members, choose)
    found = fit_stack(first, rows, choose)
    layer = keras.layers.Dense(found.kernel.shape[1], dtype="float32", name=LAYER)
    model = join_models(
        [member.model for member in members],
        lambda outputs: layer(keras.layers.Concatenate(dtype="float32", name="member_logits")(outputs)),
        first.output.class_names,
        f"{first.spec.run.task_name}_stack_of_{len(members)}",
    )
    layer.set_weights([found.kernel, found.bias])
    return Fused(model, {**found.facts, "inputs": rows.shape[1], "n_examples": len(rows)})


def require_classes(first: EvaluatedRun) -> None:
    """Raise InputError for outputs that are no logits of classes."""
    if not isinstance(first.output, Classification):
        raise InputError(
            f"--by stack weighs logits of classes, which runs of {first.spec.run.task_name} do not have: use --by "
            "ensemble"
        )


def stacked_rows(members: Sequence[EvaluatedRun], examples: Any) -> np.ndarray:
    """Return the logits of all members side by side, (N, members * logits) float32."""
    return np.concatenate([predict_raw(member, examples).values for member in members], axis=1)


def fit_stack(first: EvaluatedRun, rows: np.ndarray, examples: Any) -> Any:
    """Fit the regression; return its kernel, bias and facts.

    Examples outside of all classes, as texts may be, have no part in it.

    Args:
        first: a member, which knows the classes.
        rows: (N, D) float, of the examples.
        examples: N of them.
    """
    from heads.linear_probe import logistic_regression

    output, run = first.output, first.spec.run
    several = isinstance(output, Classification) and output.several
    targets = np.stack([each.target for each in examples.examples])
    named = [name or f"row {row}" for row, name in enumerate(first.task.modality.groups(examples))]
    groups = np.unique(named, return_inverse=True)[1]
    known = np.arange(len(targets)) if several else np.flatnonzero(targets.sum(axis=1) == 1)
    return logistic_regression(rows[known], targets[known], groups[known], several, (), run.seed)


def cross_fit(members: Sequence[EvaluatedRun], halves: Sequence[Any]) -> tuple[list[Any], list[list[Any]]]:
    """Return the results of stacking for two halves, each by the regression that the other half fitted.

    Args:
        members: runs of a classification.
        halves: two sets of held-out examples without a common group.

    Returns:
        the results for the first half and then the second, and those of each member.
    """
    output = members[0].output
    rows = [stacked_rows(members, half) for half in halves]
    found = [fit_stack(members[0], own, half) for own, half in zip(rows, halves, strict=True)]
    results: list[Any] = []
    for own, other, half in zip(rows, reversed(found), halves, strict=True):
        results += output.decode(own @ other.kernel + other.bias, None, half.examples)
    width = rows[0].shape[1] // len(members)
    alone = [
        [
            result
            for own, half in zip(rows, halves, strict=True)
            for result in output.decode(own[:, start : start + width], None, half.examples)
        ]
        for start in range(0, width * len(members), width)
    ]
    return results, alone
