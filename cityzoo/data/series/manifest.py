"""`sensors.json` of a run: sensors, channels, units and time zone of the model's inputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from cityzoo.data.series.windows import WindowSet
from cityzoo.errors import InputError

NAME = "sensors.json"


def write(folder: Path, windows: WindowSet, quantiles: Sequence[float]) -> None:
    """Write the sensors in the order of the model, its channels, units, clock, windows and quantiles."""
    series = windows.series
    about = {
        "sensors": series.sensors,
        "channels": series.channels,
        "units": series.units,
        "timezone": series.timezone,
        "step_seconds": series.step_seconds,
        "history": windows.history,
        "horizon": windows.horizon,
        "quantiles": tuple(quantiles),
    }
    (folder / NAME).write_text(json.dumps(about, indent=2) + "\n")


def require_same(folder: Path, windows: WindowSet) -> None:
    """Raise InputError if windows have other sensors, channels, steps or rows than the model of a run."""
    series, path = windows.series, folder / NAME
    if not path.is_file():
        raise InputError(
            f"'{folder}' has no {NAME}: its training did not finish; resume it with python train.py --resume "
            f"{quote(str(folder))}"
        )
    known = _read(path)
    if list(series.sensors) != known["sensors"]:
        new = [name for name in series.sensors if name not in known["sensors"]] or list(series.sensors)
        raise InputError(
            f"the model knows {len(known['sensors'])} sensors, the data has {len(series.sensors)}, among them "
            f"'{new[0]}' out of place: adapt the model to other sensors with train.py --weights {quote(str(folder))}"
        )
    found = {
        "channels": list(series.channels),
        "step_seconds": series.step_seconds,
        "history": windows.history,
        "horizon": windows.horizon,
    }
    for name, value in found.items():
        if value != known[name]:
            raise InputError(
                f"the model of '{folder}' was trained on {name} {known[name]}, the data has {value}: "
                "give data of the same kind"
            )


def read_sensors(folder: Path) -> list[str]:
    """Return the sensors of a run's model in their order; none where the run has no list of them."""
    path = folder / NAME
    return _read(path)["sensors"] if path.is_file() else []


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(known[name], list) for name in ("sensors", "channels")) and "horizon" in known:
            return known
        reason = "not the sensors of a run"
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error)
    raise InputError(
        f"'{path}' is damaged ({reason}): restore it, or write it again with python train.py --resume "
        f"{quote(str(path.parent))}"
    )
