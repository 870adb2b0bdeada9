"""Decode pictures right: EXIF rotation, grey, CMYK, alpha, palette, 16 bits all become upright RGB."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    import tensorflow as tf

WHITE = (255, 255, 255, 255)


def has_alpha(image: Image.Image) -> bool:
    """Tell whether a picture has transparent parts, as a channel or as a palette's or PNG's entry."""
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def read_picture(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture file as upright RGB.

    EXIF rotation is applied. Alpha is laid over white, as browsers show it. 16 bits are scaled to 8 by their
    whole range (the high byte, 65535 -> 255), never stretched to what one picture happens to use. CMYK is
    converted without a colour profile. Of an animation the first frame is taken.

    Returns:
        (H, W, 3) uint8 RGB, 0..255.

    Raises:
        OSError: not a picture, or a truncated one.
        ValueError: floating-point pixels, which have no defined range.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
        ...     Image.new("LA", (3, 2), (0, 0)).save(file.name)
        ...     read_picture(file.name)[0, 0].tolist()
        [255, 255, 255]
    """
    with Image.open(path) as image:
        return np.array(_to_rgb(ImageOps.exif_transpose(image)), np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels have no defined range: save the picture with 8 or 16 bits")
    if image.mode.startswith("I"):
        high_byte = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return Image.fromarray(high_byte).convert("RGB")
    if has_alpha(image):
        shown = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", shown.size, WHITE), shown).convert("RGB")
    return image.convert("RGB")


def _read_bytes_path(path: bytes | np.ndarray) -> np.ndarray:
    """Read what TensorFlow names: bytes in a graph, an array of no dimensions out of one."""
    return read_picture(os.fsdecode(np.asarray(path, object).item()))


def decode(path: tf.Tensor, plain: tf.Tensor) -> tf.Tensor:
    """Decode one picture inside a `tf.data` map.

    Args:
        path: scalar string, the file.
        plain: scalar bool, `Picture.plain`: TensorFlow's decoder reads it right. Others go through
            `read_picture`, which is slower.

    Returns:
        (H, W, 3) uint8 RGB, upright.
    """
    import tensorflow as tf

    def fast() -> tf.Tensor:
        # The accurate DCT gives the pixels of read_picture; the op reads PNG as well.
        return tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE")

    def careful() -> tf.Tensor:
        return tf.numpy_function(_read_bytes_path, [path], tf.uint8)

    return tf.ensure_shape(tf.cond(plain, fast, careful), (None, None, 3))
