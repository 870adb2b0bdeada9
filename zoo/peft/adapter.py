"""Adapters: a narrow residual module after each stage (Houlsby et al. 2019, arXiv 1902.00751)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from zoo.feature_pyramid import stages
from zoo.peft.methods import Chains
from zoo.peft.rewrite import parts


class Bottleneck:
    """Residual branch of two 1x1 convolutions; the second starts at zero.

    Not a layer: it adds built-in layers to the graph, which loads without this package.
    """

    def __init__(self, name: str, channels: int, width: int, seed: int, dtype: Any) -> None:
        """Create the layers: `channels` to `width` to `channels`."""
        start = keras.initializers.HeNormal(seed=seed)
        self.down = keras.layers.Conv2D(
            width, 1, activation="relu", kernel_initializer=start, name=f"{name}_down", dtype=dtype
        )
        self.up = keras.layers.Conv2D(channels, 1, kernel_initializer="zeros", name=f"{name}_up", dtype=dtype)
        self.add = keras.layers.Add(name=name, dtype=dtype)
        self.layers = [self.down, self.up]

    def __call__(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Add the module after a feature map (batch, height, width, channels)."""
        return self.add([features, self.up(self.down(features))])


@dataclass(frozen=True)
class Adapter:
    """Bottleneck of `width` channels after each stage; all of its weights train.

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
                module = Bottleneck(name, tensor.shape[-1], self.width, seed + len(chains), dtype)
                chains[operation] = [operation, module]
        return chains
