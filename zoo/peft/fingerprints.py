"""Tell base weights apart by a hash, whatever the names that Keras numbered their layers with."""

from __future__ import annotations

import hashlib

import keras

from zoo.peft.rewrite import operations, values


def fingerprint(backbone: keras.Model) -> str:
    """Return the SHA-256 of a backbone's weights, 64 hexadecimal digits; of an adapted one, of those it began with.

    Each weight counts with its name, shape and float32 values, layers in graph order. Neither the size of the
    input, nor the precision of the arithmetic, nor the number in an automatic name ("conv2d_7") changes it.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> one, other = (keras.Model(images, keras.layers.Conv2D(2, 1)(images)) for _ in range(2))
        >>> fingerprint(one) == fingerprint(other)
        False
        >>> other.set_weights(one.get_weights())
        >>> fingerprint(one) == fingerprint(other)
        True
    """
    if hasattr(backbone, "adaptation"):
        return backbone.adaptation.base_sha256
    digest = hashlib.sha256()
    for layer in operations(backbone):
        if isinstance(layer, keras.Layer) and layer.weights:
            for name, array in values(layer).items():
                digest.update(f"{name}{array.shape}".encode())
                digest.update(array.astype("<f4" if array.dtype.kind == "f" else "<i8").tobytes())
    return digest.hexdigest()
