"""Sounds and keywords in sliding windows, by an exported run of sound_classify."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cityzoo.errors import InputError
from cityzoo.listen import RATE
from cityzoo.runtime.class_shares import CLASSIFIERS, class_shares
from cityzoo.runtime.exported_folder import DESCRIPTION, read_document
from cityzoo.runtime.runtime_model import open_model
from cityzoo.watch.detector import find_exported

IGNORED = ("background", "silence", "unknown", "speech", "noise", "other", "_background_noise_", "_silence_")
# Demo sounds in 10 dB of noise and ten minutes without any: two windows at 0.8 hear 54 of 56 and raise no false alarm,
# three at 0.7 hear 55 and raise 6 an hour.
WINDOWS = 2  # whose probabilities are averaged
USUAL_THRESHOLD = 0.8
HOP = 0.25  # seconds between two windows
QUIET = 1e-3  # RMS below which nothing is heard: -60 dB of full scale
INPUT = "waveform"


class Sound(NamedTuple):
    """A sound that was heard."""

    seconds: float  # of the stream, at its end
    label: str
    score: float


class SoundDetector:
    """An exported classifier of sounds.

    Args:
        path: exported folder, its model file, or the run.
        threshold: probability from which a class is heard; None: of the run's report, else 0.8.
        refractory: seconds after a sound in which its class is not heard again.
        ignored: classes that are no events.

    Raises:
        InputError: no exported classifier of sounds.
    """

    def __init__(
        self,
        path: Path,
        threshold: float | None = None,
        refractory: float = 2.0,
        ignored: tuple[str, ...] = IGNORED,
    ) -> None:
        folder = find_exported(path)
        about = read_document(folder, DESCRIPTION)
        if about.get("output") not in CLASSIFIERS or about["inputs"][0]["name"] != INPUT:
            raise InputError(f"--run '{path}' does not classify sounds: give a run of sound_classify")
        self.model = open_model(folder / about["model"])
        self.class_names, self._output = tuple(about["class_names"]), about["output"]
        self.samples = self.model.inputs[0].shape[1] or RATE
        points = about.get("thresholds", {})
        self.thresholds = {
            name: threshold if threshold is not None else points.get(f"alarm: {name}", USUAL_THRESHOLD)
            for name in self.class_names
            if name.lower() not in ignored
        }
        self.refractory = refractory
        self.reset()

    def reset(self) -> None:
        """Forget what was heard: another stream begins."""
        self._buffer, self._end, self._due = np.zeros(0, np.float32), 0, self.samples
        self._shares: deque[np.ndarray] = deque(maxlen=WINDOWS)
        self._last: dict[str, float] = {}

    def push(self, block: np.ndarray) -> Iterator[Sound]:
        """Take samples, (N,) float32, and yield the sounds that are heard in them."""
        self._buffer = np.concatenate([self._buffer, block])
        self._end += len(block)
        while self._end >= self._due:
            stop = len(self._buffer) - (self._end - self._due)
            window = self._buffer[stop - self.samples : stop]
            yield from self._classify(window, self._due / RATE)
            self._due += int(HOP * RATE)
        kept = self.samples + self._end - self._due
        self._buffer = self._buffer[-max(kept, 1) :]

    def flush(self) -> Iterator[Sound]:
        """Yield the sounds at the end of a recording, as if silence followed; a single window decides alone."""
        length = self._end
        heard = self._due - int(HOP * RATE) if self._shares else 0
        found = list(self.push(np.zeros(self._due - length, np.float32))) if length > heard else []
        if len(self._shares) == 1:
            found += self._judge(length / RATE)
        yield from (sound._replace(seconds=min(sound.seconds, length / RATE)) for sound in found)

    def _classify(self, window: np.ndarray, seconds: float) -> Iterator[Sound]:
        if np.sqrt(np.mean(window**2)) < QUIET:
            self._shares.append(np.zeros(len(self.class_names)))
        else:
            logits = np.asarray(self.model({INPUT: window[None]}))
            self._shares.append(class_shares(self._output, logits)[0])
        if len(self._shares) == WINDOWS:
            yield from self._judge(seconds)

    def _judge(self, seconds: float) -> Iterator[Sound]:
        means = dict(zip(self.class_names, np.mean(self._shares, axis=0).tolist(), strict=True))
        for label, threshold in self.thresholds.items():
            is_new = seconds - self._last.get(label, -np.inf) >= self.refractory
            if means[label] >= threshold:
                self._last[label] = seconds if is_new else self._last[label]
                if is_new:
                    yield Sound(seconds, label, round(means[label], 4))
