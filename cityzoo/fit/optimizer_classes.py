"""Optimizers with a learning rate for each variable, selective weight decay, and clipping over all devices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from cityzoo.errors import InputError

NOT_DECAYED = re.compile("bias|gamma|beta|scale|shift")  # names; nor vectors of any name


class _PerVariableRate(keras.optimizers.Optimizer):
    """Mixin that changes how a Keras optimizer decays, clips and scales its steps.

    Rate and decay are in `update_step`, which alone runs for each variable on every backend and device. `rates` maps
    a variable's path to a factor of the learning rate.
    """

    def __init__(
        self,
        *args: Any,
        rates: Mapping[str, float] | None = None,
        decays_vectors: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.rates, self.decays_vectors = dict(rates or {}), decays_vectors

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        strange = sorted(set(self.rates) - {variable.path for variable in variables})
        if strange:
            raise InputError(
                f"no trainable variable '{strange[0]}' for a learning rate: give rates of variables that are not frozen"
            )
        super().build(variables)
        self._factors = [self.rates.get(variable.path, 1.0) for variable in variables]
        self._decays = [
            self.decays_vectors or (len(v.shape) > 1 and not NOT_DECAYED.search(v.name)) for v in variables
        ]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        rate = ops.cast(learning_rate, variable.dtype)
        if self._factors[index] != 1.0:
            rate = ops.multiply(rate, self._factors[index])
        if self.weight_decay and self._decays[index]:
            self.assign_sub(variable, ops.multiply(ops.multiply(variable, self.weight_decay), rate))
        super().update_step(gradient, variable, rate)

    def _apply_weight_decay(self, variables: list[Any]) -> None:
        pass  # Keras has one rate for all variables: see `update_step`

    def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
        # On TensorFlow each replica has a part of the gradient, with another norm than the sum.
        return gradients if keras.backend.backend() == "tensorflow" else super()._clip_gradients(gradients)

    def _all_reduce_sum_gradients(self, pairs: list[tuple]) -> list[tuple]:
        gradients, variables = zip(*super()._all_reduce_sum_gradients(pairs), strict=True)
        return list(zip(super()._clip_gradients(list(gradients)), variables, strict=True))

    def get_config(self) -> dict[str, Any]:
        own = {"rates": dict(self.rates), "decays_vectors": self.decays_vectors}
        return {**super().get_config(), **own}


class _Lookahead(keras.optimizers.Optimizer):
    """Mixin of slow weights: after every few steps slow and fast weights are set to a point between them.

    Zhang et al. 2019, "Lookahead Optimizer: k steps forward, 1 step back", arXiv 1907.08610.
    """

    def __init__(self, *args: Any, meet_every: int = 5, share: float = 0.5, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.meet_every, self.share = meet_every, share

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._slow = self.add_optimizer_variables(variables, "slow")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        slow = self._slow[self._get_variable_index(variable)]
        # Weights may be loaded after `build`: slow weights start with the first step.
        first, value = ops.equal(self.iterations, 0), ops.convert_to_tensor
        before = ops.where(first, value(variable), value(slow))
        super().update_step(gradient, variable, learning_rate)
        after = value(variable)
        between = before + self.share * (after - before)
        meet = ops.equal((self.iterations + 1) % self.meet_every, 0)
        self.assign(slow, ops.where(meet, between, before))
        self.assign(variable, ops.where(meet, between, after))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "meet_every": self.meet_every, "share": self.share}


@keras.saving.register_keras_serializable(package="cityzoo")
class AdamW(_PerVariableRate, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101)."""


@keras.saving.register_keras_serializable(package="cityzoo")
class SGD(_PerVariableRate, keras.optimizers.SGD):
    """Stochastic gradient descent with momentum and decoupled weight decay."""


@keras.saving.register_keras_serializable(package="cityzoo")
class Lion(_PerVariableRate, keras.optimizers.Lion):
    """Steps by the sign of the momentum (Chen et al. 2023, arXiv 2302.06675)."""


@keras.saving.register_keras_serializable(package="cityzoo")
class LookaheadAdamW(_Lookahead, AdamW):
    """Lookahead on AdamW."""


@keras.saving.register_keras_serializable(package="cityzoo")
class LookaheadSGD(_Lookahead, SGD):
    """Lookahead on SGD."""


@keras.saving.register_keras_serializable(package="cityzoo")
class Muon(_PerVariableRate, keras.optimizers.Muon):
    """Orthogonalized steps, of convolutions too (Jordan et al. 2024, kellerjordan.github.io/posts/muon).

    Keras' own optimizes matrices alone. Here a kernel (height, width, in, out) counts as the matrix
    (height * width * in, out), as in the reference code. AdamW optimizes everything else: vectors, depthwise kernels,
    embeddings, and layers of `exclude_layers`.
    """

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return approximately the nearest orthogonal matrix, in the shape of the kernel."""
        matrix = ops.reshape(x, _matrix(x.shape))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Scale the step to the size of AdamW's (Liu et al. 2025, arXiv 2502.16982)."""
        return x * (math.sqrt(max(_matrix(x.shape))) * self.rms_rate)

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        words = "|".join(["embedding", *self.exclude_layers])
        is_matrix = len(variable.shape) in (2, 4) and min(variable.shape[-2:]) > 1  # not one for each channel
        return not is_matrix or bool(re.search(words, variable.path))


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    return math.prod(shape[:-1]), shape[-1]
