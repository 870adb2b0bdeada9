"""Learning curve of a run, from its history.csv."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cityzoo.report.charts import SvgChart, draw_chart
from cityzoo.report.layout import Chart

CHART = Chart("Learning curve", "history", "epoch", "value", "epoch", "")


def read_history(file: str | Path, columns: Iterable[str]) -> dict[str, list[float]]:
    """Return columns of a run's `history.csv`; NaN where an epoch has no value.

    Example:
        >>> read_history("no/such/history.csv", ["val_AP"])
        {}
    """
    if not Path(file).is_file():
        return {}
    with open(file, newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    history = {name: [_number(row.get(name)) for row in rows] for name in columns}
    return {name: values for name, values in history.items() if not all(map(math.isnan, values))}


def learning_curve(history: Mapping[str, Sequence[float]], names: Mapping[str, str]) -> SvgChart:
    """Return metrics over the epochs as a chart, with the last values in its legend.

    Args:
        history: column -> one value per epoch; lines skip NaN.
        names: column -> name of its line.

    Returns:
        An empty chart for fewer than two epochs.

    Example:
        >>> chart = learning_curve({"val_AP": [0.1, math.nan, 0.3]}, {"val_AP": "AP"})
        >>> chart.legend[0].name, chart.svg[:4], learning_curve({}, {}).svg
        ('AP 0.300', '<svg', '')
    """
    lines = {
        f"{names[column]} {_last(values):.3f}": {"epoch": range(1, len(values) + 1), "value": values}
        for column, values in history.items()
    }
    return draw_chart(CHART, {"history": lines})


def _last(values: Sequence[float]) -> float:
    return next(value for value in reversed(values) if not math.isnan(value))


def _number(cell: str | None) -> float:
    try:
        value = float(cell or "nan")
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
