"""Images and their augmented versions as tf.data: every view has a seed, so that it can be made again."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import augment
from augment.epoch_order import Rows, sequential_order, shuffled
from cityzoo.data.image.decode import source
from cityzoo.outputs import Output
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

FIRST_TARGETS = 8
WHOLE = (0, 0, 0, 0)  # stands for no window

__all__ = ["AugmentedViews", "Rows", "sequential_order", "shuffled"]


@dataclass(frozen=True)
class AugmentedViews:
    """Augmented views of the images of a set, as the network gets them.

    Attributes:
        images: the set.
        output: makes the targets.
        policy: the augmentation policy, or its name; "none" shows each image as it is.
        size_hw: height and width of the network's input in pixels.
        max_rows: rows that each image's boxes are padded to.
        seed: of the run.
        keep_decoded: "off", "memory" or a folder: where decoded images stay.
    """

    examples: ImageSet
    output: Output
    policy: augment.Policy | str
    size_hw: tuple[int, int]
    max_rows: int
    seed: int
    keep_decoded: str = "off"

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def described_policy(self) -> list[dict[str, Any]]:
        """Return the policy as plain values."""
        return self._policy.describe()

    @functools.cached_property
    def _policy(self) -> augment.Policy:
        return replace(augment.get_policy(self.policy), fit=self.output.resize_mode)

    @functools.cached_property
    def _read(self) -> Callable:
        if self.keep_decoded == "off":
            return source
        return augment.DecodedCache(source, None if self.keep_decoded == "memory" else self.keep_decoded)

    @functools.cached_property
    def first_targets(self) -> np.ndarray:
        """Return the targets of the first images, which show what the output makes of labels."""
        return self.load_batch([(row, 0) for row in range(min(FIRST_TARGETS, len(self)))])[1].numpy()

    @property
    def row_bytes(self) -> int:
        """Size of a target and its matrix, at most."""
        return max(self.max_rows * 20, self.first_targets[0].nbytes) + 36

    def cache_facts(self) -> Iterator[Any]:
        """Yield what cached features depend on besides the network: plain values and bytes.

        That is the images, their boxes and labels, what the output makes targets of (as some of them show), the
        augmentation policy and its seed, the size of the input, and the library that decodes.
        """
        import cv2

        yield cv2.__version__, self.size_hw, self.max_rows, self.seed, self.described_policy
        yield self.examples.class_names, type(self.output).__qualname__, self.first_targets.shape[1:]
        yield self.first_targets.tobytes()
        yield from map(repr, self._columns.get("masks", ()))
        for image in self.examples.examples:
            stat = os.stat(image.path)
            yield image.path, stat.st_size, stat.st_mtime_ns, image.plain, image.window_xyxy
            yield image.boxes_xyxy.tobytes() + image.labels.tobytes()
            yield b"" if image.target is None else image.target.tobytes()

    def batches(self, rows: Rows, batch_size: int, unmixed_from: int | None = None) -> tf.data.Dataset:
        """Return batches of (images uint8, target, matrix) for each (image, view) of `rows`.

        Args:
            rows: which image comes when; see `augment.shuffled`.
            batch_size: images in a batch; the last may have fewer.
            unmixed_from: number of the view from which images take nothing from their neighbours.

        Returns:
            `images` (B, h, w, 3) uint8 RGB, what `Kind.target` makes of the batch, and (B, 3, 3) float32
            original -> network input pixels.
        """
        import tensorflow as tf

        batches = augment.pipeline(
            self._columns,
            self._policy,
            self.size_hw,
            batch_size,
            rows=rows,
            seed=self.seed,
            max_boxes=self.max_rows,
            read=self._read,
            unmixed_from=unmixed_from,
        )
        return batches.map(tf.autograph.experimental.do_not_convert(self._as_triple))

    def load_batch(self, rows: Sequence[tuple[int, int]]) -> tuple[tf.Tensor, Any, tf.Tensor]:
        """Return one batch of the given (image, view) pairs, as `batches` yields it, without tracing a graph for it."""
        options = {"seed": self.seed, "max_boxes": self.max_rows, "read": self._read}
        return self._as_triple(augment.load_batch(self._columns, self._policy, self.size_hw, rows, **options))

    @property
    def _columns(self) -> dict[str, Any]:
        each = self.examples.examples
        return {
            "path": [image.path for image in each],
            "image_hw": [image.size_hw for image in each],
            "plain": [image.plain for image in each],
            "window": [image.window_xyxy or WHOLE for image in each],
            **self.output.label_columns(each),
        }

    def _as_triple(self, batch: dict[str, Any]) -> tuple[tf.Tensor, Any, tf.Tensor]:
        return batch["images"], self.output.make_targets(batch), batch["matrix"]
