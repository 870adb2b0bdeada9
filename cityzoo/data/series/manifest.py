"""Which sensors a model was made for: `sensors.json` of a run, without which nobody can feed it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from cityzoo.data.series.series import Series
from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.outputs.quantile_forecast import Forecasting

NAME = "sensors.json"


def write(folder: Path, series: Series, how: Forecasting) -> None:
    """Write the sensors in the order of the model, its channels and units, its clock, and what it says."""
    about = {
        "sensors": series.sensors,
        "channels": series.channels,
        "units": series.units,
        "timezone": series.timezone,
        "step_seconds": series.step_seconds,
        "history": how.history,
        "horizon": how.horizon,
        "quantiles": how.quantiles,
    }
    (folder / NAME).write_text(json.dumps(about, indent=2) + "\n")


def require_same(folder: Path, series: Series) -> None:
    """Raise InputError where a series is not of the sensors, channels and step that a run's model was made for."""
    path = folder / NAME
    if not path.is_file():
        raise InputError(f"'{folder}' holds no {NAME}: its training ended before it was done; train again")
    known = json.loads(path.read_text())
    if list(series.sensors) != known["sensors"]:
        there = set(known["sensors"])
        strange = [name for name in series.sensors if name not in there] or list(series.sensors)
        raise InputError(
            f"the model knows {len(known['sensors'])} sensors, the data has {len(series.sensors)}, among them "
            f"'{strange[0]}' out of place: a model of other sensors is adapted by train.py --weights {folder}"
        )
    for name, value in (("channels", list(series.channels)), ("step_seconds", series.step_seconds)):
        if value != known[name]:
            raise InputError(
                f"the model was made for {name} {known[name]}, the data has {value}: give data like its own"
            )
