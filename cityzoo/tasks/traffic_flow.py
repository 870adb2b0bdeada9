"""Forecast speed or flow at many road sensors, an hour ahead in steps of five minutes."""

from dataclasses import dataclass

from cityzoo.outputs.quantile_forecast import HEEDS, Forecasting, ReadsSeries, check
from cityzoo.tasks import Task


@dataclass(frozen=True)
class FiveMinuteSeriesReader(ReadsSeries):
    """Read a series; one that has no times, as benchmark files have none, is taken as theirs."""

    assumed: tuple[str, str] = ("2012-03-01", "5min")


def demo(seed: int = 0, out: str | None = None) -> str:
    """Return a folder of simulated sensors: rush hours, incidents, wet days, gaps."""
    from cityzoo import cache_dir
    from cityzoo.demo.sensors import traffic_sensors

    usual = cache_dir.cache_dir() / "demo" / f"traffic_flow-v{traffic_sensors.VERSION}-seed{seed}"
    return str(traffic_sensors.write(out or usual, seed))


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
