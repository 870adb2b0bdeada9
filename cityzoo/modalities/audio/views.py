"""Sounds as they come to the network: waveforms of one length, augmented in training, in windows in prediction."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augment import audio
from augment.epoch_order import Rows
from cityzoo.data.audio import AudioSet
from cityzoo.data.audio.windows import windows

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class AudioViews:
    """The sounds of a set, as the network gets them.

    Attributes:
        examples: the set.
        output: makes the targets.
        samples: length of the network's input at 16 kHz.
        policy: name of the augmentation policy; "none" shows each sound as it is.
        seed: of the run.
    """

    examples: AudioSet
    output: Any
    samples: int
    policy: str = "none"
    seed: int = 0
    length: int = 0  # of features of varying length: there are none

    def __len__(self) -> int:
        return len(self.examples)

    @functools.cached_property
    def targets(self) -> np.ndarray:
        """Targets of the loss, (N, ...) float32."""
        columns = self.output.label_columns(self.examples.examples)
        arrays = {name: np.asarray(each, np.float32) for name, each in columns.items()}
        return np.asarray(self.output.make_targets(arrays), np.float32)

    def waveform(self, row: int, view: int) -> np.ndarray:
        """Return one version of a sound, (samples,) float32."""
        clip = self.examples.examples[row].read()
        return audio.augment(clip, self.samples, audio.get_policy(self.policy), (self.seed, row, view))

    def batches(self, rows: Rows, batch_size: int, unmixed_from: int | None = None) -> tf.data.Dataset:
        """Return batches of (waveforms, target, matrix) in the order of `rows`; matrices are zeros, (B, 3, 3).

        Args:
            rows: (sound, view) pairs.
            batch_size: sounds in a batch; the last may have fewer.
            unmixed_from: not used: sounds are not mixed.
        """
        import tensorflow as tf

        def generate() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
            order = list(rows())
            for start in range(0, len(order), batch_size):
                chosen = order[start : start + batch_size]
                waveforms = np.stack([self.waveform(row, view) for row, view in chosen])
                targets = self.targets[[row for row, _ in chosen]]
                yield waveforms, targets, np.zeros((len(chosen), 3, 3), np.float32)

        signature = (
            tf.TensorSpec((None, self.samples), tf.float32),
            tf.TensorSpec((None, *self.targets.shape[1:]), tf.float32),
            tf.TensorSpec((None, 3, 3), tf.float32),
        )
        return tf.data.Dataset.from_generator(generate, output_signature=signature)

    def cache_facts(self) -> Iterator[Any]:
        """Yield what features depend on, besides the network: plain values and bytes."""
        yield type(self.output).__qualname__, self.examples.class_names, self.samples, self.policy, self.seed
        yield audio.get_policy(self.policy).describe()
        yield self.targets.tobytes()
        for each in self.examples.examples:
            status = os.stat(each.path)
            yield each.path, status.st_size, status.st_mtime_ns

    @property
    def row_bytes(self) -> int:
        """Size of a target and its matrix."""
        return int(np.prod(self.targets.shape[1:])) * 4 + 36


def run_windows(run: Callable[[Any], Any], clip: np.ndarray, samples: int, batch_size: int) -> np.ndarray:
    """Return the outputs of a compiled model for each window of a clip, (W, ...) float32."""
    found = windows(clip, samples)
    parts = [np.asarray(run(found[start : start + batch_size])) for start in range(0, len(found), batch_size)]
    return np.concatenate(parts)
