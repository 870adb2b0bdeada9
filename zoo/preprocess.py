"""Preprocessing inside the graph, made of built-in layers: the input is always RGB in 0..255."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import keras

# Means and standard deviations of ImageNet as each family was trained with them; see
# keras.applications.imagenet_utils.preprocess_input for where they come from.
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
TORCH_MEAN_RGB = (0.485, 0.456, 0.406)
TORCH_STD_RGB = (0.229, 0.224, 0.225)
Preprocessing = Literal["caffe", "tf", "torch", "inside"]


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
