"""LoRA: a frozen kernel plus a trained product of two thin matrices (Hu et al. 2021, arXiv 2106.09685)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from zoo.peft.methods import Chains
from zoo.peft.rewrite import copy, values

KINDS = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.EinsumDense)


def full_rank(layer: keras.Layer) -> int:
    """Return the maximum rank of a layer's kernel as a matrix (fan in, outputs)."""
    shape = tuple(layer.kernel.shape)
    return min(math.prod(shape[:-1]), shape[-1])


@dataclass(frozen=True)
class Lora:
    """Keras' `enable_lora` on every Conv2D, Dense and EinsumDense.

    Biases and depthwise kernels stay frozen. The rank is limited to the kernel's full rank.
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
