"""Picture files into a `tf.data` map: JPEG decoded no larger than needed, decoded pictures kept if wanted."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from augment.sample import Decode, Sample

LOG = logging.getLogger(__name__)
Read = Callable[[Sample], tuple[tf.Tensor, Decode]]


def read_file(element: Sample) -> tuple[tf.Tensor, Decode]:
    """Return the size of the picture at `path`, (2,) int32 height and width, and what decodes it.

    JPEG, PNG, BMP, GIF (the first picture). EXIF rotation is not looked at: pictures that carry one need
    another `read`.
    """
    contents = tf.io.read_file(element["path"])
    is_jpeg = tf.io.is_jpeg(contents)
    whole = tf.cond(
        is_jpeg,
        lambda: tf.zeros((0, 0, 3), tf.uint8),
        lambda: tf.io.decode_image(contents, channels=3, expand_animations=False),
    )
    size_hw = tf.cond(is_jpeg, lambda: tf.image.extract_jpeg_shape(contents)[:2], lambda: tf.shape(whole)[:2])

    def decode(reduction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        reduction = tf.where(is_jpeg, reduction, 1)
        image = tf.cond(is_jpeg, lambda: decode_jpeg(contents, reduction), lambda: whole)
        return tf.ensure_shape(image, (None, None, 3)), reduction

    return size_hw, decode


def decode_jpeg(contents: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
    """Return a JPEG's (H / r, W / r, 3) uint8 RGB pixels, r = 1, 2, 4 or 8; sides are rounded up.

    Reduced, the decoder leaves the high frequencies out, which costs less and is anti-aliased.
    """

    def at(ratio: int) -> Callable[[], tf.Tensor]:
        # The accurate DCT gives Pillow's pixels.
        return lambda: tf.io.decode_jpeg(contents, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    number = tf.reduce_sum(tf.cast(reduction >= tf.constant([2, 4, 8]), tf.int32))
    return tf.switch_case(number, [at(ratio) for ratio in (1, 2, 4, 8)])


class Kept:
    """Keep decoded pictures, in memory or on disk, so that each is decoded once for each reduction.

    The pixels are the same with and without it. A file that changes is decoded anew. Where memory or disk run
    out the rest is decoded each time, and said once.
    """

    def __init__(self, read: Read, folder: str | os.PathLike | None = None, limit_bytes: int | None = None):
        """Take what reads the pictures.

        Args:
            read: such as `read_file`; its elements have a `path`.
            folder: where to keep the pictures; None: in memory.
            limit_bytes: how much to keep at most; default: half of the memory that is free now, or, on a disk,
                as much as there is room for.
        """
        self.read, self.folder = read, None if folder is None else Path(folder)
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
        free = None if self.folder else os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        self.limit_bytes = free if limit_bytes is None else limit_bytes
        self.bytes, self.full, self.lock = 0, False, threading.Lock()
        self.pictures: dict[str, tuple[np.ndarray, int]] = {}

    def __call__(self, element: Sample) -> tuple[tf.Tensor, Decode]:
        """Return the picture's size and what decodes it or fetches it."""
        size_hw, decode = self.read(element)

        def decode_once(reduction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            key = [element["path"], reduction]
            image, found = tf.numpy_function(self._fetch, key, (tf.uint8, tf.int32))

            def fresh() -> tuple[tf.Tensor, tf.Tensor]:
                made, at = decode(reduction)
                kept = tf.numpy_function(self._keep, [*key, made, at], tf.bool)
                with tf.control_dependencies([kept]):
                    return tf.identity(made), at

            image, found = tf.cond(found > 0, lambda: (image, found), fresh)
            return tf.ensure_shape(image, (None, None, 3)), tf.ensure_shape(found, ())

        return size_hw, decode_once

    def _key(self, path: bytes, reduction: int) -> str:
        path = os.fsdecode(np.asarray(path, object).item())
        stat = os.stat(path)
        name = f"{os.path.abspath(path)} {stat.st_size} {stat.st_mtime_ns}"
        return f"{hashlib.sha256(name.encode()).hexdigest()[:32]}_{int(reduction)}"

    def _fetch(self, path: bytes, reduction: int) -> tuple[np.ndarray, np.int32]:
        key, nothing = self._key(path, reduction), (np.zeros((0, 0, 3), np.uint8), np.int32(0))
        if self.folder is None:
            image, at = self.pictures.get(key, nothing)
            return image, np.int32(at)
        file = self.folder / f"{key}.npz"
        if not file.is_file():
            return nothing
        with np.load(file) as kept:
            return kept["image"], np.int32(kept["at"])

    def _keep(self, path: bytes, reduction: int, image: np.ndarray, at: int) -> np.bool_:
        with self.lock:
            self.full = self.full or (
                self.limit_bytes is not None and self.bytes + image.nbytes > self.limit_bytes
            )
            if self.full:
                return np.bool_(False)
            self.bytes += image.nbytes
        try:
            self._put(self._key(path, reduction), np.array(image), int(at))
        except OSError as error:
            LOG.warning(
                "decoded pictures are kept no more (%s): the rest is decoded each time", error.strerror
            )
            self.full = True
        return np.bool_(not self.full)

    def _put(self, key: str, image: np.ndarray, at: int) -> None:
        if self.folder is None:
            self.pictures[key] = image, at
            return
        # Written beside and renamed: a killed run leaves no half picture.
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            try:
                np.savez(file, image=image, at=at)
                os.replace(file.name, self.folder / f"{key}.npz")
            except OSError:
                os.unlink(file.name)
                raise
