"""The newest frame of a network or USB camera, read by PyAV in a thread that connects again whenever it has to."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from cityzoo.errors import InputError
from cityzoo.watch.frames import Frame, Thinner
from cityzoo.watch.sources.base_source import Source
from cityzoo.watch.sources.health import GapFinder
from cityzoo.watch.sources.stream_clock import StreamClock

LOG = logging.getLogger(__name__)
TIMEOUTS = (4.0, 3.0)  # seconds to connect, and between packets
FIRST_FRAME = 8.0  # seconds without a decoded frame: no key frame comes
BACK_OFF = (0.25, 1.5)  # seconds between attempts, first and longest
REFUSED_BACK_OFF = 30.0  # seconds: cameras lock out who tries passwords
DROPS_EVERY = 60.0  # seconds between events of dropped frames
OPTIONS = {"rtsp": {"rtsp_transport": "tcp", "analyzeduration": "1000000"}}


class Stream(Source):
    """A stream that is read in its own thread; the newest frame is kept, older ones are dropped and counted.

    Args:
        url: as FFmpeg takes it.
        camera: name of the camera.
        fps: most frames per second; those left out do not count as dropped. None: all.
        minutes: end after this time; None: run until closed.
        container_format: of FFmpeg; None: found out.
        ready: set whenever a frame has arrived, of this or another stream.

    Raises:
        InputError: PyAV is not installed.
    """

    is_live = True

    def __init__(
        self,
        url: str,
        camera: str,
        fps: float | None = None,
        minutes: float | None = None,
        container_format: str | None = None,
        ready: threading.Event | None = None,
    ) -> None:
        super().__init__(camera)
        self._av = require_av()
        self.url, self.format, self.ready = url, container_format, ready or threading.Event()
        self.seconds = 60 * minutes if minutes else None
        self.started = self.last_time = time.time()
        self._thinner, self._gaps = Thinner(fps), GapFinder()
        self._gaps.gap(self.started)
        self._first: float | None = None
        self._newest: tuple[int, float, Any] | None = None
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._cause, self._connected, self._size = "", False, (0, 0)
        self._drops = (self.started, 0)
        self._thread = threading.Thread(target=self._run, name=f"camera {camera}", daemon=True)
        self._thread.start()

    def newest(self) -> Frame | None:
        """Return the newest frame, each at most once."""
        with self._lock:
            taken, self._newest = self._newest, None
        if taken is None:
            return None
        index, at, frame = taken
        return Frame(self.camera, index, at, at - (self._first or at), frame.to_ndarray(format="rgb24"))

    @property
    def age(self) -> float:
        """Return the seconds since the last frame, or since the start."""
        return time.time() - self.last_time

    @property
    def is_over(self) -> bool:
        """Return whether it is closed or its minutes have passed."""
        late = self.seconds is not None and time.time() - self.started >= self.seconds
        return late or self._closed.is_set()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame whenever there is a new one."""
        while not self.is_over:
            self.ready.wait(0.2)
            self.ready.clear()
            frame = self.newest()
            if frame is not None:
                yield frame
        self.close()

    def close(self) -> None:
        """Stop reading; a time without frames that lasts until now is a gap."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._thread.join(sum(TIMEOUTS))
        gap = self._gaps.gap(time.time())
        if gap:
            self.health.report_gap(*gap)
        self.health.report("ended", **self.health.summary())

    def _run(self) -> None:
        wait = BACK_OFF[0]
        while not self._closed.is_set():
            try:
                self._read()
                cause = "the stream ended"
            except Exception as error:  # noqa: BLE001 - FFmpeg raises many kinds; whatever it is, try again
                cause = explain(error, self.url)
            if self._closed.is_set():
                return
            wait = BACK_OFF[0] if self._connected else min(2 * wait, BACK_OFF[1])
            if self._connected or cause != self._cause:
                self.health.report("lost", detail=cause)
            self._cause, self._connected = cause, False
            self._closed.wait(REFUSED_BACK_OFF if "password" in cause else wait)

    def _read(self) -> None:
        options = OPTIONS.get(self.url.partition(":")[0], {})
        with self._av.open(self.url, format=self.format, options=options, timeout=TIMEOUTS) as container:
            if not container.streams.video:
                raise InputError("it has no video")
            clock, last = StreamClock(self.last_time), time.monotonic()
            for packet in container.demux(container.streams.video[0]):
                for frame in packet.decode():
                    if not frame.is_corrupt:
                        self._keep(frame, clock.time(frame.time, time.time()))
                        last = time.monotonic()
                if self._closed.is_set():
                    return
                if time.monotonic() - last > FIRST_FRAME:
                    raise InputError(f"no frame can be decoded for {FIRST_FRAME:g} s: it sends no key frame")

    def _keep(self, frame: Any, at: float) -> None:
        if not self._connected:
            self._connected = True
            self.health.connections += 1
            self.health.report("connected", at, width=frame.width, height=frame.height)
        elif (frame.width, frame.height) != self._size:
            self.health.report("resolution", at, width=frame.width, height=frame.height)
        self._size, self.last_time = (frame.width, frame.height), at
        self._first = at if self._first is None else self._first
        gap = self._gaps.gap(at)
        if gap:
            self.health.report_gap(*gap)
        index = self.health.frames
        self.health.frames += 1
        if self._thinner.is_due(at):
            with self._lock:
                self.health.dropped += self._newest is not None
                self._newest = (index, at, frame)
            self.ready.set()
        since, before = self._drops
        if at - since > DROPS_EVERY:
            if self.health.dropped > before:
                self.health.report("dropped", at, frames=self.health.dropped - before)
            self._drops = (at, self.health.dropped)


def require_av() -> ModuleType:
    """Import PyAV.

    Raises:
        InputError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise InputError(f'streams need PyAV ({error}): pip install "cityzoo[watch]"') from error
    return av


def explain(error: Exception, url: str) -> str:
    """Return the cause of a lost connection in one line, without the password of the URL."""
    name = type(error).__name__
    known = {
        "ExitError": f"nothing came for {TIMEOUTS[1]:g} to {TIMEOUTS[0]:g} s",
        "ConnectionRefusedError": "connection refused: nothing listens there",
        "HTTPUnauthorizedError": "the user or password is wrong",
        "HTTPForbiddenError": "the user or password is wrong",
        "HTTPNotFoundError": "the camera is there, but not this path",
    }
    return (
        known.get(name)
        or hide_password(" ".join(str(error).replace(url, hide_password(url)).split()))[:200]
        or name
    )


def hide_password(text: str) -> str:
    """Return text in which URLs have neither user nor password.

    Example:
        >>> hide_password("rtsp://admin:se@cret@10.0.0.7:554/main")
        'rtsp://10.0.0.7:554/main'
    """
    return re.sub(r"([a-z0-9+]+://)[^/\s]*@", r"\1", text)
