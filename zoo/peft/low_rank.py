"""Methods that add few parameters to a layer: LoRA, AdaLoRA and adapters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from zoo.feature_pyramid import stages
from zoo.peft.methods import Chains
from zoo.peft.rewrite import copy, parts, values

KINDS = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.EinsumDense)


def full_rank(layer: keras.Layer) -> int:
    """Return the maximum rank of a layer's kernel as a matrix (fan in, outputs)."""
    shape = tuple(layer.kernel.shape)
    return min(math.prod(shape[:-1]), shape[-1])


@dataclass(frozen=True)
class Lora:
    """LoRA: Keras' `enable_lora` on every Conv2D, Dense and EinsumDense (Hu et al. 2021, arXiv 2106.09685).

    The kernel is frozen, and a trained product of two thin matrices is added. Biases and depthwise kernels stay frozen.
    The rank is limited to the kernel's full rank.
    """

    rank: int
    trains = frozenset({"lora_kernel_a", "lora_kernel_b"})
    keeps: frozenset[str] = frozenset()
    folds = True

    def plan(self, backbone: keras.Model, operations: list[Any], seed: int) -> Chains:
        """Return copies of the layers with LoRA enabled: A is random, B is zero."""
        chains: Chains = {}
        for layer in operations:
            if isinstance(layer, KINDS):
                twin = copy(layer)
                start = keras.initializers.HeUniform(seed=seed + len(chains))
                twin.enable_lora(min(self.rank, full_rank(layer)), a_initializer=start)
                chains[layer] = [twin]
        return chains

    def fold(self, chain: list[keras.Layer]) -> dict[str, np.ndarray]:
        """Add the product to the kernel, in float32 regardless of the layer's dtype."""
        layer, weights = chain[0], values(chain[0])
        product = weights.pop("lora_kernel_a") @ weights.pop("lora_kernel_b")
        weights["kernel"] = weights["kernel"] + layer.lora_alpha / layer.lora_rank * product
        return weights


SURPLUS = 1.5  # initial triplets per final one
ORTHOGONALITY = 0.1  # weight of the penalty, divided among the layers


class _Triplets(keras.Layer):
    """Layer with a trained sum of rank-one kernels added to its `kernel` of shape (..., outputs).

    P is (..., triplets), lambda (triplets,) and Q (triplets, outputs); `svd_alive` (triplets,) is 1 for those in
    use and 0 for those removed, `svd_importance` the score that `rank_allocation` gives them.
    """

    svd_p = None

    def __init__(self, *, triplets: int, penalty: float = 0.0, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.triplets, self.penalty, self.seed = triplets, penalty, seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create orthonormal P and Q (the penalty starts at zero) and zero lambda."""
        super().build(input_shape)
        shape, count = tuple(self._kernel.shape), (self.triplets,)
        p_start, q_start = (keras.initializers.Orthogonal(seed=self.seed + i) for i in (0, 1))
        kwargs = {"dtype": "float32", "autocast": False}
        self._tracker.unlock()
        self.svd_q = self.add_weight(name="svd_q", shape=(*count, shape[-1]), initializer=q_start, **kwargs)
        self.svd_lambda = self.add_weight(name="svd_lambda", shape=count, initializer="zeros", **kwargs)
        self.svd_alive = self._state("svd_alive", count, "ones")
        self.svd_importance = self._state("svd_importance", count, "zeros")
        self.svd_p = self.add_weight(name="svd_p", shape=(*shape[:-1], *count), initializer=p_start, **kwargs)
        self._tracker.lock()

    def _state(self, name: str, shape: tuple[int, ...], initializer: str) -> keras.Variable:
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, dtype="float32", trainable=False, autocast=False
        )

    @property
    def gain(self) -> float:
        """Return the factor of the sum.

        A step of Adam moves lambda by the learning rate; the same step on LoRA's matrix B moves its rows, of one
        entry per output, by that times the root of the outputs.
        """
        return math.sqrt(self.svd_q.shape[-1])

    @property
    def kernel(self) -> Any:
        """Return the kernel plus the triplets in use."""
        kernel = super().kernel
        if self.svd_p is None:
            return kernel
        added = keras.ops.matmul(self.svd_p * (self.gain * self.svd_lambda * self.svd_alive), self.svd_q)
        return keras.ops.cast(keras.ops.cast(kernel, "float32") + added, self.compute_dtype)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute the layer; in training, penalise columns of P and rows of Q that are not orthonormal."""
        if training and self.penalty:
            p = keras.ops.reshape(self.svd_p, (-1, self.triplets))
            ours = keras.ops.matmul(keras.ops.transpose(p), p)
            theirs = keras.ops.matmul(self.svd_q, keras.ops.transpose(self.svd_q))
            eye = keras.ops.eye(self.triplets)
            off = keras.ops.sum(keras.ops.square(ours - eye)) + keras.ops.sum(keras.ops.square(theirs - eye))
            self.add_loss(self.penalty * off)
        return super().call(inputs)

    def save_own_variables(self, store: Any) -> None:
        """Save every variable unchanged; Keras' convolutions would save the sum as their kernel."""
        keras.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        keras.Layer.load_own_variables(self, store)

    def get_config(self) -> dict[str, Any]:
        own = {"triplets": self.triplets, "penalty": self.penalty, "seed": self.seed}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="cityzoo")
