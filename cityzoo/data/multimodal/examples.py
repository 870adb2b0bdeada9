"""Rows with several modalities, and the splits of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityzoo.data.multimodal.findings import MultimodalFindings
from cityzoo.sample import ExampleSet, LabeledDataset

MODALITIES = ("image", "text", "sensor", "sound", "counts")  # columns, in the order of the features
WINDOWS = ("sensor", "counts")  # those of numbers over time


@dataclass(frozen=True)
class MultimodalRow:
    """One moment at one place.

    Attributes:
        path: file and line.
        cells: what is there, by modality: files of images and sounds, a text, a window (T, K) float32 of K sensors
            or counts.
        target: (C,) float32, 1 for its class; None: not labeled.
        time: seconds since 1970; None: not given.
        place: name; "": not given.
        features: (D + M,) float32, those of the M encoded modalities, then for each 1 where it is there.
    """

    path: str
    cells: Mapping[str, Any]
    target: Any = None
    time: float | None = None
    place: str = ""
    features: Any = None

    @property
    def name(self) -> str:
        """File and line."""
        return self.path

    @property
    def group(self) -> str:
        """Place and day, whose rows are alike; "": neither is known."""
        day = "" if self.time is None else str(np.datetime64(int(self.time), "s").astype("datetime64[D]"))
        return f"{self.place}/{day}" if self.place or day else ""


@dataclass(frozen=True)
class MultimodalSet(ExampleSet):
    """The rows of one split.

    Attributes:
        sizes: number of features of each modality that is encoded, in the order of `MultimodalRow.features`.
        encoders: what made them, by modality: name and digest.
    """

    examples: tuple[MultimodalRow, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    encoders: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def features(self) -> np.ndarray:
        """Return the features of all rows, (N, D + M) float32."""
        width = sum(self.sizes.values()) + len(self.sizes)
        return np.stack([each.features for each in self.examples]) if len(self) else np.zeros((0, width), "f")

    def present(self) -> np.ndarray:
        """Return which of the M encoded modalities each row has, (N, M) bool."""
        return self.features()[:, -len(self.sizes) :] > 0


MultimodalDataset = LabeledDataset[MultimodalSet, MultimodalFindings]
