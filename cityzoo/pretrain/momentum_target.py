"""The target network of BYOL: a copy of the trained one that follows it slowly."""

from __future__ import annotations

import math
from dataclasses import replace

import keras
from keras import ops

from cityzoo.fit.ema import compile_step
from cityzoo.model import AssembledModel, float32_copy
from cityzoo.pretrain.objectives import PROJECTION

TARGET = "target"  # name of the layer that holds the copy


def add_target(assembled: AssembledModel) -> AssembledModel:
    """Return the model with a copy of its backbone and projection next to it, which no gradient reaches.

    The model's output is then (batch, 2D): the prediction, and the target's projection of the same image.
    """
    model = assembled.model
    target = float32_copy(_online(model))
    target.name, target.trainable = TARGET, False
    both = keras.layers.Concatenate(dtype="float32", name="head_pair")([model.output, target(model.input)])
    return replace(assembled, model=keras.Model(model.input, both, name=model.name))


def _online(model: keras.Model) -> keras.Model:
    return keras.Model(model.input, model.get_layer(PROJECTION).output)


class MomentumTarget(keras.callbacks.Callback):
    """Move the target after each step: target = m * target + (1 - m) * trained.

    m rises from its first value to 1 along half a cosine (Grill et al. 2020, arXiv 2006.07733, section 3.2).
    Statistics of BatchNormalization move along.

    Args:
        model: with a target, see `add_target`.
        momentum: m at the first step, 0..1.
        steps: of the training.
    """

    def __init__(self, model: keras.Model, momentum: float, steps: int) -> None:
        super().__init__()
        self.momentum, self.steps = momentum, max(steps, 1)
        self._pairs = list(zip(model.get_layer(TARGET).weights, _online(model).weights, strict=True))
        self._move = compile_step(self._moved)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        done = min(int(self.model.optimizer.iterations) / self.steps, 1.0)
        share = (1 - self.momentum) * (math.cos(math.pi * done) + 1) / 2
        self._move(ops.convert_to_tensor(share, dtype="float32"))

    def _moved(self, share: object) -> None:
        for target, value in self._pairs:
            if "float" in target.dtype:
                target.assign_add(ops.cast(share, target.dtype) * (ops.cast(value, target.dtype) - target))
