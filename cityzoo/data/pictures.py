"""Decode pictures right: EXIF rotation, grey, CMYK, alpha, palette, 16 bits all become upright RGB."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageOps

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


def source(element: Mapping[str, Any]) -> tuple[tuple[int, int], Callable[[int], tuple[np.ndarray, int]]]:
    """Return the size of a picture and what decodes it, for `augment.pipeline`.

    Args:
        element: `path`; `picture_hw` (height, width); `plain` bool, `Picture.plain`: TensorFlow's decoder reads
            it right. Others go through `read_picture`, which is slower.

    Returns:
        height and width in pixels; and a function from the largest useful reduction (1, 2, 4 or 8) to the
        upright picture, (H, W, 3) uint8 RGB, and the reduction that it was decoded at.
    """
    import augment

    def decode(reduction: int) -> tuple[np.ndarray, int]:
        if element["plain"]:
            return augment.read_file(element)[1](reduction)
        return read_picture(element["path"]), 1

    return element["picture_hw"], decode
