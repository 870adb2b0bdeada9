"""Several sources at once: the newest frames of all live cameras together, recordings in the order of their times."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator, Sequence

from cityzoo.errors import InputError
from cityzoo.watch.frames import Frame
from cityzoo.watch.sources.base_source import Source
from cityzoo.watch.sources.stream import Stream

PATIENCE = 0.5  # seconds without any frame, after which an empty batch lets the caller look at the health


def read_together(
    sources: Sequence[Source], ready: threading.Event, batch_size: int = 8
) -> Iterator[list[Frame]]:
    """Yield frames in batches for one detector; of a live camera at most one frame is in a batch.

    A camera without frames holds none of the others up. For live cameras a batch may be empty.

    Args:
        sources: with different names of their cameras; all live, or all recordings.
        ready: the event that live sources were opened with.
        batch_size: frames of recordings in a batch.

    Raises:
        InputError: two cameras of one name, or live sources together with recordings.
    """
    names = [source.camera for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two sources have the name '{name}': name them, as in north=rtsp://HOST/1")
    streams = [source for source in sources if isinstance(source, Stream)]
    if streams and len(streams) < len(sources):
        raise InputError("recordings and live cameras cannot be watched together: start one command for each")
    return _read_live(streams, ready) if streams else _read_recordings(sources, batch_size)


def _read_live(streams: Sequence[Stream], ready: threading.Event) -> Iterator[list[Frame]]:
    while not all(stream.is_over for stream in streams):
        ready.wait(PATIENCE)
        ready.clear()
        frames = (stream.newest() for stream in streams if not stream.is_over)
        yield [frame for frame in frames if frame is not None]
    for stream in streams:
        stream.close()


def _read_recordings(sources: Sequence[Source], batch_size: int) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in heapq.merge(*sources, key=lambda frame: frame.time):
        batch.append(frame)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch
