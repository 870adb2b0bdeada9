"""Rows as they come to the network: the features of their modalities, and which are there."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augment.epoch_order import Rows
from cityzoo.data.multimodal import MultimodalSet

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MultimodalViews:
    """The rows of a set, as the network gets them.

    Attributes:
        examples: the set.
        output: makes the targets.
    """

    examples: MultimodalSet
    output: Any
    length: int = 0  # of features of varying length: there are none

    def __len__(self) -> int:
        return len(self.examples)

    @functools.cached_property
    def features(self) -> np.ndarray:
        """Features of all rows, (N, D + M) float32."""
        return self.examples.features()

    @functools.cached_property
    def targets(self) -> np.ndarray:
        """Targets of the loss, (N, C) float32."""
        columns = self.output.label_columns(self.examples.examples)
        arrays = {name: np.asarray(each, np.float32) for name, each in columns.items()}
        return np.asarray(self.output.make_targets(arrays), np.float32)

    def batches(self, rows: Rows, batch_size: int, unmixed_from: int | None = None) -> tf.data.Dataset:
        """Return batches of (features, target, matrix) in the order of `rows`; matrices are zeros, (B, 3, 3).

        Args:
            rows: (row, view) pairs; all views of a row are alike.
            batch_size: rows in a batch; the last may have fewer.
            unmixed_from: not used.
        """
        import tensorflow as tf

        def generate() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
            order = [row for row, _ in rows()]
            for start in range(0, len(order), batch_size):
                chosen = order[start : start + batch_size]
                yield self.features[chosen], self.targets[chosen], np.zeros((len(chosen), 3, 3), np.float32)

        signature = (
            tf.TensorSpec((None, *self.features.shape[1:]), tf.float32),
            tf.TensorSpec((None, *self.targets.shape[1:]), tf.float32),
            tf.TensorSpec((None, 3, 3), tf.float32),
        )
        return tf.data.Dataset.from_generator(generate, output_signature=signature)

    def cache_facts(self) -> Iterator[Any]:
        """Yield what features depend on, besides the network: plain values and bytes."""
        yield type(self.output).__qualname__, self.examples.class_names, dict(self.examples.encoders)
        yield self.features.tobytes()
        yield self.targets.tobytes()

    @property
    def row_bytes(self) -> int:
        """Size of a target and its matrix."""
        return int(np.prod(self.targets.shape[1:])) * 4 + 36
