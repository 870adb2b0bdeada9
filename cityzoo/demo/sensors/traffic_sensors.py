"""Simulate a town's loop detectors: speed and flow of 40 sensors every five minutes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.data.series.series import Series
from cityzoo.demo.folder import write_once
from cityzoo.demo.sensors.faults import ZONE, Outage, apply_outages, check_days, generator, plan_outages
from cityzoo.demo.sensors.files import write_wide
from cityzoo.demo.sensors.road_demand import (
    Incident,
    blocked_by,
    draw_demand,
    draw_fluctuation,
    draw_incidents,
    draw_weather,
)
from cityzoo.demo.sensors.road_flow import simulate_flow
from cityzoo.demo.sensors.road_network import Network, adjacency, distances, draw_network

VERSION = 1  # of the simulation; goes into the name of the cache folder
DAYS = 42
STEP_SECONDS = 300
A_DAY = 86400 // STEP_SECONDS
FIRST = np.datetime64("2025-08-31T22:00:00", "s")  # Monday, 1 September 2025, 00:00 by the town's clocks
NIGHT = 21 * 3600 // STEP_SECONDS  # steps from 03:00, when roads are empty, to midnight
WARM_UP = 3600 // STEP_SECONDS
LOST = 0.01  # of messages
CHANNELS, UNITS = ("speed", "flow"), ("km/h", "veh/h")


@dataclass(frozen=True)
class TrafficDemo:
    """Hold simulated measurements and what was behind them.

    Attributes:
        series: what the sensors say: speed km/h and flow veh/h.
        truth: (T, N, 2) float32, what they would say without noise and gaps.
        network: the roads.
        incidents: what blocked them.
        wet: (T,) float32 0..1, how hard it rained or snowed.
        outages: when which sensors said nothing; single lost messages come on top.
    """

    series: Series
    truth: np.ndarray
    network: Network
    incidents: tuple[Incident, ...]
    wet: np.ndarray
    outages: tuple[Outage, ...]


def simulate_traffic(seed: int = 0, days: int = DAYS) -> Series:
    """Return what 40 sensors on a town's motorways measured; equal arguments give equal bytes.

    Speed falls in rush hours, which differ by direction and by day of the week, upstream of incidents, and
    in rain and snow; sensors are noisy, lose messages and fail now and then. Another seed is another town.

    Args:
        seed: 0 or more.
        days: from Monday, 1 September 2025 on, 1 to 366.

    Returns:
        values (288 days, 40, 2) float32: speed km/h and flow veh/h; weights of the roads; places.

    Raises:
        InputError: a negative seed, too many or too few days.

    Example:
        >>> series = simulate_traffic(days=1)
        >>> series.values.shape, series.channels, series.sensors[0]
        ((288, 40, 2), ('speed', 'flow'), 'north_01')
    """
    return simulate(seed, days).series


def simulate(seed: int = 0, days: int = DAYS, incidents: tuple[Incident, ...] | None = None) -> TrafficDemo:
    """Return measurements of simulate_traffic together with what was behind them.

    incidents: instead of those of the seed; all else stays as it was.
    """
    check_days(days, 1, 366)
    network = draw_network(seed)
    times = FIRST + np.arange(-NIGHT - WARM_UP, (days + 1) * A_DAY - NIGHT) * np.timedelta64(
        STEP_SECONDS, "s"
    )
    incidents = draw_incidents(network, times, seed) if incidents is None else incidents
    wet, slick = draw_weather(times, seed)
    truth = _drive(network, times, incidents, wet, slick, seed)[NIGHT : NIGHT + days * A_DAY]
    times, wet = (each[NIGHT + WARM_UP :][: len(truth)] for each in (times, wet))
    outages = plan_outages(generator(seed, 4), *truth.shape[:2], STEP_SECONDS)
    values = apply_outages(_measured(truth, generator(seed, 5)), outages, LOST, generator(seed, 6))
    roads = adjacency(network)
    series = Series(values, times, network.sensors, CHANNELS, UNITS, ZONE, roads, network.places)
    return TrafficDemo(series, truth, network, incidents, wet.astype(np.float32), outages)


def _drive(
    network: Network,
    times: np.ndarray,
    incidents: tuple[Incident, ...],
    wet: np.ndarray,
    slick: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Return speed and flow (T - WARM_UP, N, 2) float32.

    Each day from 03:00 to 03:00 is driven by itself, all days at once, on roads that were filled for an hour.
    """
    sensors = len(network.sensors)
    capacity = (1 - 0.16 * slick)[:, None] * draw_fluctuation(times, sensors, seed)
    free = np.broadcast_to((1 - 0.1 * slick - 0.08 * wet)[:, None], capacity.shape)
    blocked, demand = blocked_by(incidents, times, sensors), draw_demand(network, times, seed)
    days = (len(times) - WARM_UP) // A_DAY
    cut = np.arange(days)[:, None] * A_DAY + np.arange(WARM_UP + A_DAY)
    speed, flow = simulate_flow(network, demand[cut], capacity[cut], blocked[cut], free[cut], STEP_SECONDS)
    return np.stack([speed, flow], -1)[:, WARM_UP:].reshape(-1, sensors, 2).astype(np.float32)


def _measured(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what is left of the truth when vehicles are counted and their speeds, which differ, are averaged."""
    counts = np.maximum(rng.poisson(truth[..., 1] * STEP_SECONDS / 3600), 1)
    spread = 0.8 + 10.0 / np.sqrt(counts)
    bias = rng.normal(1.0, 0.01, truth.shape[1])  # of each detector
    speed = np.clip(truth[..., 0] * bias + rng.normal(0, 1, counts.shape) * spread, 1, None)
    return np.stack([speed.round(1), counts * (3600.0 / STEP_SECONDS)], -1)


def write(folder: str | Path, seed: int = 0, days: int = DAYS) -> Path:
    """Write simulate_traffic as a town would hand it over, and return the folder; it is written once.

    speed.csv (a column a sensor, times with their offset from UTC; what was not measured is empty), speed.yaml
    (time zone, step, unit, and where the following lie), adjacency.csv (weights of the roads), sensors.csv
    (sensor, latitude, longitude), distances.csv (from, to, km by road); the flows are in flow/flow.csv.

    Raises:
        InputError: a bad seed or number of days, or a folder with something else in it.
        OSError: the disk is full or may not be written to.
    """

    def fill(draft: Path) -> None:
        demo = simulate(seed, days)
        write_wide(draft, demo.series, distances(demo.network))

    made = {"demo": "traffic_sensors", "version": VERSION, "seed": seed, "days": days}
    return write_once(Path(folder), made, fill)
