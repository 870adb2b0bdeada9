"""Sounds as they come to the network: waveforms of one length, augmented in training, in windows in prediction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augment import audio
from augment.epoch_order import View
from cityzoo.data.audio import AudioSet
from cityzoo.data.audio.windows import windows
from cityzoo.modalities.labeled_views import LabeledViews

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class AudioViews(LabeledViews):
    """The sounds of a set, as the network gets them.

    Attributes:
        samples: length of the network's input at 16 kHz.
        policy: name of the augmentation policy; "none" shows each sound as it is.
        seed: of the run.
    """

    examples: AudioSet
    samples: int
    policy: str = "none"
    seed: int = 0

    def waveform(self, row: int, view: int) -> np.ndarray:
        """Return one version of a sound, (samples,) float32."""
        clip = self.examples.examples[row].read()
        return audio.augment(clip, self.samples, audio.get_policy(self.policy), (self.seed, row, view))

    def load(self, views: Sequence[View]) -> np.ndarray:
        """Return waveforms of (sound, view) pairs, (B, samples) float32."""
        return np.stack([self.waveform(row, view) for row, view in views])

    def input_spec(self) -> tf.TensorSpec:
        """Return the shape of a batch of waveforms."""
        import tensorflow as tf

        return tf.TensorSpec((None, self.samples), tf.float32)

    def cache_facts(self) -> Iterator[Any]:
        """Yield what features depend on, besides the network: plain values and bytes."""
        yield type(self.output).__qualname__, self.examples.class_names, self.samples, self.policy, self.seed
        yield audio.get_policy(self.policy).describe()
        yield self.targets.tobytes()
        for each in self.examples.examples:
            status = os.stat(each.path)
            yield each.path, status.st_size, status.st_mtime_ns


def run_windows(run: Callable[[Any], Any], clip: np.ndarray, samples: int, batch_size: int) -> np.ndarray:
    """Return the outputs of a compiled model for each window of a clip, (W, ...) float32."""
    found = windows(clip, samples)
    parts = [np.asarray(run(found[start : start + batch_size])) for start in range(0, len(found), batch_size)]
    return np.concatenate(parts)
