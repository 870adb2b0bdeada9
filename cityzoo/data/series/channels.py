"""Names and units of channels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from cityzoo.data.series.raw import NOT_NAMED, RawSeries, SeriesOptions
from cityzoo.errors import InputError, unknown

KNOWN = ("speed", "flow", "occupancy", "volume", "pm25", "pm10", "no2", "o3", "temperature")


def split_names(text: str | Sequence[str]) -> tuple[str, ...]:
    """Return names given as a sequence, or as text with commas.

    Example:
        >>> split_names("pm25, wind"), split_names(["pm25"])
        (('pm25', 'wind'), ('pm25',))
    """
    return tuple(each.strip() for each in text.split(",")) if isinstance(text, str) else tuple(map(str, text))


def channel_names(raw: RawSeries, options: SeriesOptions) -> tuple[str, ...]:
    """Return the names of the channels: those of the source, else those given, else one found in the file's name.

    Raises:
        InputError: wrong number of names.

    Example:
        >>> import numpy as np
        >>> from cityzoo.data.series.raw import Origin
        >>> raw = RawSeries(np.zeros((2, 1)), ("a",), ("value",), ("a",), False, Origin(("los_speed.csv",)))
        >>> channel_names(raw, SeriesOptions()), channel_names(raw, SeriesOptions(channel=("flow",)))
        (('speed',), ('flow',))
    """
    if raw.named:
        return raw.channels
    if options.channel is not None:
        if len(options.channel) != len(raw.channels):
            raise InputError(
                f"--channel names {','.join(options.channel)}, '{raw.origin.files[0]}' has {len(raw.channels)} unnamed "
                "channels: give as many names"
            )
        return tuple(options.channel)
    words = re.split(r"[\W_]+", Path(raw.origin.files[0]).stem.lower())
    found = [word for word in KNOWN if word in words]
    return (found[0],) if raw.channels == (NOT_NAMED,) and len(found) == 1 else raw.channels


def channel_units(
    channels: Sequence[str], given: str | Sequence[str] | Mapping[str, str] | None, found: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the unit of each channel, "" if unknown.

    Args:
        channels: C names.
        given: of the only channel, or of each in order, or by name.
        found: in the source, by name.

    Raises:
        InputError: wrong number of units, or a unit of an unknown channel.

    Example:
        >>> channel_units(("flow", "speed"), {"speed": "mph"}, {}), channel_units(("speed",), "km/h", {})
        (('', 'mph'), ('km/h',))
    """
    if isinstance(given, Mapping):
        for name in given:
            if name not in channels:
                raise unknown("channel of --unit", name, channels)
        return tuple(str(given.get(name, found.get(name, ""))) for name in channels)
    if given is None:
        return tuple(str(found.get(name, "")) for name in channels)
    units = split_names(given)
    if len(units) != len(channels):
        raise InputError(
            f"--unit gives {len(units)} units ({', '.join(units)}) for {len(channels)} channels ({', '.join(channels)})"
            ": give one for each"
        )
    return units
