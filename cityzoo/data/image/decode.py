"""Decoding of images to upright RGB: EXIF rotation, grayscale, CMYK, alpha, palette, 16 bits."""

from __future__ import annotations

import functools
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps

from augment.pixel_budget import PixelBudget
from cityzoo.data.files import open_file

# Pillow would open many more, some of which start other programs: an EPS called a.png runs Ghostscript.
DECODERS = ("JPEG", "MPO", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF", "HEIF")
MAX_PIXELS = 200_000_000  # of an image; the largest cameras of phones have so many
WHITE = (255, 255, 255)
DECODING = PixelBudget()
# Pillow warns of half as many pixels, and prints it in the middle of a progress bar; `open_header` is stricter.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@functools.cache
def decoders() -> tuple[str, ...]:
    """Return those of `DECODERS` that this installation of Pillow has; HEIF needs pip install pillow-heif."""
    Image.init()
    if importlib.util.find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()
    return tuple(name for name in DECODERS if name in Image.OPEN)


@contextmanager
def open_header(file: str | os.PathLike[str] | BinaryIO) -> Iterator[Image.Image]:
    """Open an image file, or an open one, without decoding it.

    Raises:
        OSError: not an image in a format of `DECODERS`.
        ValueError: not a regular file, or more than `MAX_PIXELS` pixels.
    """
    if isinstance(file, (str, os.PathLike)):
        with open_file(file) as opened, open_header(opened) as image:
            yield image
        return
    # From an open file, not from a path: Pillow maps uncompressed TIFFs into memory by their path, and then forgets
    # to turn them upright.
    with _open(file) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(
                _too_large(f"{image.width} x {image.height} is {image.width * image.height / 1e6:.0f}")
            )
        yield image


def _open(file: BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=decoders())
    except Image.DecompressionBombError as error:
        raise ValueError(_too_large("the image has more")) from error


def _too_large(size: str) -> str:
    return f"{size} megapixels, allowed are {MAX_PIXELS / 1e6:.0f}: reduce the image or cut it into tiles"


def has_alpha(image: Image.Image) -> bool:
    """Return whether an image has transparency, as a channel or as an entry of a palette or PNG."""
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def read_image(
    path: str | os.PathLike[str] | BinaryIO, window_xyxy: tuple[int, int, int, int] | None = None
) -> np.ndarray:
    """Read an image file, or a window of it, as upright RGB.

    EXIF rotation is applied. Transparency is composited on white, as browsers show it. 16 bits are scaled to 8 by
    their full range (the high byte, 65535 -> 255), not by the range of the image. CMYK is converted without a color
    profile. Of an animation the first frame is read.

    Args:
        path: the file, or an open one.
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
    with open_header(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        if window_xyxy is None:
            return np.array(as_rgb(image), np.uint8)
        _require_within(window_xyxy, image.size[::-1], path)
        return np.array(as_rgb(image.crop(window_xyxy)), np.uint8)


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
        high_byte = np.clip(np.asarray(image) >> 8, 0, 255).astype(np.uint8)
        return Image.fromarray(high_byte).convert("RGB")
    if has_alpha(image):
        shown = image if image.mode == "RGBA" else image.convert("RGBA")
        below = Image.new("RGB", shown.size, WHITE)
        below.paste(shown, mask=shown)
        return below
    return image if image.mode == "RGB" else image.convert("RGB")


def source(element: Mapping[str, Any]) -> tuple[tuple[int, int], Callable[[int], tuple[np.ndarray, int]]]:
    """Return the size of an image and its decoder, for `augment.input_pipeline`.

    Args:
        element: `path`; `image_hw` (height, width); `plain`, see `ImageExample.plain`: if False, the slower
            `read_image` decodes the image. Optionally `window`: x1, y1, x2, y2 in whole pixels of the upright
            file, which is then the image, and `image_hw` is ignored; four zeros for the whole file. Windows are
            never decoded at reduced size, since reduced pixels cannot start at every pixel.
            The file is opened by the decoder, so that only images being decoded take memory.

    Returns:
        height and width in pixels, of the window if there is one; and a function from the largest allowed
        reduction (1, 2, 4 or 8) to the upright image, (H, W, 3) uint8 RGB, and its reduction. The function raises
        ValueError if the window exceeds the image, or the image is not of the size that it should have.
    """
    import augment

    path, x1, y1, x2, y2 = element["path"], *(int(each) for each in element.get("window", (0, 0, 0, 0)))
    if x1 or y1 or x2 or y2:
        window = (x1, y1, x2, y2)
        cut = _cut if element["plain"] else read_image

        def decode_window(reduction: int) -> tuple[np.ndarray, int]:
            with DECODING.hold(y2 * x2):
                return cut(path, window), 1

        return (y2 - y1, x2 - x1), decode_window

    def decode(reduction: int) -> tuple[np.ndarray, int]:
        image, reduction = (
            augment.read_file(element)[1](reduction) if element["plain"] else (read_image(path), 1)
        )
        expected = tuple(-(-int(side) // reduction) for side in element["image_hw"])
        if image.shape[:2] != expected:
            (height, width), (high, wide) = image.shape[:2], expected
            raise ValueError(
                f"'{path}' is {width} x {height} pixels, the check found {wide} x {high}: it changed since; start again"
            )
        return image, reduction

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
