"""Sources of sound: recordings, microphones and streams, as blocks of 16 kHz mono."""

from __future__ import annotations

import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.audio.decode import SUFFIXES, decode
from cityzoo.data.files import files_under
from cityzoo.errors import InputError, escape_control, unknown
from cityzoo.listen import RATE
from cityzoo.watch.sources import SCHEMES, camera_name
from cityzoo.watch.sources.stream import OPTIONS, TIMEOUTS, explain, require_av

LOG = logging.getLogger(__name__)
BLOCK = RATE // 10  # samples
MICROPHONE = "mic"
BACK_OFF = (0.5, 10.0)  # seconds between attempts to connect, first and longest
WAITING = 100  # blocks of a microphone; beyond that they are lost


class AudioSource(ABC):
    """A sound in blocks.

    Args:
        text: as the user named it.

    Attributes:
        name: of files, events and topics; without passwords.
        is_live: whether time passes while nobody reads.
        stop: ends it when set.
    """

    is_live = False

    def __init__(self, text: str) -> None:
        self.text, self.name, self.stop = text, camera_name(text), threading.Event()

    @abstractmethod
    def blocks(self) -> Iterator[np.ndarray | None]:
        """Yield (N,) float32 from -1 to 1; None: what follows does not continue what came before.

        Raises:
            InputError: it cannot be read.
        """


class Recording(AudioSource):
    """A sound file."""

    def blocks(self) -> Iterator[np.ndarray | None]:
        """Yield its samples; a file that is cut off ends where it is cut."""
        samples, _, is_cut_off = decode(self.text)
        if not len(samples):
            raise InputError(f"'{self.text}' holds no sound: give another recording")
        if is_cut_off:
            LOG.warning("WARNING: '%s' is cut off: only its beginning is heard", self.text)
        for start in range(0, len(samples), BLOCK):
            if self.stop.is_set():
                return
            yield samples[start : start + BLOCK]


class Microphone(AudioSource):
    """The system's microphone, by sounddevice.

    Raises:
        InputError: sounddevice or a microphone is missing.
    """

    is_live = True

    def __init__(self, text: str) -> None:
        super().__init__(text)
        try:
            import sounddevice
        except (ImportError, OSError) as error:  # OSError: without PortAudio
            raise InputError(
                f'microphones need sounddevice and PortAudio ({error}): pip install "cityzoo[microphone]", '
                "apt install libportaudio2"
            ) from error
        self._sounddevice: Any = sounddevice

    def blocks(self) -> Iterator[np.ndarray | None]:
        """Yield what it hears; blocks that nobody takes in time are lost."""
        waiting: queue.Queue[np.ndarray] = queue.Queue(WAITING)

        def keep(samples: np.ndarray, *about: Any) -> None:
            try:
                waiting.put_nowait(samples[:, 0].copy())
            except queue.Full:
                LOG.warning("WARNING: sounds come faster than they are heard: some are lost")

        settings = {"samplerate": RATE, "channels": 1, "dtype": "float32", "blocksize": BLOCK}
        try:
            with self._sounddevice.InputStream(callback=keep, **settings):
                while not self.stop.is_set():
                    try:
                        yield waiting.get(timeout=0.2)
                    except queue.Empty:
                        continue
        except self._sounddevice.PortAudioError as error:
            raise InputError(f"no microphone can be opened ({error}): give a file or a stream") from error


class AudioStream(AudioSource):
    """A network stream, by PyAV; it connects again whenever it has to.

    Raises:
        InputError: PyAV is not installed.
    """

    is_live = True

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._av = require_av()

    def blocks(self) -> Iterator[np.ndarray | None]:
        """Yield its samples, None after each connection."""
        wait, before = BACK_OFF[0], ""
        while not self.stop.is_set():
            try:
                for block in self._read():
                    wait, before = BACK_OFF[0], ""
                    yield block
                cause = "the stream ended"
            except InputError:
                raise
            except Exception as error:  # noqa: BLE001 - FFmpeg raises many kinds; whatever it is, try again
                cause = explain(error, self.text)
            if self.stop.is_set():
                return
            if cause != before:
                LOG.warning("WARNING: %s: %s; connecting again", self.name, cause)
            before = cause
            yield None
            self.stop.wait(wait)
            wait = min(2 * wait, BACK_OFF[1])

    def _read(self) -> Iterator[np.ndarray | None]:
        options = OPTIONS.get(self.text.partition(":")[0], {})
        with self._av.open(self.text, options=options, timeout=TIMEOUTS) as container:
            if not container.streams.audio:
                raise InputError(f"'{self.name}' has no sound: give a stream with an audio track")
            resampler = self._av.AudioResampler(format="flt", layout="mono", rate=RATE)
            for packet in container.demux(container.streams.audio[0]):
                for frame in packet.decode():
                    for each in resampler.resample(frame):
                        yield each.to_ndarray().reshape(-1).astype(np.float32)
                if self.stop.is_set():
                    return


def open_sources(text: str) -> list[AudioSource]:
    """Open a microphone (mic), a sound file, all those of a folder, or a stream.

    Raises:
        InputError: nothing there, no sounds, or a package is missing.
    """
    if text == MICROPHONE:
        return [Microphone(text)]
    if "://" in text:
        scheme = text.partition("://")[0].lower()
        if scheme not in SCHEMES:
            raise unknown("protocol", scheme, SCHEMES)
        return [AudioStream(text)]
    path = Path(text)
    if path.is_file():
        return [Recording(text)]
    shown = escape_control(text)
    if not path.is_dir():
        raise InputError(
            f"'{shown}' does not exist: give mic, a sound file, a folder of them, or rtsp://HOST/PATH"
        )
    files = [file for file in files_under(path) if file.suffix.lower() in SUFFIXES]
    if not files:
        raise InputError(f"'{shown}' holds no sounds: expected {', '.join(SUFFIXES[:6])}")
    sources: list[AudioSource] = []
    for file in files:
        source = Recording(str(file))
        source.name = file.relative_to(path).as_posix()
        sources.append(source)
    return sources


def start_time(source: AudioSource) -> float:
    """Return the Unix seconds of the first sample; of a file, those at which it was last written."""
    return time.time() if source.is_live else Path(source.text).stat().st_mtime
