"""One source of sound: what is heard and said in it, as events."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cityzoo.data.text.personal_data import mask_text
from cityzoo.errors import InputError
from cityzoo.listen import RATE
from cityzoo.listen.intents import NOT_UNDERSTOOD, IntentClassifier
from cityzoo.listen.sound_detector import Sound, SoundDetector
from cityzoo.listen.sources import AudioSource, start_time
from cityzoo.listen.speech_to_text import SpeechToText, transcribe_piece
from cityzoo.listen.voice_activity import Gate, Piece, VoiceSegmenter
from cityzoo.watch.sources.health import iso_time

LOG = logging.getLogger(__name__)
KeepPiece = Callable[[str, Piece], None]


@dataclass(frozen=True)
class Ears:
    """What listens.

    Attributes:
        detectors: of sounds and keywords.
        plug: turns speech into text; None: speech is not understood.
        intents: says what a caller wants; None: only the text is given.
        is_redacted: personal data in texts is masked.
        keep: gets the pieces of speech to store; None: none is stored.
    """

    detectors: tuple[SoundDetector, ...] = ()
    plug: SpeechToText | None = None
    intents: IntentClassifier | None = None
    is_redacted: bool = True
    keep: KeepPiece | None = None


class Listening:
    """Listen to a source.

    Args:
        source: of sound.
        ears: what listens.
        gate: finds speech; with a state of its own.
        seconds: end after this time of the stream; None: at its end.
    """

    def __init__(self, source: AudioSource, ears: Ears, gate: Gate, seconds: float | None = None) -> None:
        self.source, self.ears, self.seconds = source, ears, seconds
        self._segmenter, self._gate = VoiceSegmenter(gate), gate
        self._offset, self._heard = 0.0, 0.0  # seconds of the stream: of the last connection, and of now
        self._started = 0.0

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield an event for each sound that is heard, and for each piece of speech that was understood or not.

        Raises:
            InputError: the source cannot be read.
        """
        self._started = start_time(self.source)
        for detector in self.ears.detectors:
            detector.reset()
        for block in self.source.blocks():
            if block is None:
                yield from self._reset()
            else:
                self._heard += len(block) / RATE
                yield from self._hear(block)
            if self.source.stop.is_set() or (self.seconds and self._heard >= self.seconds):
                break
        if not self.source.is_live:
            for detector in self.ears.detectors:
                yield from self._sounds(detector.flush())
        yield from self._speech(self._segmenter.flush())

    def _reset(self) -> Iterator[dict[str, Any]]:
        yield from self._speech(self._segmenter.flush())
        self._segmenter = VoiceSegmenter(self._gate)
        for detector in self.ears.detectors:
            detector.reset()
        self._offset = self._heard = max(self._heard, time.time() - self._started)

    def _hear(self, block: np.ndarray) -> Iterator[dict[str, Any]]:
        for detector in self.ears.detectors:
            yield from self._sounds(detector.push(block))
        if self.ears.plug or self.ears.keep:
            yield from self._speech(self._segmenter.push(block))

    def _sounds(self, sounds: Iterable[Sound]) -> Iterator[dict[str, Any]]:
        for sound in sounds:
            about = {"class": sound.label, "score": sound.score, "state": "raised"}
            yield self._event("sound", sound.seconds, about)

    def _speech(self, pieces: Any) -> Iterator[dict[str, Any]]:
        for piece in pieces:
            if self.ears.keep:
                self.ears.keep(self.source.name, piece)
            if self.ears.plug is None:
                continue
            text = transcribe_piece(self.ears.plug, piece.samples)
            about: dict[str, Any] = {"seconds": round(len(piece.samples) / RATE, 2)}
            if self.ears.intents:
                intent, share = self.ears.intents.classify(text) if text else (NOT_UNDERSTOOD, 0.0)
                about |= {"intent": intent, "probability": round(share, 4)}
            about["text"] = mask_text(text) if self.ears.is_redacted else text
            yield self._event("speech", piece.start, about)

    def _event(self, kind: str, seconds: float, about: Mapping[str, Any]) -> dict[str, Any]:
        at = self._offset + seconds
        return {
            "id": uuid.uuid4().hex[:16],
            "type": kind,
            "camera": self.source.name,  # as events of watch name their source
            "time": iso_time(self._started + at),
            "stream_seconds": round(at, 2),
            **about,
        }


def listen_to_all(
    sources: list[AudioSource], ears: Ears, open_gate: Callable[[], Gate], seconds: float | None = None
) -> Iterator[tuple[AudioSource, list[dict[str, Any]] | dict[str, Any]]]:
    """Yield (source, event) as they happen, and (source, all its events) at its end, one source after the other.

    A file of several that cannot be read costs a line, and the others are heard.

    Raises:
        InputError: none can be read.
    """
    unread = 0
    for source in sources:
        events = []
        try:
            for event in Listening(source, ears, open_gate(), seconds).events():
                events.append(event)
                yield source, event
        except InputError as error:
            unread += 1
            if unread == len(sources):
                raise
            LOG.warning("WARNING: %s", error)
            continue
        yield source, events
        if source.stop.is_set():
            return
