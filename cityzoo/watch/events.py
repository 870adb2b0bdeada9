"""Events as dictionaries: one line of events.jsonl each."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import Any

from cityzoo.watch.frames import Frame
from cityzoo.watch.sources.health import iso_time


def make_event(frame: Frame, kind: str, at: float | None = None, **figures: Any) -> dict[str, Any]:
    """Return an event of a frame, with an id that no other event has.

    Args:
        frame: in which it is known.
        kind: what happened, such as "crossing".
        at: Unix seconds at which it happened; None: time of the frame.
        figures: more entries; those that are None are left out.

    Example:
        >>> import numpy as np
        >>> frame = Frame("road", 7, 1.75, 0.5, np.zeros((2, 2, 3), np.uint8))
        >>> event = make_event(frame, "crossing", 1.5, line="north", score=None)
        >>> {key: value for key, value in event.items() if key != "id"}  # doctest: +NORMALIZE_WHITESPACE
        {'type': 'crossing', 'camera': 'road', 'time': '1970-01-01T00:00:01.500+00:00', 'stream_seconds': 0.25,
         'frame': 7, 'line': 'north'}
    """
    at = frame.time if at is None else at
    seconds = round(frame.stream_seconds + at - frame.time, 3)
    event: dict[str, Any] = {
        "id": uuid.uuid4().hex[:16],
        "type": kind,
        "camera": frame.camera,
        "time": iso_time(at),
    }
    event |= {"stream_seconds": seconds, "frame": frame.index}
    return event | {key: value for key, value in figures.items() if value is not None}


def to_json_value(value: Any) -> Any:
    """Return a value without NaN, NumPy types and tuples; of a mapping, entries that are no number are left out.

    Example:
        >>> import numpy as np
        >>> to_json_value({"speed": float("nan"), "point": (np.float32(0.5), 1), "class": "car"})
        {'point': [0.5, 1], 'class': 'car'}
    """
    if isinstance(value, Mapping):
        plain = {str(key): to_json_value(item) for key, item in value.items()}
        return {key: item for key, item in plain.items() if item is not None}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [to_json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
