"""A source of frames, as every part of `watch` sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from cityzoo.watch.frames import Frame
from cityzoo.watch.sources.health import Health


class Source(ABC):
    """Frames of one camera, in the order of their times.

    Attributes:
        camera: name of the camera.
        is_live: frames come at their own pace, and the newest one counts.
        seconds: duration; None: unknown, or without end.
        health: what happens to the source.
    """

    is_live = False
    seconds: float | None = None

    def __init__(self, camera: str) -> None:
        self.camera, self.health = camera, Health(camera)

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames, up to the end or until the source is closed."""

    def close(self) -> None:  # noqa: B027
        """Stop reading; may be called twice."""

    def __enter__(self) -> Source:
        """Return the source."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the source."""
        self.close()
