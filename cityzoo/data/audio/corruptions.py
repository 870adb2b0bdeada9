"""Corruptions of sounds, as streets, microphones and telephones make them, to test a model under."""

from __future__ import annotations

import numpy as np

from augment.audio import add_noise
from cityzoo.data.audio.decode import SAMPLE_RATE

TELEPHONE_HZ = (300.0, 3400.0)
# (name, value, in words)
CONDITIONS = (
    ("noise", 20.0, "20 dB"),
    ("noise", 10.0, "10 dB"),
    ("noise", 0.0, "0 dB"),
    ("gain", -30.0, "-30 dB"),
    ("clipping", 12.0, "12 dB above full scale"),
    ("telephone", 0.0, "300 to 3400 Hz"),
)


def corrupt(clip: np.ndarray, name: str, value: float, seed: int = 0) -> np.ndarray:
    """Return a clip under a condition.

    Args:
        clip: (N,) float32, -1 to 1, at 16 kHz.
        name: "noise" (pink, at a signal-to-noise ratio), "gain" (on samples of 16 bits), "clipping" (the peak so far
            above full scale) or "telephone" (a band of frequencies alone).
        value: in decibels.
        seed: of the noise.

    Example:
        >>> corrupt(np.array([0.25, -0.5], np.float32), "clipping", 12.0).tolist()
        [1.0, -1.0]
    """
    factor = 10 ** (value / 20)
    if name == "noise":
        changed = add_noise(clip, np.random.default_rng(seed), value)
    elif name == "gain":
        changed = np.round(clip * factor * 32768) / 32768
    elif name == "clipping":
        changed = clip * (factor / max(float(np.abs(clip).max(initial=0)), 1e-9))
    else:
        frequencies = np.fft.rfftfreq(len(clip), 1 / SAMPLE_RATE)
        kept = (frequencies >= TELEPHONE_HZ[0]) & (frequencies <= TELEPHONE_HZ[1])
        changed = np.fft.irfft(np.fft.rfft(clip) * kept, len(clip))
    return np.clip(changed, -1, 1).astype(np.float32)
