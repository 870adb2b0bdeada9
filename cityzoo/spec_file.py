"""Read a run's spec.json back."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.spec import Phase, TrainSpec


def read_spec(path: Path) -> TrainSpec:
    """Read a spec.json back; flags that it lacks get today's defaults.

    Raises:
        InputError: not there, damaged, or of fields that this version does not know.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     TrainSpec(image_size=(64, 96)).write(Path(folder, "spec.json"))
        ...     read_spec(Path(folder, "spec.json")).image_size
        (64, 96)
    """
    try:
        values = json.loads(path.read_text())
    except OSError as error:
        raise InputError(
            f"'{path.parent}' is no run folder: it holds no {path.name}; give the folder that train.py named"
        ) from error
    except ValueError as error:
        raise InputError(f"'{path}' is damaged ({error}): restore it from a copy, or train again") from error
    known = {item.name for item in fields(TrainSpec)}
    strange = sorted(set(values) - known) if isinstance(values, dict) else [type(values).__name__]
    if strange:
        raise InputError(
            f"'{path}' holds {', '.join(strange)}, which this version of cityzoo does not know: "
            "use the version that wrote it"
        )
    try:
        values["phases"] = [
            Phase(**each) if isinstance(each, dict) else each for each in values.get("phases", ())
        ]
    except TypeError as error:
        raise InputError(f"'{path}' is damaged: its phases are no phases ({error}); train again") from error
    return replace(TrainSpec(), **{name: _as_tuples(value) for name, value in values.items()})


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value
