"""Preprocessing inside the graph, out of layers that every Keras has: outside, an image is RGB in 0..255."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

# Means and standard deviations of ImageNet as each family was trained with them; see
# keras.applications.imagenet_utils.preprocess_input for where they come from.
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
TORCH_MEAN_RGB = (0.485, 0.456, 0.406)
TORCH_STD_RGB = (0.229, 0.224, 0.225)
BEHAVIOURS = ("caffe", "tf", "torch", "inside")


def preprocess(images: keras.KerasTensor, behaviour: str) -> keras.KerasTensor:
    """Add a family's preprocessing to a functional graph.

    Args:
        images: (batch, height, width, 3) float32 RGB, 0..255.
        behaviour: "caffe" (BGR minus the mean), "tf" (-1..1), "torch" (0..1, then ImageNet's mean and
            standard deviation) or "inside" (the network does it itself: images pass unchanged).

    Returns:
        The same shape, as the family's own `preprocess_input` makes it.

    Raises:
        ValueError: the behaviour is none of the four.

    Example:
        >>> import keras
        >>> images = keras.Input((4, 4, 3))
        >>> model = keras.Model(images, preprocess(images, "tf"))
        >>> float(model(keras.ops.full((1, 4, 4, 3), 255.0))[0, 0, 0, 0])
        1.0
    """
    import keras

    if behaviour not in BEHAVIOURS:
        raise ValueError(f"unknown preprocessing '{behaviour}'. Allowed: {', '.join(BEHAVIOURS)}")
    if behaviour == "caffe":
        bgr = keras.ops.flip(images, axis=-1)
        return keras.layers.Rescaling([1.0] * 3, [-mean for mean in CAFFE_MEAN_BGR])(bgr)
    if behaviour == "tf":
        return keras.layers.Rescaling(1 / 127.5, -1.0)(images)
    if behaviour == "torch":
        scale = [1 / (255 * std) for std in TORCH_STD_RGB]
        offset = [-mean / std for mean, std in zip(TORCH_MEAN_RGB, TORCH_STD_RGB, strict=True)]
        return keras.layers.Rescaling(scale, offset)(images)
    return images


def fix_normalization(model: keras.Model) -> None:
    """Give the `Normalization` layers that hold their statistics as weights those of ImageNet.

    `keras.applications.EfficientNetB*` builds another graph for `weights="imagenet"` than for any other
    weights: the published files hold the standard deviation where the variance belongs, and an extra
        `Rescaling` makes up for it.
    One graph for all weights needs the true variance in the layer instead, which is the same function.
    """
    import keras
    import numpy as np

    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            mean, variance, count = layer.get_weights()
            true_variance = np.square(TORCH_STD_RGB).astype(variance.dtype)
            layer.set_weights([np.asarray(TORCH_MEAN_RGB, mean.dtype), true_variance, count])
            layer.finalize_state()
