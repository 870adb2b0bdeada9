"""Where somebody may be speaking: energy over an adaptive noise floor, or WebRTC's classifier."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cityzoo.errors import InputError, unknown
from cityzoo.listen import RATE

FRAME = RATE // 50  # samples: 20 ms
LOWEST_DB = -60.0  # of full scale: below it nothing is speech
RISE_DB = 8.0  # above the noise floor
FLOOR_FRAMES, FLOOR_SHARE = 300, 0.15  # the floor is this quantile of the last six seconds
EVERY = 10  # frames between two looks at the floor
START_FRAMES, WINDOW = 5, 8  # so many of so many frames begin speech
HANGOVER, BEFORE = 30, 15  # frames of silence that end it, and that are kept before it
LEAST_FRAMES, MOST_FRAMES = 15, 750  # of a piece of speech
BAND = (150.0, 4000.0)  # Hz, of voices


class Gate(Protocol):
    """Decides about a frame of 20 ms."""

    def is_voice(self, frame: np.ndarray) -> bool:
        """Return whether a frame, (320,) float32, may be speech."""


class EnergyGate:
    """Whatever is clearly louder, in the band of voices, than the quietest parts of the last seconds.

    Example:
        >>> gate, rng = EnergyGate(), np.random.default_rng(0)
        >>> hiss = rng.normal(0, 0.01, (100, FRAME))
        >>> sum(gate.is_voice(frame) for frame in hiss), gate.is_voice(20 * hiss[0])
        (0, True)
    """

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=FLOOR_FRAMES)
        self._floor, self._count = LOWEST_DB, 0
        frequencies = np.fft.rfftfreq(FRAME, 1 / RATE)
        self._band = (frequencies >= BAND[0]) & (frequencies <= BAND[1])

    def is_voice(self, frame: np.ndarray) -> bool:
        """Return whether a frame, (320,) float32, may be speech."""
        power = (np.abs(np.fft.rfft(frame)[self._band]) ** 2).sum() * 2 / FRAME**2
        level = 10 * float(np.log10(power + 1e-12))
        self._levels.append(max(level, LOWEST_DB - RISE_DB))
        if self._count % EVERY == 0:
            self._floor = float(np.quantile(self._levels, FLOOR_SHARE))
        self._count += 1
        return level > max(self._floor + RISE_DB, LOWEST_DB)


class WebRtcGate:
    """WebRTC's voice activity detector, of medium strictness.

    Raises:
        InputError: webrtcvad is not installed.
    """

    def __init__(self) -> None:
        try:
            import webrtcvad
        except ImportError as error:
            raise InputError(
                f"--voice-activity webrtc needs webrtcvad ({error}): pip install webrtcvad-wheels"
            ) from error
        self._vad = webrtcvad.Vad(2)

    def is_voice(self, frame: np.ndarray) -> bool:
        """Return whether a frame, (320,) float32, may be speech."""
        return self._vad.is_speech((frame.clip(-1, 1) * 32767).astype("<i2").tobytes(), RATE)


GATES: dict[str, Callable[[], Gate]] = {"energy": EnergyGate, "webrtc": WebRtcGate}


def open_gate(name: str) -> Gate:
    """Return a gate by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in GATES:
        raise unknown("voice activity gate", name, GATES)
    return GATES[name]()


@dataclass(frozen=True)
class Piece:
    """A piece of sound in which somebody may be speaking."""

    start: float  # seconds of the stream
    samples: np.ndarray  # (N,) float32 at 16 kHz


class VoiceSegmenter:
    """Cut a stream into pieces of speech: up to 15 s, with 0.3 s before and at most 0.6 s of silence after them.

    Args:
        gate: decides about frames.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._rest = np.zeros(0, np.float32)
        self._kept: list[np.ndarray] = []
        self._votes: deque[bool] = deque(maxlen=WINDOW)
        self._is_open, self._silent, self._voiced, self._frames = False, 0, 0, 0

    def push(self, block: np.ndarray) -> Iterable[Piece]:
        """Take samples, (N,) float32, and yield the pieces that end in them."""
        self._rest = np.concatenate([self._rest, block])
        count = len(self._rest) // FRAME
        frames, self._rest = self._rest[: count * FRAME].reshape(count, FRAME), self._rest[count * FRAME :]
        for frame in frames:
            yield from self._take(frame)

    def flush(self) -> Iterable[Piece]:
        """Yield the piece that has not ended."""
        if self._is_open:
            yield from self._end()
        self._kept.clear()

    def _take(self, frame: np.ndarray) -> Iterable[Piece]:
        is_voice = self.gate.is_voice(frame)
        self._frames += 1
        self._kept.append(frame)
        self._votes.append(is_voice)
        if not self._is_open:
            self._kept = self._kept[-BEFORE:]
            if sum(self._votes) >= START_FRAMES:
                self._is_open, self._silent, self._voiced = True, 0, sum(self._votes)
            return
        self._voiced += is_voice
        self._silent = 0 if is_voice else self._silent + 1
        if self._silent >= HANGOVER or len(self._kept) >= MOST_FRAMES:
            yield from self._end()

    def _end(self) -> Iterable[Piece]:
        if self._voiced >= LEAST_FRAMES:
            start = (self._frames - len(self._kept)) * FRAME / RATE
            yield Piece(start, np.concatenate(self._kept))
        self._kept, self._is_open = [], False
        self._votes.clear()
