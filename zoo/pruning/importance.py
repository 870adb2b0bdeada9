"""How much a channel matters, and which channels to remove first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from zoo.peft.rewrite import array_of
from zoo.pruning.channel_trace import Slot
from zoo.pruning.channels import Channels, Group

LEAST, STEP = 8, 8  # channels of a layer: fewer, or other multiples, save no time
MOST = 0.5  # share of a group that is removed at once
_SMALLEST = 1e-12


def kernel_norms(model: keras.Model, channels: Channels) -> np.ndarray:
    """Return the L1 norm of the kernels that write each channel, relative to the mean of their layer.

    Li et al. 2017, "Pruning Filters for Efficient ConvNets" (arXiv 1608.08710); for coupled channels the mean over
    layers.

    Returns:
        (channels.count,) float.
    """
    return _mean_over_slots(model, channels, lambda slot: slot.weight.endswith("kernel"))[0]


def batchnorm_scales(model: keras.Model, channels: Channels) -> np.ndarray:
    """Return the size of each channel's scale in BatchNormalization, relative to the mean of its layer.

    Liu et al. 2017, "Learning Efficient Convolutional Networks through Network Slimming" (arXiv 1708.06519). Channels
    that no BatchNormalization scales get their kernel norm.

    Returns:
        (channels.count,) float.
    """
    is_scale = {
        layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.scale
    }
    scales, known = _mean_over_slots(
        model, channels, lambda slot: slot.layer in is_scale and slot.weight == "gamma"
    )
    return np.where(known > 0, scales, kernel_norms(model, channels))


def _mean_over_slots(model: keras.Model, channels: Channels, counts: Any) -> tuple[np.ndarray, np.ndarray]:
    weights = _weights_by_slot(model)
    total, number = np.zeros(channels.count), np.zeros(channels.count)
    for slot in channels.slots:
        if not slot.reads and counts(slot):
            values = np.abs(np.moveaxis(array_of(weights[slot.layer, slot.weight]), slot.axis, 0))
            norms = values.reshape(len(values), -1).sum(1)
            np.add.at(total, slot.channels, norms / max(norms.mean(), _SMALLEST))
            np.add.at(number, slot.channels, 1)
    return total / np.maximum(number, 1), number


def taylor(
    model: keras.Model, channels: Channels, loss: Any, batches: Iterable[tuple[Any, Any]]
) -> np.ndarray:
    """Return how much the loss would change without each channel, by its first-order Taylor expansion.

    Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning" (arXiv 1906.10771): the square of gradient
    times weight, here of all weights that read the channel, which includes a constant that it adds. Root mean square
    over batches.

    Args:
        model: a functional model; its weights are not changed, its compiled state is.
        channels: of the model.
        loss: that it is trained with.
        batches: training examples, (inputs, targets).

    Returns:
        (channels.count,) float, in units of the loss.
    """
    weights, recorder = _weights_by_slot(model), GradientRecorder()
    reading = [slot for slot in channels.slots if slot.reads]
    total, count = np.zeros(channels.count), 0
    with _all_trainable(model):
        model.compile(recorder, loss)
        for inputs, targets in batches:
            model.train_on_batch(inputs, targets)
            total += _first_order(channels.count, reading, weights, recorder.gradients) ** 2
            count += 1
    return np.sqrt(total / max(count, 1))


def _first_order(
    count: int, slots: Sequence[Slot], weights: Mapping[Any, Any], gradients: Mapping[str, Any]
) -> np.ndarray:
    change = np.zeros(count)
    for slot in slots:
        variable = weights[slot.layer, slot.weight]
        if variable.path in gradients:
            product = np.moveaxis(array_of(variable) * array_of(gradients[variable.path]), slot.axis, 0)
            np.add.at(change, slot.channels, product.reshape(len(product), -1).sum(1))
    return change


class GradientRecorder(keras.optimizers.Optimizer):
    """Keep the gradients of a training step instead of applying them, on any backend."""

    def __init__(self) -> None:
        super().__init__(learning_rate=0.0, name="gradient_recorder")
        self.recorded: list[Any] = []  # gradients of the last step, in the order of the model's weights

    @property
    def gradients(self) -> dict[str, Any]:
        """Return path of a weight -> its gradient in the last step."""
        return dict(zip((v.path for v in self._trainable_variables), self.recorded, strict=True))

    def build(self, variables: list[Any]) -> None:
        """Add a variable for each gradient."""
        if not self.built:
            super().build(variables)
            self.recorded = [self.add_variable_from_reference(each, "gradient") for each in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keep one gradient."""
        index = self._get_variable_index(variable)
        self.assign(self.recorded[index], keras.ops.cast(gradient, self.recorded[index].dtype))


@contextmanager
def _all_trainable(model: keras.Model) -> Iterator[None]:
    # BatchNormalization stays frozen: its statistics must not move, and its scales are not needed.
    before = {layer: layer.trainable for layer in model.layers}
    try:
        for layer in before:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        yield
    finally:
        for layer, trainable in before.items():
            layer.trainable = trainable


def _weights_by_slot(model: keras.Model) -> dict[tuple[str, str], Any]:
    return {(layer.name, weight.name): weight for layer in model.layers for weight in layer.weights}


def removal_steps(
    groups: Sequence[Group], scores: np.ndarray, by: str = "operations", most: float = MOST
) -> list[np.ndarray]:
    """Return the channels to remove, step by step, over all groups: least importance per saved cost first.

    Each step leaves a multiple of 8 channels, at least 8, in its group.

    Args:
        groups: as `group_channels` returns them.
        scores: importance of each channel.
        by: the cost, "operations" or "parameters".
        most: the largest share of a group that is removed.

    Example:
        >>> cheap, dear = Group(("a",), np.arange(20), 10, 10), Group(("b",), np.arange(20, 36), 10, 1000)
        >>> [step.tolist() for step in removal_steps([cheap, dear], np.ones(36))]
        [[20, 21, 22, 23, 24, 25, 26, 27], [0, 1, 2, 3]]
    """
    found: list[tuple[float, np.ndarray]] = []
    for group in groups:
        ordered = group.channels[np.argsort(scores[group.channels], kind="stable")]
        kept = max(LEAST, -(-round(len(ordered) * (1 - most)) // STEP) * STEP)
        start, end = 0, len(ordered) % STEP or STEP
        while end <= len(ordered) - kept:
            step = ordered[start:end]
            found.append((float(scores[step].mean()) / getattr(group, by), step))
            start, end = end, end + STEP
    return [step for _, step in sorted(found, key=lambda pair: pair[0])]
