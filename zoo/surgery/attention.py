"""Attention after a stage: squeeze-excite and CBAM, which start as the identity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from zoo.surgery.arguments import attention_kind
from zoo.surgery.insertion import insert

if TYPE_CHECKING:
    import keras

REDUCTION = 16  # of both papers
LEAST = 8  # hidden units: a sixteenth of the 64 channels of a narrow backbone is too few
SIDE = 7  # kernel size of CBAM's spatial attention


def insert_attention(backbone: keras.Model, kind: str, after: str | Iterable[str]) -> keras.Model:
    """Add channel attention ("se"), or channel and spatial attention ("cbam"), after stages.

    A gate is 2 * sigmoid(z), where z comes from a layer initialised to zero: it starts at exactly 1, which keeps the
    outputs of the given backbone, and can close or double. That layer trains from the first step, those before it
    from the second.

    Args:
        backbone: a functional backbone from `build`.
        kind: "se" (squeeze-excite; Hu et al. 2018, arXiv 1709.01507) or "cbam" (Woo et al. 2018,
            arXiv 1807.06521).
        after: one stage ("C4") or several ("C3+C5").

    Raises:
        ValueError: unknown kind or stage, or attention of this kind is already there.
    """
    block = {"se": squeeze_excite, "cbam": block_attention}[attention_kind(kind)]
    return insert(backbone, after, kind, block)


def squeeze_excite(features: keras.KerasTensor, name: str, dtype: Any = None) -> keras.KerasTensor:
    """Weight each channel by a small network on the means of all; starts as the identity.

    Args:
        features: (batch, height, width, channels).
        name: name of the last layer, and prefix of the others' names.
        dtype: dtype policy of the layers.
    """
    from keras import layers

    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze", dtype=dtype)(features)
    reduce, expand = _perceptron(features.shape[-1], name, dtype)
    return _gated(features, expand(reduce(mean)), name, dtype)


def block_attention(features: keras.KerasTensor, name: str, dtype: Any = None) -> keras.KerasTensor:
    """Weight channels by their means and maxima, then positions by the mean and maximum over channels (CBAM).

    Starts as the identity. Arguments as for `squeeze_excite`; height and width must be known.
    """
    from keras import layers

    reduce, expand = _perceptron(features.shape[-1], f"{name}_channel", dtype)
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean", dtype=dtype)(features)
    most = layers.GlobalMaxPooling2D(keepdims=True, name=f"{name}_max", dtype=dtype)(features)
    logits = layers.Add(name=f"{name}_channel_logits", dtype=dtype)(
        [expand(reduce(mean)), expand(reduce(most))]
    )
    features = _gated(features, logits, f"{name}_channel", dtype)
    places = _mean_and_max_of_channels(features, name, dtype)
    like = {"padding": "same", "use_bias": False, "kernel_initializer": "zeros", "dtype": dtype}
    convolution = layers.Conv2D(1, SIDE, **like, name=f"{name}_place_conv")
    return _gated(features, convolution(places), name, dtype)


def _perceptron(channels: int, name: str, dtype: Any) -> tuple[keras.Layer, keras.Layer]:
    from keras import layers

    hidden = max(channels // REDUCTION, LEAST)
    reduce = layers.Dense(
        hidden, activation="relu", kernel_initializer="he_normal", name=f"{name}_reduce", dtype=dtype
    )
    return reduce, layers.Dense(channels, kernel_initializer="zeros", name=f"{name}_expand", dtype=dtype)


def _mean_and_max_of_channels(features: keras.KerasTensor, name: str, dtype: Any) -> keras.KerasTensor:
    # Layers, not operations: automatic names of operations may clash in a loaded model.
    from keras import layers

    height, width, channels = features.shape[1:]
    rows = layers.Reshape((height * width, channels), name=f"{name}_rows", dtype=dtype)(features)
    pools = {"mean": layers.GlobalAveragePooling1D, "max": layers.GlobalMaxPooling1D}
    # "channels_first" pools over the last axis.
    both = [
        pool("channels_first", keepdims=True, name=f"{name}_place_{what}", dtype=dtype)(rows)
        for what, pool in pools.items()
    ]
    both = layers.Concatenate(name=f"{name}_place_both", dtype=dtype)(both)
    return layers.Reshape((height, width, 2), name=f"{name}_place", dtype=dtype)(both)


def _gated(
    features: keras.KerasTensor, logits: keras.KerasTensor, name: str, dtype: Any
) -> keras.KerasTensor:
    from keras import layers

    half = layers.Activation("sigmoid", name=f"{name}_sigmoid", dtype=dtype)(logits)
    gate = layers.Rescaling(2.0, name=f"{name}_gate", dtype=dtype)(half)
    # The last layer gets the plain name: it is now the stage's layer.
    return layers.Multiply(name=name, dtype=dtype)([features, gate])
