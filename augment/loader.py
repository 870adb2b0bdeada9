"""Load a batch of images: read, plan, warp and recolor them in threads, without TensorFlow's graphs."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from augment import photometric
from augment.decode import Decode, Read, read_file, read_mask
from augment.pixel_budget import PixelBudget
from augment.placement import Plan, padded, plan, sample_parameters, steps_of
from augment.policy import Policy
from augment.warp import warp, warp_mask


@functools.cache
def _threads(workers: int) -> ThreadPoolExecutor:
    # Shared by all pipelines of the process: threads are expensive to start.
    return ThreadPoolExecutor(workers, thread_name_prefix="augment")


_DECODED = PixelBudget()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Loader:
    """Read, plan and warp the images of a batch.

    Called with rows (B, 2) int32, each an image and its view, it returns one array for each of `specs`.
    Decoding and warping release the GIL; the rest is a twentieth of an image's time.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Any]],
        policy: Policy,
        size_hw: tuple[int, int],
        *,
        seed: int = 0,
        max_boxes: int | None = None,
        read: Read = read_file,
        workers: int | None = None,
    ) -> None:
        """Take the arguments of `augment.pipeline`.

        Raises:
            ValueError: no paths, or columns of different lengths.
        """
        lengths = {name: len(column) for name, column in columns.items()}
        if "path" not in lengths or len(set(lengths.values())) != 1:
            raise ValueError(f"columns have the lengths {lengths}: give a 'path' column, and equal lengths")
        self.policy, self.seed, self.read = policy, seed, read
        self.size_hw = (size_hw[0], size_hw[1])
        self.workers = workers or _cores()
        self.columns = dict(columns)
        self.boxes = self.columns.pop("boxes", None)
        self.labels = self.columns.pop("labels") if self.boxes is not None else ()
        self.max_boxes = max_boxes or max([1, *map(len, self.boxes or ())])
        # As TensorFlow types: strings become bytes, integers int32.
        aside = ("path", "masks", "image_hw")
        self.passing = {n: tf.constant(c).numpy() for n, c in self.columns.items() if n not in aside}

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.columns["path"])

    @property
    def specs(self) -> dict[str, tf.TensorSpec]:
        """Return shapes and types of the outputs, by name, in order."""
        spec, size = tf.TensorSpec, self.size_hw
        specs = {
            "images": spec((None, *size, 3), tf.uint8),
            "matrix": spec((None, 3, 3), tf.float32),
            "lots": spec((None, None), tf.float32),
            "seed": spec((None, 2), tf.int32),
            "image_id": spec((None,), tf.int32),
        }
        if self.boxes is not None:
            specs["boxes"] = spec((None, self.max_boxes, 4), tf.float32)
            specs["labels"] = spec((None, self.max_boxes), tf.int32)
        if "masks" in self.columns:
            specs["segmentation_masks"] = spec((None, *size, 1), tf.uint8)
        passing = {n: spec((None, *c.shape[1:]), tf.as_dtype(c.dtype)) for n, c in self.passing.items()}
        return specs | passing

    def __call__(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return the arrays of a batch, in the order of `specs`."""
        numbers = rows[:, 0]
        opened = self._in_threads(self._open, numbers)
        seeds = np.full(len(rows), self.seed)
        lots, seeds = sample_parameters(self.policy, np.column_stack([seeds, rows]))
        sizes, boxes = np.array([size_hw for size_hw, _ in opened]), self._boxes(numbers)
        made = plan(self.policy, self.size_hw, sizes, boxes, lots)
        images = np.empty((len(rows), *self.size_hw, 3), np.uint8)
        decoders = [decode for _, decode in opened]
        self._in_threads(_fill, images, decoders, made.matrices, made.reductions, sizes.prod(axis=1))
        steps = steps_of(self.policy, lots, seeds, "color", "pixels")
        photometric.change(images, steps[: photometric.leading(steps)], self._in_threads)
        found = {"images": images, "matrix": made.matrices, "lots": lots, "seed": seeds, "image_id": numbers}
        if self.boxes is not None:
            found["boxes"], found["labels"] = self._moved_boxes(numbers, made)
        if "masks" in self.columns:
            found["segmentation_masks"] = np.stack(self._in_threads(self._mask, numbers, made.matrices))
        found |= {name: column[numbers] for name, column in self.passing.items()}
        return [found[name] for name in self.specs]

    def _in_threads(self, function: Callable, *columns: Iterable) -> list[Any]:
        # One piece of the batch per thread: passing single images would add a tenth to their time.
        jobs = list(zip(*columns, strict=True))
        size = -(-len(jobs) // self.workers)
        pieces = [jobs[first : first + size] for first in range(0, len(jobs), size)]
        done = _threads(self.workers).map(lambda piece: [function(*job) for job in piece], pieces)
        return [result for piece in done for result in piece]

    def _open(self, number: int) -> tuple[tuple[int, int], Decode]:
        return self.read({name: column[number] for name, column in self.columns.items()})

    def _boxes(self, numbers: np.ndarray) -> np.ndarray:
        # Padded to the maximum of the batch; the plan drops boxes without area.
        if self.boxes is None:
            return np.zeros((len(numbers), 0, 4), np.float32)
        each = [np.asarray(self.boxes[number], np.float32).reshape(-1, 4) for number in numbers]
        whole = np.zeros((len(each), max(map(len, each)), 4), np.float32)
        for row, boxes in zip(whole, each, strict=True):
            row[: len(boxes)] = boxes
        return whole

    def _moved_boxes(self, numbers: np.ndarray, made: Plan) -> tuple[np.ndarray, np.ndarray]:
        rows = []
        for number, moved, kept in zip(numbers, made.boxes, made.kept, strict=True):
            (own,) = np.nonzero(kept)  # padding is never kept
            labels = np.asarray(self.labels[number], np.int32)[own]
            rows.append(padded(moved[own], labels, self.max_boxes))
        boxes, labels = (np.stack(column) for column in zip(*rows, strict=True))
        return boxes, labels

    def _mask(self, number: int, matrix: np.ndarray) -> np.ndarray:
        mask = self.columns["masks"][number]
        return warp_mask(mask() if callable(mask) else read_mask(mask), matrix, self.size_hw)


def _fill(out: np.ndarray, decode: Decode, matrix: np.ndarray, reduction: int, pixels: int) -> None:
    with _DECODED.hold(int(pixels) // int(reduction) ** 2):
        image, reduction = decode(int(reduction))
        warp(image, matrix @ np.diag([reduction, reduction, 1.0]), out.shape[:2], out=out)
