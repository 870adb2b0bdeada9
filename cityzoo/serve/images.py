"""Images of requests: refused by their header if they are too large, then decoded and fitted as in evaluation."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augment import affine
from augment.pixel_budget import PixelBudget
from augment.warp import GRAY, warp
from cityzoo.data.image.decode import open_header, read_image
from cityzoo.serve.http_errors import HttpError

DECODING = PixelBudget(60_000_000)
ORIENTATION = 0x0112  # tag of EXIF


def decode_image(data: bytes, max_megapixels: float) -> np.ndarray:
    """Return an image file's pixels, upright, (H, W, 3) uint8 RGB, 0..255.

    Args:
        data: the bytes of a JPEG, PNG, WebP ... file.
        max_megapixels: largest image; larger ones are refused by their header, before they take memory.

    Raises:
        HttpError: 413, too many pixels; 415, no image; 422, damaged.
    """
    try:
        with open_header(io.BytesIO(data)) as header:
            width, height = header.size
            is_plain = (
                header.format == "JPEG" and header.mode == "RGB" and not header.getexif().get(ORIENTATION)
            )
    except ValueError as error:
        raise HttpError(413, f"the image is too large ({error})") from error
    except (OSError, SyntaxError) as error:
        raise HttpError(
            415, f"{len(data)} bytes that are no image: send a JPEG, PNG, WebP, BMP, GIF or TIFF file"
        ) from error
    if width * height > max_megapixels * 1e6:
        raise HttpError(
            413,
            f"the image has {width} x {height} pixels, {width * height / 1e6:.1f} megapixels; allowed are "
            f"{max_megapixels:g}: make it smaller",
        )
    try:
        with DECODING.hold(width * height):
            return _decode_jpeg(data) if is_plain else read_image(io.BytesIO(data))
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = " ".join(str(error).split())[:200]
        raise HttpError(422, f"the image is damaged ({reason}): send it again") from error


def _decode_jpeg(data: bytes) -> np.ndarray:
    # The same pixels as Pillow's in 60 % of the time; Pillow finds out what is wrong with damaged files.
    import cv2

    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    return read_image(io.BytesIO(data)) if image is None else image


def is_image_input(about: Mapping[str, Any]) -> bool:
    """Return whether a model takes images.

    Args:
        about: its preprocessing.json.
    """
    return "resize" in about["inputs"][0]


def fit_images(
    about: Mapping[str, Any], images: Sequence[np.ndarray]
) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Return the model's input for some images, and for each the matrix that maps its pixels to the input's.

    Args:
        about: the model's preprocessing.json.
        images: (H, W, 3) uint8 each.

    Returns:
        {name: (N, h, w, 3)} of the input's dtype, 0..255; (3, 3) float32 each.
    """
    tensor = about["inputs"][0]
    size_hw = tuple(tensor["size_hw"])
    fit, fill = affine.FITS[tensor["resize"]["mode"]], tensor["resize"].get("pad_value", GRAY)
    matrices = [fit(image.shape[:2], size_hw) for image in images]
    batch = np.empty((len(images), *size_hw, 3), tensor["dtype"])
    for row, image, matrix in zip(batch, images, matrices, strict=True):
        row[...] = warp(image, matrix, size_hw, fill)
    return {tensor["name"]: batch}, matrices


def boxes_on_image(boxes: np.ndarray, matrix: np.ndarray, image_hw: tuple[int, int]) -> np.ndarray:
    """Return boxes in pixels of the image, within it.

    Args:
        boxes: (N, 4) xyxy in pixels of the network's input.
        matrix: as `fit_images` returns it.
        image_hw: height and width of the image, pixels.

    Example:
        >>> boxes = np.array([[0.0, 56.0, 256.0, 200.0]])
        >>> boxes_on_image(boxes, affine.letterbox((720, 1280), (256, 256)), (720, 1280)).round().tolist()
        [[0.0, 0.0, 1280.0, 720.0]]
    """
    scale, offset = np.diag(matrix)[:2], matrix[:2, 2]
    corners = (boxes.reshape(-1, 2, 2) - offset) / scale
    return np.clip(corners, 0, image_hw[::-1]).reshape(-1, 4)
