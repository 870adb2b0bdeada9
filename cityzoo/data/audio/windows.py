"""Windows of the length that a network takes, cut from clips of any length."""

from __future__ import annotations

import numpy as np

from augment import audio

OVERLAP = 0.5  # of neighboring windows


def windows(clip: np.ndarray, samples: int) -> np.ndarray:
    """Return overlapping windows that cover a clip, (W, samples) float32; a short clip is centered in one.

    Example:
        >>> windows(np.arange(5, dtype=np.float32), 4).tolist(), windows(np.ones(2, np.float32), 4).tolist()
        ([[0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]], [[0.0, 1.0, 1.0, 0.0]])
    """
    if len(clip) <= samples:
        return audio.fit_length(clip, samples)[None]
    count = -(-(len(clip) - samples) // max(1, round(samples * (1 - OVERLAP)))) + 1
    starts = np.linspace(0, len(clip) - samples, count).round().astype(int)
    return np.stack([clip[start : start + samples] for start in starts])
