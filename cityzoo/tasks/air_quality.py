"""Forecast what air stations measure, a day ahead in steps of an hour."""

from cityzoo.demo import SeriesDemo
from cityzoo.outputs.quantile_forecast import HEEDS, Forecasting, ReadsSeries, check
from cityzoo.tasks import Task


def demo() -> SeriesDemo:
    """Return simulated stations: traffic peaks, still days, rain, wind between stations, gaps."""
    from cityzoo.demo.sensors import air_sensors

    return SeriesDemo("air_quality", air_sensors.VERSION, air_sensors.write)


TASK = Task(
    summary="PM2.5 and others of air stations, the next day with intervals and alarms",
    output=Forecasting,
    demo=demo,
    monitor="mae_24h",
    defaults={
        "backbone": "stid",
        "history": 24,
        "horizon": 24,
        "batch_size": 32,
        "learning_rate": 0.004,
        "weight_decay": 0.001,
        "clip_norm": 1.0,
        "alarm": ("pm25 > 75 within 6h with 0.5 probability",),
    },
    reader=ReadsSeries,
    course="cityzoo.modalities.series",
    check=check,
    heeds=HEEDS,
)
