"""What the numbers of a series are called, and their units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from cityzoo.data.series.raw import NOT_NAMED, RawSeries, SeriesOptions
from cityzoo.errors import InputError, unknown

KNOWN = ("speed", "flow", "occupancy", "volume", "pm25", "pm10", "no2", "o3", "temperature")


def names_of(said: str | Sequence[str]) -> tuple[str, ...]:
    """Return names that are given as such, or as one text with commas between.

    Example:
        >>> names_of("pm25, wind"), names_of(["pm25"])
        (('pm25', 'wind'), ('pm25',))
    """
    return tuple(each.strip() for each in said.split(",")) if isinstance(said, str) else tuple(map(str, said))


def channel_names(raw: RawSeries, wishes: SeriesOptions) -> tuple[str, ...]:
    """Return the names of the channels: the source's own, else those asked for, else one that its file is called by.

    Raises:
        InputError: another number of names than channels.

    Example:
        >>> import numpy as np
        >>> from cityzoo.data.series.raw import Origin
        >>> raw = RawSeries(np.zeros((2, 1)), ("a",), ("value",), ("a",), False, Origin(("los_speed.csv",)))
        >>> channel_names(raw, Wishes()), channel_names(raw, Wishes(channel=("flow",)))
        (('speed',), ('flow',))
    """
    if raw.named:
        return raw.channels
    if wishes.channel is not None:
        if len(wishes.channel) != len(raw.channels):
            raise InputError(
                f"--channel names {','.join(wishes.channel)}, '{raw.origin.files[0]}' has {len(raw.channels)} without "
                "names: give as many"
            )
        return tuple(wishes.channel)
    words = re.split(r"[\W_]+", Path(raw.origin.files[0]).stem.lower())
    found = [word for word in KNOWN if word in words]
    return (found[0],) if raw.channels == (NOT_NAMED,) and len(found) == 1 else raw.channels


def channel_units(
    channels: Sequence[str], said: str | Sequence[str] | Mapping[str, str] | None, found: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the unit of each channel, "" where not known.

    Args:
        channels: C names.
        said: of the only channel, or of each in order, or by name; None: not said.
        found: units that the source itself says, by name.

    Raises:
        InputError: another number of units than channels, or a unit for a channel that is not there.

    Example:
        >>> channel_units(("flow", "speed"), {"speed": "mph"}, {}), channel_units(("speed",), "km/h", {})
        (('', 'mph'), ('km/h',))
    """
    if isinstance(said, Mapping):
        for name in said:
            if name not in channels:
                raise unknown("channel of --unit", name, channels)
        return tuple(str(said.get(name, found.get(name, ""))) for name in channels)
    if said is None:
        return tuple(str(found.get(name, "")) for name in channels)
    units = names_of(said)
    if len(units) != len(channels):
        raise InputError(
            f"--unit gives {len(units)} units ({', '.join(units)}) for {len(channels)} channels ({', '.join(channels)})"
            ": give one for each"
        )
    return units