class TripletConv2D(_Triplets, keras.layers.Conv2D):
    """Conv2D with triplets."""


@keras.saving.register_keras_serializable(package="cityzoo")
class TripletDense(_Triplets, keras.layers.Dense):
    """Dense with triplets."""


@dataclass(frozen=True)
class AdaLora:
    """AdaLoRA: P diag(lambda) Q added to each Conv2D and Dense kernel (Zhang et al. 2023, arXiv 2303.10512).

    A triplet is a column of P, an entry of lambda and a row of Q. Training begins with 1.5 times the triplets of LoRA
    of that rank, and `rank_allocation` removes the least important ones: as many as LoRA has remain in total.
    """

    rank: int
    trains = frozenset({"svd_p", "svd_lambda", "svd_q"})
    keeps = frozenset({"svd_alive"})
    folds = True

    def plan(self, backbone: keras.Model, operations: list[Any], seed: int) -> Chains:
        """Return copies of the layers with triplets."""
        kinds = {keras.layers.Conv2D: TripletConv2D, keras.layers.Dense: TripletDense}
        chosen = [layer for layer in operations if type(layer) in kinds]
        chains: Chains = {}
        for layer in chosen:
            triplets = min(math.ceil(SURPLUS * self.rank), full_rank(layer))
            twin = copy(
                layer,
                kinds[type(layer)],
                triplets=triplets,
                penalty=ORTHOGONALITY / len(chosen),
                seed=seed + 2 * len(chains),
            )
            chains[layer] = [twin]
        return chains

    def fold(self, chain: list[Any]) -> dict[str, np.ndarray]:
        """Add the triplets in use to the kernel, in float32 regardless of the layer's dtype."""
        weights = values(chain[0])
        scaled = weights.pop("svd_lambda") * weights.pop("svd_alive") * np.float32(chain[0].gain)
        weights["kernel"] = weights["kernel"] + (weights.pop("svd_p") * scaled) @ weights.pop("svd_q")
        weights.pop("svd_importance")
        return weights

    def budget(self, layers: list[keras.Layer]) -> int:
        """Return the final number of triplets: per layer the rank, at most its full rank."""
        return sum(min(self.rank, layer.triplets) for layer in layers)


class Bottleneck:
    """Residual branch of two 1x1 convolutions, or of two dense layers for tokens; the second starts at zero.

    Not a layer: it adds built-in layers to the graph, which loads without this package.
    """

    def __init__(
        self, name: str, channels: int, width: int, seed: int, dtype: Any, is_map: bool = True
    ) -> None:
        """Create the layers: `channels` to `width` to `channels`."""
        start = keras.initializers.HeNormal(seed=seed)
        kind, size = (keras.layers.Conv2D, (1,)) if is_map else (keras.layers.Dense, ())
        self.down = kind(
            width, *size, activation="relu", kernel_initializer=start, name=f"{name}_down", dtype=dtype
        )
        self.up = kind(channels, *size, kernel_initializer="zeros", name=f"{name}_up", dtype=dtype)
        self.add = keras.layers.Add(name=name, dtype=dtype)
        self.layers = [self.down, self.up]

    def __call__(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Add the module after a feature map (batch, height, width, channels), or tokens (batch, tokens, channels)."""
        return self.add([features, self.up(self.down(features))])


@dataclass(frozen=True)
class Adapter:
    """Bottleneck of `width` channels after each stage, all trained (Houlsby et al. 2019, arXiv 1902.00751).

    It cannot be folded into existing layers, but consists of plain layers.
    """

    width: int
    trains = frozenset({"kernel", "bias"})
    keeps: frozenset[str] = frozenset()
    folds = False

    def plan(self, backbone: keras.Model, operations: list[Any], seed: int) -> Chains:
        """Return for the last operation of each stage: itself, then the bottleneck."""
        ours = {id(layer) for layer in operations}
        taken = {layer.name for layer in backbone.layers}  # also of an earlier, merged adaptation
        chains: Chains = {}
        for stage, tensor in stages(backbone).items():
            operation = parts(tensor._keras_history.operation)[-1]
            if id(operation) in ours:
                name, dtype = f"adapter_{stage}", getattr(operation, "dtype_policy", None)
                while name in taken:
                    name += "_more"
                is_map = len(tensor.shape) == 4
                module = Bottleneck(name, tensor.shape[-1], self.width, seed + len(chains), dtype, is_map)
                chains[operation] = [operation, module]
        return chains
