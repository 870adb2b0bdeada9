"""Pictures and their augmented versions as tf.data: every view has a seed, so that it can be made again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import augment
from augment.rows import Rows, in_order, shuffled
from cityzoo.data.pictures import source
from cityzoo.kinds import Kind
from cityzoo.sample import PictureSet

if TYPE_CHECKING:
    import tensorflow as tf

WHOLE = (0, 0, 0, 0)  # stands for no window

__all__ = ["Rows", "Views", "in_order", "shuffled"]


@dataclass(frozen=True)
class Views:
    """Hold how the pictures of a set come to the network.

    Attributes:
        pictures: the set.
        kind: makes the targets.
        policy: the augmentation policy, or its name; "none" shows each picture as it is.
        size_hw: height and width of the network's input in pixels.
        max_rows: rows that each picture's boxes are padded to.
        seed: of the run.
        keep_decoded: "off", "memory" or a folder: where decoded pictures stay.
    """

    pictures: PictureSet
    kind: Kind
    policy: augment.Policy | str
    size_hw: tuple[int, int]
    max_rows: int
    seed: int
    keep_decoded: str = "off"

    @property
    def described_policy(self) -> list[dict[str, Any]]:
        """Return the policy as plain values."""
        return self._policy.describe()

    @functools.cached_property
    def _policy(self) -> augment.Policy:
        return replace(augment.get_policy(self.policy), fit=self.kind.fit)

    @functools.cached_property
    def _read(self) -> Callable:
        if self.keep_decoded == "off":
            return source
        return augment.Kept(source, None if self.keep_decoded == "memory" else self.keep_decoded)

    def batches(self, rows: Rows, batch_size: int, unmixed_from: int | None = None) -> tf.data.Dataset:
        """Return batches of (images uint8, target, matrix) for each (picture, view) of `rows`.

        Args:
            rows: which picture comes when; see `augment.shuffled`.
            batch_size: pictures in a batch; the last may have fewer.
            unmixed_from: number of the view from which pictures take nothing from their neighbours.

        Returns:
            `images` (B, h, w, 3) uint8 RGB, what `Kind.target` makes of the batch, and (B, 3, 3) float32
            original -> network input pixels.
        """
        each = self.pictures.pictures
        columns: dict[str, Any] = {
            "path": [picture.path for picture in each],
            "picture_hw": [picture.size_hw for picture in each],
            "plain": [picture.plain for picture in each],
            "window": [picture.window_xyxy or WHOLE for picture in each],
            **self.kind.columns(each),
        }
        batches = augment.pipeline(
            columns,
            self._policy,
            self.size_hw,
            batch_size,
            rows=rows,
            seed=self.seed,
            max_boxes=self.max_rows,
            read=self._read,
            unmixed_from=unmixed_from,
        )
        return batches.map(lambda batch: (batch["images"], self.kind.target(batch), batch["matrix"]))
