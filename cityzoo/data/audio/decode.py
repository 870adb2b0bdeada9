"""Decode sound files to 16 kHz mono."""

from __future__ import annotations

import io
import math
import os
from collections import OrderedDict
from typing import Any

import numpy as np

from cityzoo.data.files import read_bytes
from cityzoo.errors import InputError

SAMPLE_RATE = 16_000  # Hz
SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf")
KEPT_BYTES = 1 << 31  # of decoded sounds in memory
LONGEST_SECONDS = 4 * 3600


class DecodedCache:
    """Decoded sounds in memory, the longest unused removed first; a changed file is decoded again."""

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._limit, self._size = limit_bytes, 0
        self._kept: OrderedDict[tuple[str, int, int], np.ndarray] = OrderedDict()

    def read(self, path: str) -> np.ndarray:
        """Return a sound; see `decode`."""
        status = os.stat(path)
        key = (path, status.st_size, status.st_mtime_ns)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        clip = decode(path)[0]
        self._kept[key], self._size = clip, self._size + clip.nbytes
        while self._size > self._limit:
            self._size -= self._kept.popitem(last=False)[1].nbytes
        return clip


_CACHE = DecodedCache()


def import_soundfile() -> Any:
    """Return the module soundfile.

    Raises:
        InputError: it is not installed.
    """
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: without libsndfile
        raise InputError(
            f'reading sounds requires soundfile ({error}): pip install "cityzoo[sound]"'
        ) from error
    return soundfile


def read_clip(path: str) -> np.ndarray:
    """Return a sound file at 16 kHz, its channels averaged, (N,) float32, -1 to 1.

    Files are decoded once as long as there is room for them in memory.

    Raises:
        InputError: the file cannot be decoded.
    """
    return _CACHE.read(path)


def decode(path: str) -> tuple[np.ndarray, int, bool]:
    """Return the samples at 16 kHz, the file's own rate in Hz, and whether the file is cut off.

    Raises:
        InputError: the file cannot be decoded, holds no numbers, or is too long.
    """
    return decode_content(read_bytes(path), path)


def decode_content(content: bytes, path: str) -> tuple[np.ndarray, int, bool]:
    """Return the same for the bytes of a file, which messages call by its path.

    Raises:
        InputError: the file cannot be decoded, holds no numbers, or is too long.
    """
    soundfile = import_soundfile()
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate, wanted, header = file.samplerate, file.frames, file.extra_info
            if wanted / rate > LONGEST_SECONDS:
                raise InputError(
                    f"'{path}' lasts {wanted / rate / 3600:.1f} h, allowed are {LONGEST_SECONDS // 3600}: split it"
                )
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        reason = " ".join(str(getattr(error, "error_string", error)).split())
        raise InputError(f"'{path}' cannot be decoded ({reason}): convert it to wav") from error
    if not np.isfinite(samples).all():
        raise InputError(f"'{path}' holds values that are not numbers: convert it to 16-bit wav")
    is_cut_off = len(samples) < wanted or "should be" in header
    return resample(samples.mean(axis=1), rate), rate, is_cut_off


def resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return samples of another rate at 16 kHz, (N,) float32, within -1 to 1.

    Example:
        >>> resample(np.zeros(8000, np.float32), 8000).shape
        (16000,)
    """
    if rate != SAMPLE_RATE and len(samples):
        common = math.gcd(rate, SAMPLE_RATE)
        samples = _filter_and_resample(samples, SAMPLE_RATE // common, rate // common)
    return np.clip(samples, -1, 1).astype(np.float32)


def _filter_and_resample(samples: np.ndarray, up: int, down: int) -> np.ndarray:
    """Return what `scipy.signal.resample_poly` returns, which servers lack: a low pass, evaluated where needed."""
    half = 10 * max(up, down)
    low_pass = np.sinc(np.arange(-half, half + 1) / max(up, down)) * np.kaiser(2 * half + 1, 5.0)
    low_pass *= up / low_pass.sum()
    margin = half // up + 1
    padded = np.pad(samples.astype(np.float64), margin + 1)
    found = np.zeros(-(-len(samples) * up // down))
    for first in range(min(up, len(found))):  # outputs whose filter has the same phase
        center, phase = divmod(first * down, up)
        places = np.arange(-((half - phase) // up), (half + phase) // up + 1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(places))
        row = center + places[0] + margin + 1
        count = len(found[first::up])
        found[first::up] = windows[row::down][:count] @ low_pass[phase - places * up + half]
    return found
