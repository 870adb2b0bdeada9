"""Covered frames with what was seen in them, small enough to keep seconds of them in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.redact.regions import FILL
from cityzoo.watch.evidence.redaction import Redaction

if TYPE_CHECKING:
    from cityzoo.watch.counting import Crossing
    from cityzoo.watch.tracking import Track

QUALITY = 85  # of JPEG
SAMPLES = 25  # frames of the median: what stays for less than half of them is gone
FEWEST = 13  # of a first median
SHORTEST, LONGEST = 0.5, 120.0  # seconds between two of them


@dataclass(frozen=True)
class Moment:
    """A frame after it was covered.

    Attributes:
        time: Unix seconds.
        stream_seconds: since the first frame of its source.
        size_hw: of the covered frame, pixels.
        scale: of it, relative to the frame that the tracks refer to.
        tracks: seen in it.
        crossings: settled by it.
        jpeg: the covered frame; None: only the background is stored.
    """

    time: float
    stream_seconds: float
    size_hw: tuple[int, int]
    scale: float
    tracks: tuple[Track, ...]
    crossings: tuple[Crossing, ...]
    jpeg: bytes | None

    def image(self, redaction: Redaction, background: Background) -> np.ndarray:
        """Return what may be stored of it, (H, W, 3) uint8 RGB: the covered frame, or the background."""
        if self.jpeg is None:
            return background.shown(self.size_hw, redaction)
        image = decode_jpeg(self.jpeg)
        return redaction.finders.redact(image)[0] if redaction.finders else image


def encode_jpeg(image: np.ndarray) -> bytes:
    """Return an image, (H, W, 3) uint8 RGB, as JPEG."""
    import cv2

    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def decode_jpeg(data: bytes) -> np.ndarray:
    """Return a JPEG as (H, W, 3) uint8 RGB."""
    import cv2

    image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(image[..., ::-1])


class Background:
    """The empty street: the median of covered frames, evenly spread over the whole time.

    The samples are thinned to every second one when they are `SAMPLES`, and come half as often from then on, up to
    one in two minutes; after that the oldest ones go, so that the background follows the light.

    Example:
        >>> background = Background()
        >>> for second in range(20):
        ...     frame = np.full((8, 8, 3), 50, np.uint8)
        ...     frame[:, 0 if second == 3 else 7] = 250 - 200 * (second > 6)
        ...     background.add(encode_jpeg(frame), float(second))
        >>> int(abs(background.image.astype(int) - 50).max()) < 8
        True
    """

    def __init__(self) -> None:
        self.image: np.ndarray | None = None  # (H, W, 3) uint8 RGB, None until there are enough samples
        self._redacted: tuple[np.ndarray, np.ndarray] | None = None  # of which image, and what is shown
        self._samples: list[bytes] = []
        self._step, self._next = SHORTEST, float("-inf")

    def is_due(self, time: float) -> bool:
        """Return whether the frame of this time, in seconds, is a sample."""
        return time >= self._next or time < self._next - 2 * LONGEST

    def add(self, jpeg: bytes, time: float) -> None:
        """Take a covered frame if it is due."""
        if not self.is_due(time):
            return
        self._next = time + self._step
        self._samples.append(jpeg)
        if len(self._samples) >= SAMPLES:
            self.estimate()
            is_longest = self._step >= LONGEST
            self._samples = self._samples[SAMPLES // 2 :] if is_longest else self._samples[::2]
            self._step = min(2 * self._step, LONGEST)
        elif self.image is None and len(self._samples) == FEWEST:
            self.estimate()

    def estimate(self) -> None:
        """Compute the median of the samples so far, those of the newest size."""
        images = [decode_jpeg(sample) for sample in list(self._samples)]
        images = [image for image in images if image.shape == images[-1].shape]
        if len(images) > 2:
            middle = len(images) // 2
            rows = [
                np.partition([image[y] for image in images], middle, axis=0)[middle]
                for y in range(len(images[0]))
            ]
            self.image = np.stack(rows)

    def shown(self, size_hw: tuple[int, int], redaction: Redaction) -> np.ndarray:
        """Return a copy, (H, W, 3) uint8 RGB, of what may be stored of it so far; gray if that is nothing."""
        import cv2

        if self.image is None:
            self.estimate()
        if self.image is None:
            return np.full((*size_hw, 3), FILL, np.uint8)
        if self._redacted is None or self._redacted[0] is not self.image:  # what stands there is found once
            finders = redaction.finders
            self._redacted = self.image, finders.redact(self.image)[0] if finders else self.image
        image = self._redacted[1]
        if image.shape[:2] != size_hw:
            return cv2.resize(image, (size_hw[1], size_hw[0]))
        return image.copy()
