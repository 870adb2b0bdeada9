"""Build a pretrained backbone: RGB 0..255 in, feature maps of stride 8, 16 and 32 out, one flat graph."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from zoo import registry
from zoo.feature_pyramid import stage
from zoo.pretrained import Origin, initialize
from zoo.registry import Preprocessing

if TYPE_CHECKING:
    import keras

LEVELS = ("P3", "P4", "P5")
POOLED = "pooled"


@dataclass(frozen=True)
class Built:
    """A backbone ready for its head: `model` and the `origin` of its weights.

    `model` takes (batch, height, width, 3) float32 RGB 0..255 and returns {"P3": (batch, height / 8,
    width / 8, channels), "P4": ..., "P5": ...} float32, or {"pooled": (batch, channels)} if no levels were
    requested.
    """

    name: str
    model: keras.Model
    origin: Origin


def build(
    name: str,
    size_hw: int | tuple[int, int],
    weights: str | os.PathLike = "auto",
    levels: Iterable[str] = LEVELS,
) -> Built:
    """Build a backbone with preprocessing inside and a flat graph that can be split and frozen by stage.

    Args:
        name: a name of the table (`zoo.names()`), or several joined by "+", see `zoo.joint_backbone`.
        size_hw: height and width in pixels, or one number for both; multiples of 32 if there are levels.
        weights: "auto" (ImageNet, else random with a warning), "imagenet", "random" or the path of a file; of
            joined backbones one for each, e.g. "a.h5+b.h5".
        levels: which feature maps to return, of stride 2^k ("P2" .. "P5"); layers after the last are
            dropped. Empty: the last feature map, averaged over space, as {"pooled": (batch, channels)}.

    Raises:
        ValueError: unknown name, invalid size, level that the backbone lacks, or unavailable weights.

    Example:
        >>> built = build("mobilenet_025", 64, weights="random")
        >>> {level: tuple(tensor.shape[1:]) for level, tensor in built.model.output.items()}
        {'P3': (8, 8, 64), 'P4': (4, 4, 128), 'P5': (2, 2, 256)}
    """
    import keras

    row = registry.get(name)
    levels = tuple(levels)
    if registry.JOIN in name:
        return _build_joined(name, size_hw, weights, levels)
    if levels and not row.has_levels:
        usable = ", ".join(other for other in registry.names() if registry.get(other).has_levels)
        raise ValueError(
            f"backbone '{name}' has no feature pyramid (classification only): use levels=() or one of: {usable}"
        )
    height, width = _checked_size(name, size_hw, bool(levels))
    network, origin = initialize(name, lambda top: _network(row, height, width, top), weights)
    fix_normalization(network)
    if levels:
        outputs = {level: stage(network, level.replace("P", "C")) for level in levels}
    else:
        outputs = {POOLED: keras.layers.GlobalAveragePooling2D(name=POOLED)(network.output)}
    return Built(name, keras.Model(network.inputs[0], outputs, name=name), origin)


def _build_joined(
    name: str, size_hw: int | tuple[int, int], weights: str | os.PathLike, levels: tuple[str, ...]
) -> Built:
    from zoo.joint_backbone import join_backbones, join_origins, split_weights

    if not levels:
        raise ValueError(f"backbone '{name}' joins feature maps: give levels")
    pairs = zip(registry.split_name(name), split_weights(name, weights), strict=True)
    parts = [build(part, size_hw, own, levels) for part, own in pairs]
    model = join_backbones([part.model for part in parts], name.replace(registry.JOIN, "_"))
    return Built(name, model, join_origins([part.origin for part in parts]))


def _network(row: registry.Backbone, height: int, width: int, top: bool) -> keras.Model:
    import keras

    size = row.default_size
    shape = (size, size, 3) if top else (height, width, 3)
    images = keras.Input(shape, name="images")
    builder = getattr(keras.applications, row.builder)
    return builder(
        include_top=top,
        weights=None,
        input_tensor=preprocess(images, registry.FAMILIES[row.family].preprocess),
        input_shape=shape,
        **row.kwargs,
    )


def _checked_size(name: str, size_hw: int | tuple[int, int], on_grid: bool) -> tuple[int, int]:
    sizes = (size_hw, size_hw) if isinstance(size_hw, int) else tuple(size_hw)
    smallest, step = registry.get(name).min_size, 32 if on_grid else 1
    least = -(-smallest // step) * step
    nearest = tuple(max(least, round(size / step) * step) for size in sizes)
    if len(sizes) != 2 or nearest != sizes:
        grid = f"multiples of {step}, " if on_grid else ""
        raise ValueError(
            f"invalid size {' x '.join(map(str, sizes))} for backbone '{name}': height and width must be "
            f"{grid}at least {least}; nearest: {' x '.join(map(str, nearest))}"
        )
    return sizes


# Means and standard deviations of ImageNet as each family was trained with them; see
# keras.applications.imagenet_utils.preprocess_input for where they come from.
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
TORCH_MEAN_RGB = (0.485, 0.456, 0.406)
TORCH_STD_RGB = (0.229, 0.224, 0.225)


def preprocess(images: keras.KerasTensor, mode: Preprocessing) -> keras.KerasTensor:
    """Add a family's preprocessing to a functional graph.

    Args:
        images: (batch, height, width, 3) float32 RGB, 0..255.
        mode: "caffe" (BGR minus the mean), "tf" (-1..1), "torch" (0..1, then ImageNet's mean and
            standard deviation) or "inside" (the network contains its own: images pass unchanged).

    Returns:
        The same shape, equal to the family's `preprocess_input`.

    Raises:
        ValueError: unknown mode.

    Example:
        >>> import keras
        >>> images = keras.Input((4, 4, 3))
        >>> model = keras.Model(images, preprocess(images, "tf"))
        >>> float(model(keras.ops.full((1, 4, 4, 3), 255.0))[0, 0, 0, 0])
        1.0
    """
    import keras

    if mode not in get_args(Preprocessing):
        raise ValueError(f"unknown preprocessing '{mode}'. Allowed: {', '.join(get_args(Preprocessing))}")
    if mode == "caffe":
        bgr = keras.ops.flip(images, axis=-1)
        return keras.layers.Rescaling([1.0] * 3, [-mean for mean in CAFFE_MEAN_BGR])(bgr)
    if mode == "tf":
        return keras.layers.Rescaling(1 / 127.5, -1.0)(images)
    if mode == "torch":
        scale = [1 / (255 * std) for std in TORCH_STD_RGB]
        offset = [-mean / std for mean, std in zip(TORCH_MEAN_RGB, TORCH_STD_RGB, strict=True)]
        return keras.layers.Rescaling(scale, offset)(images)
    return images


def fix_normalization(model: keras.Model) -> None:
    """Set ImageNet's statistics in the `Normalization` layers that store them as weights.

    `keras.applications.EfficientNetB*` builds a different graph for `weights="imagenet"`: the published files
    hold the standard deviation instead of the variance, and an extra `Rescaling` corrects for it. With the true
    variance in the layer, one graph serves all weights and computes the same.
    """
    import keras
    import numpy as np

    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            mean, variance, count = layer.get_weights()
            true_variance = np.square(TORCH_STD_RGB).astype(variance.dtype)
            layer.set_weights([np.asarray(TORCH_MEAN_RGB, mean.dtype), true_variance, count])
            layer.finalize_state()
