"""The examples behind a reference: what was measured of each, in `reference.npz` next to `reference.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.errors import DAMAGE
from cityzoo.replace_file import replace_file

NAME = "reference.npz"
SIGNAL = "signal:"  # before the names of signals in the file


@dataclass(frozen=True)
class MeasuredExamples:
    """What was measured of N examples, in the order in which they were recorded if that is known.

    Attributes:
        names: of the examples.
        cameras: camera, scene or source of each, "" where not known.
        features: (N, D) float32, of the run's backbone.
        signals: name -> (N,) float32, see `cityzoo.monitor.drift.read_signals`; the mean where an example has several
            values, NaN where it has none.
        thumbnails: (N, h, w) uint8, gray; (N, 0, 0) of examples that are no images.
    """

    names: tuple[str, ...]
    cameras: tuple[str, ...]
    features: np.ndarray
    signals: Mapping[str, np.ndarray]
    thumbnails: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def select(self, rows: Sequence[int] | np.ndarray) -> MeasuredExamples:
        """Return some of the examples.

        Args:
            rows: positions, or (N,) bool.
        """
        places = np.arange(len(self))[np.asarray(rows)]
        names, cameras = (tuple(each[place] for place in places) for each in (self.names, self.cameras))
        signals = {name: values[places] for name, values in self.signals.items()}
        return MeasuredExamples(names, cameras, self.features[places], signals, self.thumbnails[places])

    def write(self, folder: Path, key: str) -> None:
        """Write `reference.npz`.

        Args:
            folder: of the run.
            key: of what the measurements depend on.
        """
        words = json.dumps({"key": key, "names": self.names, "cameras": self.cameras})
        signals = {SIGNAL + name: values.astype(np.float32) for name, values in self.signals.items()}
        with replace_file(folder / NAME) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                allow_pickle=False,
                words=np.frombuffer(words.encode(), np.uint8),
                features=self.features.astype(np.float32),
                thumbnails=self.thumbnails,
                **signals,
            )


def read_examples(folder: Path, key: str) -> MeasuredExamples | None:
    """Return the examples of a folder; None where there are none, or they depend on something else, or are damaged."""
    try:
        with np.load(folder / NAME, allow_pickle=False) as arrays:
            words = json.loads(arrays["words"].tobytes())
            if words["key"] != key:
                return None
            signals = {
                name.removeprefix(SIGNAL): arrays[name] for name in arrays.files if name.startswith(SIGNAL)
            }
            names, cameras = tuple(words["names"]), tuple(words["cameras"])
            return MeasuredExamples(names, cameras, arrays["features"], signals, arrays["thumbnails"])
    except DAMAGE:
        return None
