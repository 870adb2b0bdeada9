"""Rows as they come to the network: the features of their modalities, and which are there."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augment.epoch_order import View
from cityzoo.data.multimodal import MultimodalSet
from cityzoo.modalities.labeled_views import LabeledViews

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MultimodalViews(LabeledViews):
    """The rows of a set, as the network gets them; all views of a row are alike."""

    examples: MultimodalSet

    @functools.cached_property
    def features(self) -> np.ndarray:
        """Features of all rows, (N, D + M) float32."""
        return self.examples.features()

    def load(self, views: Sequence[View]) -> np.ndarray:
        """Return the features of (row, view) pairs, (B, D + M) float32."""
        return self.features[[row for row, _ in views]]

    def input_spec(self) -> tf.TensorSpec:
        """Return the shape of a batch of features."""
        import tensorflow as tf

        return tf.TensorSpec((None, *self.features.shape[1:]), tf.float32)

    def cache_facts(self) -> Iterator[Any]:
        """Yield what features depend on, besides the network: plain values and bytes."""
        yield type(self.output).__qualname__, self.examples.class_names, dict(self.examples.encoders)
        yield self.features.tobytes()
        yield self.targets.tobytes()
