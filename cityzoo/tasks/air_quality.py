"""Forecast what air stations measure, a day ahead in steps of an hour."""

from __future__ import annotations

from cityzoo.data.series.reader import SeriesReader
from cityzoo.demo import FileDemo
from cityzoo.modalities.series import SERIES
from cityzoo.outputs.quantile_forecast import QuantileForecast
from cityzoo.tasks import Task


def demo() -> FileDemo:
    """Return simulated stations: traffic peaks, still days, rain, wind between stations, gaps."""
    from cityzoo.demo.sensors import air_sensors

    return FileDemo("air_quality", air_sensors.VERSION, air_sensors.write)


TASK = Task(
    summary="PM2.5 and others at air stations for the next day, with intervals and alarms",
    modality=SERIES,
    output=QuantileForecast,
    reader=SeriesReader,
    demo=demo,
    monitor="loss",
    defaults={
        "backbone": "stid",
        "history": 24,
        "horizon": 24,
        "epochs": 20,
        "batch_size": 32,
        "learning_rate": 0.004,
        "weight_decay": 0.001,
        "clip_norm": 1.0,
        "patience": 20,
        "alarm": ("pm25 > 75 within 6h with at most 0.5 false alarms a week if possible",),
    },
)
