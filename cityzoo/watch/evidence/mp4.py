"""MP4 files that browsers play, whose frames keep their times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cityzoo.runtime.packages import require

QUALITY = "26"  # of x264: 0 lossless to 51
CODECS = {"libx264": {"preset": "veryfast", "crf": QUALITY, "threads": "1"}, "mpeg4": {"qscale": "5"}}


class Mp4Writer:
    """Encode frames as H.264, or as MPEG-4 where PyAV lacks it.

    Args:
        target: a file, or where its bytes go.

    Raises:
        InputError: PyAV is missing.

    Attributes:
        frames: that were written.
    """

    def __init__(self, target: Path | BinaryIO) -> None:
        self._av: Any = require("av", "writing videos")
        self._container = self._av.open(
            str(target) if isinstance(target, Path) else target,
            "w",
            format="mp4",
            options={"movflags": "faststart"} if isinstance(target, Path) else {},
        )
        self._stream: Any = None
        self._pts, self._start, self.frames = -1, 0.0, 0

    def write(self, image: np.ndarray, seconds: float) -> None:
        """Append a frame.

        Args:
            image: (H, W, 3) uint8 RGB; of another size than the first one: it is scaled to that.
            seconds: its time; one that is not later than the last frame's is put right behind it.
        """
        if self._stream is None:
            self._open(image.shape[0], image.shape[1])
            self._start = seconds
        self._pts = max(round(1000 * (seconds - self._start)), self._pts + 1)
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        stream = self._stream
        frame = frame.reformat(stream.width, stream.height, "yuv420p")
        frame.pts, frame.time_base = self._pts, Fraction(1, 1000)
        self._container.mux(stream.encode(frame))
        self.frames += 1

    def close(self) -> None:
        """Finish the file; without a frame there is none that plays."""
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def _open(self, height: int, width: int) -> None:
        codec = next(name for name in CODECS if name in self._av.codecs_available)
        self._stream = self._container.add_stream(codec, rate=25, options=CODECS[codec])
        self._stream.height, self._stream.width = height // 2 * 2, width // 2 * 2
        self._stream.pix_fmt, self._stream.codec_context.time_base = "yuv420p", Fraction(1, 1000)
