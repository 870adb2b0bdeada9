"""Decoding of images to upright RGB: EXIF rotation, grayscale, CMYK, alpha, palette, 16 bits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageOps

WHITE = (255, 255, 255, 255)


def has_alpha(image: Image.Image) -> bool:
    """Return whether an image has transparency, as a channel or as an entry of a palette or PNG."""
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def read_image(
    path: str | os.PathLike[str], window_xyxy: tuple[int, int, int, int] | None = None
) -> np.ndarray:
    """Read an image file, or a window of it, as upright RGB.

    EXIF rotation is applied. Transparency is composited on white, as browsers show it. 16 bits are scaled to 8 by
    their full range (the high byte, 65535 -> 255), not by the range of the image. CMYK is converted without a color
    profile. Of an animation the first frame is read.

    Args:
        path: the file.
        window_xyxy: x1, y1, x2, y2 in whole pixels of the upright file, x2 and y2 exclusive; None for the whole image.

    Returns:
        (H, W, 3) uint8 RGB, 0..255.

    Raises:
        OSError: not an image, or a truncated file.
        ValueError: floating-point pixels, which have no defined range, or a window that exceeds the image.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
        ...     Image.new("LA", (3, 2), (0, 0)).save(file.name)
        ...     read_image(file.name)[0, 0].tolist(), read_image(file.name, (1, 0, 3, 1)).shape
        ([255, 255, 255], (1, 2, 3))
    """
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        if window_xyxy is not None:
            _require_within(window_xyxy, upright.size[::-1], path)
            upright = upright.crop(window_xyxy)
        return np.array(as_rgb(upright), np.uint8)


def as_rgb(image: Image.Image) -> Image.Image:
    """Return an image of any mode as 8-bit RGB.

    Raises:
        ValueError: floating-point pixels.

    Example:
        >>> as_rgb(Image.new("I;16", (1, 1), 65535)).getpixel((0, 0))
        (255, 255, 255)
    """
    if image.mode == "F":
        raise ValueError("floating-point pixels have no defined range: save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        high_byte = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return Image.fromarray(high_byte).convert("RGB")
    if has_alpha(image):
        shown = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", shown.size, WHITE), shown).convert("RGB")
    return image.convert("RGB")


def source(element: Mapping[str, Any]) -> tuple[tuple[int, int], Callable[[int], tuple[np.ndarray, int]]]:
    """Return the size of an image and its decoder, for `augment.input_pipeline`.

    Args:
        element: `path`; `image_hw` (height, width); `plain`, see `ImageExample.plain`: if False, the slower
            `read_image` decodes the image. Optionally `window`: x1, y1, x2, y2 in whole pixels of the upright
            file, which is then the image, and `image_hw` is ignored; four zeros for the whole file. Windows are
            never decoded at reduced size, since reduced pixels cannot start at every pixel.

    Returns:
        height and width in pixels, of the window if there is one; and a function from the largest allowed
        reduction (1, 2, 4 or 8) to the upright image, (H, W, 3) uint8 RGB, and its reduction. The function raises
        ValueError if the window exceeds the image.
    """
    import augment

    path, x1, y1, x2, y2 = element["path"], *(int(each) for each in element.get("window", (0, 0, 0, 0)))
    if x1 or y1 or x2 or y2:
        window = (x1, y1, x2, y2)
        cut = _cut if element["plain"] else read_image
        return (y2 - y1, x2 - x1), lambda reduction: (cut(path, window), 1)

    def decode(reduction: int) -> tuple[np.ndarray, int]:
        if element["plain"]:
            return augment.read_file(element)[1](reduction)
        return read_image(path), 1

    return element["image_hw"], decode


def _cut(path: str, window: tuple[int, int, int, int]) -> np.ndarray:
    """Decode a window of a plain image; of a JPEG only the window and its border are decoded."""
    import tensorflow as tf

    try:
        contents = tf.io.read_file(path)
        if tf.io.is_jpeg(contents):
            return _cut_jpeg(path, contents, window)
        image = tf.io.decode_image(contents, channels=3, expand_animations=False).numpy()
    except tf.errors.OpError as error:
        raise ValueError(f"'{path}' is not a readable image: {error.message}") from error
    x1, y1, x2, y2 = window
    _require_within(window, image.shape[:2], path)
    return np.ascontiguousarray(image[y1:y2, x1:x2])


def _cut_jpeg(path: str, contents: Any, window: tuple[int, int, int, int]) -> np.ndarray:
    import tensorflow as tf

    x1, y1, x2, y2 = window
    height, width, _ = tf.io.extract_jpeg_shape(contents).numpy().tolist()
    _require_within(window, (height, width), path)
    # Subsampled chroma is interpolated between neighbors, which the decoder lacks at the left and right edge of the
    # window: colors there are off by up to 25 of 255. One more column on either side avoids that.
    left, right = max(x1 - 1, 0), min(x2 + 1, width)
    image = tf.io.decode_and_crop_jpeg(
        contents, [y1, left, y2 - y1, right - left], channels=3, dct_method="INTEGER_ACCURATE"
    ).numpy()
    return np.ascontiguousarray(image[:, x1 - left : x2 - left])


def _require_within(window: tuple[int, int, int, int], size_hw: tuple[int, int], path: object) -> None:
    x1, y1, x2, y2 = window
    if not (0 <= x1 < x2 <= size_hw[1] and 0 <= y1 < y2 <= size_hw[0]):
        raise ValueError(
            f"'{path}' is {size_hw[1]} x {size_hw[0]}, the window {tuple(window)} exceeds it: "
            f"expected 0 <= x1 < x2 <= {size_hw[1]} and 0 <= y1 < y2 <= {size_hw[0]}"
        )
