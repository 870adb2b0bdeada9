"""Sounds with labels, and the splits of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cityzoo.data.audio.decode import read_clip
from cityzoo.data.audio.findings import AudioFindings
from cityzoo.sample import ExampleSet, LabeledDataset


@dataclass(frozen=True)
class AudioExample:
    """One sound file."""

    path: str
    target: Any = None  # (C,) float32, 1 for its class; None: not labeled
    name: str = ""  # path within the data set
    group: str = ""  # sounds of one group are alike: a speaker, a recording, a microphone; "": not known
    seconds: float = 0.0
    level_db: float = 0.0  # mean power against full scale
    snr_db: float = 0.0  # power of the loudest tenth of its frames against that of the quietest tenth
    corruption: tuple[str, float, int] | None = None  # what is done to it when it is read; see `corrupt`

    def read(self) -> np.ndarray:
        """Return the samples at 16 kHz, (N,) float32, -1 to 1.

        Raises:
            InputError: the file cannot be read any more.
        """
        clip = read_clip(self.path)
        if self.corruption is None:
            return clip
        from cityzoo.data.audio.corruptions import corrupt

        return corrupt(clip, *self.corruption)


@dataclass(frozen=True)
class AudioSet(ExampleSet):
    """The sounds of one split."""

    examples: tuple[AudioExample, ...]


AudioDataset = LabeledDataset[AudioSet, AudioFindings]
