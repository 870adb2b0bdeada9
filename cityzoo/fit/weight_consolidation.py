"""Elastic weight consolidation: weights that mattered to an earlier run are held where they were.

Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks" (arXiv 1612.00796).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from cityzoo.cli.retain import EWC
from cityzoo.errors import InputError
from cityzoo.fit import distributed
from cityzoo.model import load

if TYPE_CHECKING:
    from cityzoo.fit.context import TrainContext
    from cityzoo.fit.continued_data import ContinuedDataset

LOG = logging.getLogger(__name__)


class FisherEstimator(keras.optimizers.Optimizer):
    """Sum the squares of the gradients of each weight, and change no weight: the diagonal of the Fisher matrix."""

    def __init__(self) -> None:
        super().__init__(learning_rate=0.0)

    def build(self, variables: list[Any]) -> None:
        """Make a sum of squares for each weight."""
        super().build(variables)
        self.squares = [self.add_variable_from_reference(each, name="square") for each in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Add the squares of a step's gradient."""
        self.assign_add(self.squares[self._get_variable_index(variable)], ops.square(gradient))


class AnchorPenalty(keras.regularizers.Regularizer):
    """Half the squared distance of weights from where they were, weighted by how much each of them mattered.

    Example:
        >>> penalty = AnchorPenalty(np.array([1.0, 2.0]), np.array([4.0, 0.0]))
        >>> float(penalty(np.array([2.0, 9.0])))
        2.0
    """

    def __init__(self, anchor: np.ndarray, importance: np.ndarray) -> None:
        self.anchor, self.importance = anchor, importance

    def __call__(self, weights: Any) -> Any:
        """Return the penalty of weights, a number."""
        distance = ops.cast(weights, "float32") - ops.convert_to_tensor(self.anchor, "float32")
        return 0.5 * ops.sum(ops.convert_to_tensor(self.importance, "float32") * ops.square(distance))

    def get_config(self) -> dict[str, Any]:
        """Return both arrays as lists."""
        return {"anchor": self.anchor.tolist(), "importance": self.importance.tolist()}


def hold_important_weights(context: TrainContext, data: ContinuedDataset) -> None:
    """Add a penalty to each weight of the model, if `--retain` has ewc; a resumed run gets the same ones.

    The importance of a weight is the mean square of the loss's gradient over the examples in the memory, with the
    weights from before the first step.

    Raises:
        InputError: nothing is in the memory.
    """
    strength = dict(context.spec.fit.retain).get(EWC, 0.0)
    if not strength:
        return
    if not len(data.known):
        raise InputError(
            "--retain ewc measures weights on examples of earlier runs: add replay, e.g. replay:0.1"
        )
    before = load(context.folder.before)
    importance = _estimate_fisher(before, context, data)
    first = len(context.output.class_names) - len(data.added)
    held = context.assembled.model
    for variable, old, own in zip(held.weights, before.weights, importance, strict=True):
        if own is None:
            continue
        if data.added and "head_logits" in variable.path:
            own[..., first:] = 0  # rows of new classes are free
        variable.regularizer = AnchorPenalty(ops.convert_to_numpy(old), strength * own)
    LOG.info("elastic weight consolidation: importance measured on %d examples", len(data.known))


def _estimate_fisher(
    before: keras.Model, context: TrainContext, data: ContinuedDataset
) -> list[np.ndarray | None]:
    """Importance of each weight; None for those that no gradient changes."""
    spec, modality = context.spec, context.modality
    before.trainable = True
    for layer in before.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    views = modality.views(spec, context.output, replace(data, train=data.known))[0]
    estimator, steps = FisherEstimator(), max(1, modality.steps_per_epoch(views, spec.fit.batch_size))
    before.compile(estimator, context.output.loss(modality.size_hw(spec)), jit_compile=False)
    assembled = replace(context.assembled, model=before)
    batches = modality.training_batches(assembled, views, spec, 0, 1, None, distributed.process_shard)
    before.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
    # The square of a batch's mean gradient is, near the optimum, that of one example divided by the batch size.
    scale = spec.fit.batch_size / steps
    squares = {id(v): s for v, s in zip(before.trainable_variables, estimator.squares, strict=True)}
    return [
        ops.convert_to_numpy(squares[id(each)]) * scale if id(each) in squares else None
        for each in before.weights
    ]
