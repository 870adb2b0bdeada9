"""Build a time-series backbone by name."""

from __future__ import annotations

import ast
import difflib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.series.sensor_stats import SensorStatistics

if TYPE_CHECKING:
    import keras

BACKBONES = ("graph_wavenet", "stid", "tcn")  # the file's name is the backbone's


def names() -> list[str]:
    """Return every backbone's name, sorted.

    Example:
        >>> names()
        ['graph_wavenet', 'stid', 'tcn']
    """
    return sorted(BACKBONES)


def rows() -> dict[str, str]:
    """Return name -> the first line of its module's docstring.

    Example:
        >>> rows()["stid"].startswith("STID")
        True
    """
    files = {name: Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8") for name in names()}
    return {name: ast.get_docstring(ast.parse(text)).splitlines()[0] for name, text in files.items()}


def build(name: str, sensors: SensorStatistics, **options: Any) -> keras.Model:
    """Build a backbone from the history of all sensors to features of each sensor, as one flat graph.

    Args:
        name: one of `names()`.
        sensors: statistics of the city, as `sensor_stats.measure_statistics` returns them.
        options: of the backbone: width, depth, node_width, dropout, week.

    Returns:
        A model that takes a dict, as `blocks.inputs` describes, and returns {"nodes": (batch, nodes, width) features,
        "last": (batch, nodes, 1) last observed value and "spread": (batch, nodes, 1) standard deviation, in the unit
        of the first channel}, float32. Plain Keras loads it.

    Raises:
        ValueError: unknown name.

    Example:
        >>> model = build("stid", SensorStatistics(12, 3, (50.0,), (10.0,)), width=8)
        >>> model.output["nodes"].shape
        (None, 3, 8)
    """
    import keras

    from zoo.series import blocks

    if name not in BACKBONES:
        near = difflib.get_close_matches(str(name), BACKBONES, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ValueError(f"unknown time-series backbone '{name}': {hint}Allowed: {', '.join(names())}")
    given = blocks.inputs(sensors)
    features = importlib.import_module(f"zoo.series.{name}").features(given, sensors, **options)
    return keras.Model(given, features, name=name)
