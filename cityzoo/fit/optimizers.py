"""Optimizers by name: what is spared by weight decay, a rate for each variable, and one clipping over all devices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from cityzoo.errors import InputError, unknown
from cityzoo.spec import OPTIMIZERS

SPARED = re.compile("bias|gamma|beta|scale|shift")  # names; vectors of any name are spared too
PREDICTIONS = (
    "logits",
    "distances",
)  # layers that end a head; Muon is for what lies between input and output


class _Rated:
    """Change how any Keras optimizer decays, clips and scales its steps.

    `update_step` is the one place that runs for each variable on every backend and on each device, so
    rate and decay are there. `rates` is variable's path -> factor of the learning rate.
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
                f"a learning rate is given for '{strange[0]}', which does not learn: give rates of what is not frozen"
            )
        super().build(variables)
        self._factors = [self.rates.get(variable.path, 1.0) for variable in variables]
        self._decays = [
            self.decays_vectors or (len(v.shape) > 1 and not SPARED.search(v.name)) for v in variables
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
        pass  # Keras' own knows one rate for all variables: see `update_step`

    def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
        # TensorFlow's replicas come here each with its own share, whose norm is not that of the sum.
        return gradients if keras.backend.backend() == "tensorflow" else super()._clip_gradients(gradients)

    def _all_reduce_sum_gradients(self, pairs: list[tuple]) -> list[tuple]:
        gradients, variables = zip(*super()._all_reduce_sum_gradients(pairs), strict=True)
        return list(zip(super()._clip_gradients(list(gradients)), variables, strict=True))

    def get_config(self) -> dict[str, Any]:
        own = {"rates": dict(self.rates), "decays_vectors": self.decays_vectors}
        return {**super().get_config(), **own}


class _Lookahead:
    """Let slow weights follow the fast ones: after every few steps both meet a part of the way between them.

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
        # Weights may be loaded after `build`, so that the slow ones start with the first step.
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
class AdamW(_Rated, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101)."""


@keras.saving.register_keras_serializable(package="cityzoo")
class SGD(_Rated, keras.optimizers.SGD):
    """Stochastic gradient descent with momentum and decoupled weight decay."""


@keras.saving.register_keras_serializable(package="cityzoo")
class Lion(_Rated, keras.optimizers.Lion):
    """Steps of the momentum's sign (Chen et al. 2023, arXiv 2302.06675)."""


@keras.saving.register_keras_serializable(package="cityzoo")
class LookaheadAdamW(_Lookahead, AdamW):
    """AdamW with slow weights behind it."""


@keras.saving.register_keras_serializable(package="cityzoo")
class LookaheadSGD(_Lookahead, SGD):
    """SGD with slow weights behind it."""


@keras.saving.register_keras_serializable(package="cityzoo")
class Muon(_Rated, keras.optimizers.Muon):
    """Steps of orthogonal matrices, for convolutions too (Jordan et al. 2024, kellerjordan.github.io/posts/muon).

    Keras' own takes matrices alone, which convolutional networks have nearly none of. Here a kernel (height,
    width, in, out) counts as the matrix (height * width * in, out), as its authors have it. AdamW moves all
    that is no such matrix: vectors, depthwise kernels, embeddings, and layers of `exclude_layers`.
    """

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return the nearest orthogonal matrix, roughly, in the shape of the kernel."""
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


def optimizer(
    name: str,
    schedule: keras.optimizers.schedules.LearningRateSchedule | float,
    *,
    weight_decay: float = 0.01,
    clip_norm: float | None = 10.0,
    rates: Mapping[str, float] | None = None,
    decays_vectors: bool = False,
    clips_each_variable: bool = False,
) -> keras.optimizers.Optimizer:
    """Return an optimizer whose whole state is in its `variables`, and whose config makes it again.

    Weight decay is decoupled (a step shrinks a weight by rate * decay) and spares every vector and whatever
    is called bias, gamma, beta, scale or shift. The moving average of weights is `cityzoo.fit.ema`.

    Args:
        name: one of `OPTIMIZERS`; "sgd" has a Nesterov momentum of 0.9, "lookahead:" meets every 5 steps.
        schedule: learning rate by step, or one for all steps.
        weight_decay: 0 or more.
        clip_norm: longest gradient, as one vector over all variables and summed over all devices; None: any.
        rates: variable's path -> factor of its learning rate (its decay goes along); others have 1.
        decays_vectors: whether weight decay spares nothing.
        clips_each_variable: whether `clip_norm` limits each variable's gradient instead of all together.

    Raises:
        InputError: no such optimizer; in `build`: a rate for what does not learn.

    Example:
        >>> weights = keras.Variable([[1.0, 2.0]], name="kernel")
        >>> sgd = optimizer("sgd", 0.1, weight_decay=0.5, rates={"kernel": 0.1})
        >>> sgd.apply([ops.zeros((1, 2))], [weights])  # nothing but decay: 1 - 0.1 * 0.1 * 0.5
        >>> [round(float(weight), 3) for weight in weights[0]]
        [0.995, 1.99]
    """
    known = {"adamw": AdamW, "lion": Lion, "lookahead:adamw": LookaheadAdamW}
    clip = "clipnorm" if clips_each_variable else "global_clipnorm"
    settings = {
        "weight_decay": weight_decay,
        clip: clip_norm,
        "rates": rates,
        "decays_vectors": decays_vectors,
    }
    if name in ("sgd", "lookahead:sgd"):
        kind = SGD if name == "sgd" else LookaheadSGD
        return kind(schedule, momentum=0.9, nesterov=True, **settings)
    if name == "muon":
        return Muon(schedule, exclude_layers=list(PREDICTIONS), **settings)
    if name not in known:
        raise unknown("optimizer", name, OPTIMIZERS)
    return known[name](schedule, **settings)


def stage_rates(
    of_layer: Mapping[str, str], backbone: keras.Model, model: keras.Model, decay: float
) -> dict[str, float]:
    """Return a factor of the learning rate for everything that learns: the deeper, the smaller.

    The head has 1, the last stage of the backbone `decay`, the one before it `decay ** 2`, and so on
    (Clark et al. 2020, "ELECTRA", arXiv 2003.10555, there layer by layer). Call it after freezing.

    Args:
        of_layer: stage of each of the backbone's layers; deeper stages sort first.
        backbone: the backbone.
        model: the model that trains: the whole one or the part behind a cut; it shares layers with `backbone`.
        decay: above 0, at most 1; 1 makes all rates equal.

    Returns:
        variable's path -> factor, for `optimizer`.

    Raises:
        InputError: a decay out of range.

    Example:
        >>> import zoo
        >>> images = x = keras.Input((32, 32, 3))
        >>> for number in range(1, 6):
        ...     x = keras.layers.Conv2D(1, 1, strides=2, use_bias=False, name=f"conv{number}")(x)
        >>> whole = keras.Model(images, keras.layers.Dense(1, use_bias=False, name="head")(x))
        >>> backbone = keras.Model(images, x)
        >>> rates = stage_rates(zoo.stage_of_layers(backbone), backbone, whole, 0.5)
        >>> rates["head/kernel"], rates["conv5/kernel"], rates["conv3/kernel"]
        (1.0, 0.5, 0.125)
    """
    if not 0 < decay <= 1:
        raise InputError(
            f"a decay of {decay} from stage to stage makes no sense: give a number above 0, up to 1"
        )
    of_variable = {id(v): of_layer[layer.name] for layer in backbone.layers for v in layer.weights}
    order = sorted(set(of_variable.values()), reverse=True)  # "tail" lies behind the stages
    depth = {stage: number for number, stage in enumerate(order, start=1)}
    learning = model.trainable_variables
    return {v.path: decay ** depth.get(of_variable.get(id(v)), 0) for v in learning}
