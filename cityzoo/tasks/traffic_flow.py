"""Forecast speed or flow at many road sensors, an hour ahead in steps of five minutes."""

from dataclasses import dataclass

from cityzoo.demo import SeriesDemo
from cityzoo.outputs.quantile_forecast import HEEDS, Forecasting, ReadsSeries, check
from cityzoo.tasks import Task


@dataclass(frozen=True)
class FiveMinuteSeriesReader(ReadsSeries):
    """Read a series; one that has no times, as benchmark files have none, is taken as theirs."""

    assumed: tuple[str, str] = ("2012-03-01", "5min")


def demo() -> SeriesDemo:
    """Return simulated sensors: rush hours, incidents, wet days, gaps."""
    from cityzoo.demo.sensors import traffic_sensors

    return SeriesDemo("traffic_flow", traffic_sensors.VERSION, traffic_sensors.write)


TASK = Task(
    summary="speed or flow of road sensors, the next hour with intervals",
    output=Forecasting,
    demo=demo,
    monitor="mae_60min",
    defaults={
        "backbone": "stid",
        "batch_size": 32,
        "learning_rate": 0.004,
        "weight_decay": 0.001,
        "clip_norm": 1.0,
    },
    reader=FiveMinuteSeriesReader,
    course="cityzoo.modalities.series",
    check=check,
    heeds=HEEDS,
)
