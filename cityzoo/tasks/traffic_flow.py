"""Forecast speed or flow at many road sensors, an hour ahead in steps of five minutes."""

from __future__ import annotations

from dataclasses import dataclass

from cityzoo.data.series.reader import SeriesReader
from cityzoo.demo import FileDemo
from cityzoo.modalities.series import SERIES
from cityzoo.outputs.quantile_forecast import QuantileForecast
from cityzoo.tasks import Task


@dataclass(frozen=True)
class FiveMinuteSeriesReader(SeriesReader):
    """Read a series; one without times, as in benchmark files, gets those of the Los-loop data set."""

    assumed: tuple[str, str] = ("2012-03-01", "5min")


def demo() -> FileDemo:
    """Return simulated sensors: rush hours, incidents, wet days, gaps."""
    from cityzoo.demo.sensors import traffic_sensors

    return FileDemo("traffic_flow", traffic_sensors.VERSION, traffic_sensors.write)


TASK = Task(
    summary="speed or flow of road sensors for the next hour, with intervals",
    modality=SERIES,
    output=QuantileForecast,
    reader=FiveMinuteSeriesReader,
    demo=demo,
    monitor="loss",
    defaults={
        "backbone": "stid",
        "epochs": 20,
        "batch_size": 32,
        "learning_rate": 0.004,
        "weight_decay": 0.001,
        "clip_norm": 1.0,
        "patience": 20,
    },
)
