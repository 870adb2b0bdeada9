"""Labeled examples as they come to the network, in batches."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augment.epoch_order import Rows, View

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class LabeledViews(ABC):
    """The examples of a set, as the network gets them.

    Attributes:
        examples: the set.
        output: makes the targets.
    """

    examples: Any
    output: Any

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def length(self) -> int:
        """Length that features of varying length are padded to; 0: there are none."""
        return 0

    @functools.cached_property
    def targets(self) -> np.ndarray:
        """Targets of the loss, (N, ...) float32."""
        columns = self.output.label_columns(self.examples.examples)
        arrays = {name: np.asarray(each, np.float32) for name, each in columns.items()}
        return np.asarray(self.output.make_targets(arrays), np.float32)

    @abstractmethod
    def load(self, views: Sequence[View]) -> np.ndarray:
        """Return what the network takes of (row, view) pairs."""

    @abstractmethod
    def input_spec(self) -> tf.TensorSpec:
        """Return shape and dtype of a batch of `load`."""

    def batches(self, rows: Rows, batch_size: int, unmixed_from: int | None = None) -> tf.data.Dataset:
        """Return batches of (inputs, target, matrix) in the order of `rows`; matrices are zeros, (B, 3, 3).

        Args:
            rows: (row, view) pairs.
            batch_size: examples in a batch; the last may have fewer.
            unmixed_from: not used: these examples are not mixed.
        """
        import tensorflow as tf

        def generate() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
            order = list(rows())
            for start in range(0, len(order), batch_size):
                chosen = order[start : start + batch_size]
                targets = self.targets[[row for row, _ in chosen]]
                yield self.load(chosen), targets, np.zeros((len(chosen), 3, 3), np.float32)

        target = tf.TensorSpec((None, *self.targets.shape[1:]), tf.float32)
        signature = self.input_spec(), target, tf.TensorSpec((None, 3, 3), tf.float32)
        return tf.data.Dataset.from_generator(generate, output_signature=signature)

    @property
    def row_bytes(self) -> int:
        """Size of a target and its matrix."""
        return int(np.prod(self.targets.shape[1:])) * 4 + 36
