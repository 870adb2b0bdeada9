"""Decode image files: JPEG at a useful reduction, with an optional cache of decoded images."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

LOG = logging.getLogger(__name__)
Size = tuple[int, int]  # height, width
Decode = Callable[[int], tuple[np.ndarray, int]]
Read = Callable[[Mapping[str, Any]], tuple[Size, Decode]]


def read_file(element: Mapping[str, Any]) -> tuple[Size, Decode]:
    """Return the size of the image at `path` and its decoder; the file is read now, decoded later.

    JPEG, PNG, BMP, GIF (the first image). EXIF rotation is ignored: rotated images need another `read`.

    Args:
        element: `path` is the file.

    Returns:
        (height, width) in pixels; and a function from the largest useful reduction (1, 2, 4 or 8) to the image,
        (H, W, 3) uint8 RGB, and its actual reduction.

    Raises:
        ValueError: missing file, or not a valid image.

    Example:
        >>> file = tempfile.NamedTemporaryFile(suffix=".jpg")
        >>> _ = file.write(tf.io.encode_jpeg(tf.zeros((48, 64, 3), tf.uint8)).numpy()), file.flush()
        >>> size_hw, decode = read_file({"path": file.name})
        >>> size_hw, decode(2)[0].shape
        ((48, 64), (24, 32, 3))
    """
    path = element["path"]
    contents = _run(path, tf.io.read_file, path)
    if tf.io.is_jpeg(contents):
        height, width, _ = _run(path, tf.io.extract_jpeg_shape, contents).numpy().tolist()
        return (height, width), lambda reduction: (_decode_jpeg(path, contents, reduction), reduction)
    image = _array(_run(path, tf.io.decode_image, contents, channels=3, expand_animations=False))
    return image.shape[:2], lambda reduction: (image, 1)


def _decode_jpeg(path: str, contents: tf.Tensor, reduction: int) -> np.ndarray:
    # At a reduction the decoder omits high frequencies, which is faster and anti-aliased.
    # The accurate DCT gives Pillow's pixels.
    how = {"channels": 3, "ratio": int(reduction), "dct_method": "INTEGER_ACCURATE"}
    return _array(_run(path, tf.io.decode_jpeg, contents, **how))


def read_mask(path: str) -> np.ndarray:
    """Return the class numbers in an image file of one channel, (H, W, 1) uint8.

    Raises:
        ValueError: missing file, or not a valid image.
    """
    contents = _run(path, tf.io.read_file, path)
    return _array(_run(path, tf.io.decode_image, contents, channels=1, expand_animations=False))


def _run(path: str, operation: Callable[..., tf.Tensor], *given: Any, **how: Any) -> tf.Tensor:
    # TensorFlow's decoders reuse their memory: the fastest of those tried on whole images.
    try:
        return operation(*given, **how)
    except tf.errors.OpError as error:
        raise ValueError(f"'{path}' cannot be read as an image: {error.message}") from error


def _array(image: tf.Tensor) -> np.ndarray:
    return np.asarray(memoryview(image))  # `image.numpy()` would copy it


class DecodedCache:
    """Cache of decoded images, in memory or on disk, by file and reduction.

    Pixels are the same with and without it. Changed files are decoded again. If memory or disk run out, the rest is
    decoded each time, with one warning.
    """

    def __init__(self, read: Read, folder: str | os.PathLike | None = None, limit_bytes: int | None = None):
        """Wrap a reader.

        Args:
            read: a reader such as `read_file`; its elements have a `path`, and optionally a `window`.
            folder: folder of the cache; None: in memory.
            limit_bytes: maximum size; default: half of the free memory, or unlimited on disk.
        """
        self.read, self.folder = read, None if folder is None else Path(folder)
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
        free = None if self.folder else os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        self.limit_bytes = free if limit_bytes is None else limit_bytes
        self.bytes, self.full, self.lock = 0, False, threading.Lock()
        self.examples: dict[str, tuple[np.ndarray, int]] = {}

    def __call__(self, element: Mapping[str, Any]) -> tuple[Size, Decode]:
        """Return the image's size and its cached decoder."""
        size_hw, decode = self.read(element)

        def decode_once(reduction: int) -> tuple[np.ndarray, int]:
            key = self._key(element["path"], element.get("window"), reduction)
            found = self._fetch(key)
            if found is None:
                found = decode(reduction)
                self._keep(key, *found)
            return found

        return size_hw, decode_once

    def _key(self, path: str, window: Any, reduction: int) -> str:
        stat = os.stat(path)
        name = f"{os.path.abspath(path)} {stat.st_size} {stat.st_mtime_ns}"
        name += "" if window is None else f" {tuple(window)}"
        return f"{hashlib.sha256(name.encode()).hexdigest()[:32]}_{reduction}"

    def _fetch(self, key: str) -> tuple[np.ndarray, int] | None:
        if self.folder is None:
            return self.examples.get(key)
        file = self.folder / f"{key}.npz"
        if not file.is_file():
            return None
        with np.load(file) as kept:
            return kept["image"], int(kept["at"])

    def _keep(self, key: str, image: np.ndarray, at: int) -> None:
        with self.lock:
            self.full = self.full or (
                self.limit_bytes is not None and self.bytes + image.nbytes > self.limit_bytes
            )
            if self.full:
                return
            self.bytes += image.nbytes
        try:
            self._put(key, np.array(image), at)
        except OSError as error:
            LOG.warning(
                "cannot cache more decoded images (%s): the rest is decoded each time", error.strerror
            )
            self.full = True

    def _put(self, key: str, image: np.ndarray, at: int) -> None:
        if self.folder is None:
            self.examples[key] = image, at
            return
        # Written to a temporary file and renamed: a killed run leaves no partial image.
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            try:
                np.savez(file, image=image, at=at)
                os.replace(file.name, self.folder / f"{key}.npz")
            except OSError:
                os.unlink(file.name)
                raise
