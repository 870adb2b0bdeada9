"""Simulated loop detectors: speed and flow of 40 sensors every five minutes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.data.series.series import Series
from cityzoo.demo.sensors import road_demand
from cityzoo.demo.sensors.faults import ZONE, Outage, apply_outages, check_days, generator, plan_outages
from cityzoo.demo.sensors.files import write_wide
from cityzoo.demo.sensors.road_demand import Incident
from cityzoo.demo.sensors.road_flow import simulate_flow
from cityzoo.demo.sensors.road_network import Network, adjacency, distances, draw_network
from cityzoo.demo.write import write_once

VERSION = 1  # of the simulation; part of the cache folder's name
DAYS = 42
STEP_SECONDS = 300
A_DAY = 86400 // STEP_SECONDS
FIRST = np.datetime64("2025-08-31T22:00:00", "s")  # Monday, 1 September 2025, 00:00 local time
NIGHT = 21 * 3600 // STEP_SECONDS  # steps from 03:00, when roads are empty, to midnight
WARM_UP = 3600 // STEP_SECONDS
LOST = 0.01  # fraction of lost messages
CHANNELS, UNITS = ("speed", "flow"), ("km/h", "veh/h")


@dataclass(frozen=True)
class TrafficDemo:
    """Simulated measurements and their ground truth."""

    series: Series  # (288 days, 40, 2) float32: speed km/h and flow veh/h; weights of the roads; places
    truth: np.ndarray  # (T, N, 2) float32, the values without noise and gaps
    network: Network  # the roads
    incidents: tuple[Incident, ...]  # incidents on the roads
    wet: np.ndarray  # (T,) float32 0..1, precipitation
    outages: tuple[Outage, ...]  # outages of sensors; single messages are lost in addition


def simulate(seed: int = 0, days: int = DAYS, incidents: tuple[Incident, ...] | None = None) -> TrafficDemo:
    """Return measurements of 40 sensors on motorways and their ground truth; equal arguments give equal bytes.

    Speed drops in rush hours, which depend on direction and weekday, upstream of incidents, and in rain and snow.
    Sensors have noise, lost messages and outages. Each seed has its own town.

    Args:
        seed: 0 or more.
        days: number of days from 1 September 2025, 1 to 366.
        incidents: replace the incidents of the seed; everything else is unchanged.

    Raises:
        InputError: a negative seed, or days out of range.
    """
    check_days(days, 1, 366)
    network = draw_network(seed)
    steps = np.arange(-NIGHT - WARM_UP, (days + 1) * A_DAY - NIGHT)
    times = FIRST + steps * np.timedelta64(STEP_SECONDS, "s")
    incidents = road_demand.draw_incidents(network, times, seed) if incidents is None else incidents
    wet, _ = road_demand.draw_weather(times, seed)
    truth = _drive(network, times, incidents, seed)[NIGHT : NIGHT + days * A_DAY]
    times, wet = (each[NIGHT + WARM_UP :][: len(truth)] for each in (times, wet))
    outages = plan_outages(generator(seed, 4), len(truth), truth.shape[1], STEP_SECONDS)
    values = apply_outages(_measured(truth, generator(seed, 5)), outages, LOST, generator(seed, 6))
    roads = adjacency(network)
    series = Series(values, times, network.sensors, CHANNELS, UNITS, ZONE, roads, network.places)
    return TrafficDemo(series, truth, network, incidents, wet.astype(np.float32), outages)


def _drive(network: Network, times: np.ndarray, incidents: tuple[Incident, ...], seed: int) -> np.ndarray:
    """Return speed and flow (T - WARM_UP, N, 2) float32.

    Days from 03:00 to 03:00 are simulated in parallel, each after a warm-up of an hour.
    """
    sensors, (wet, slick) = len(network.sensors), road_demand.draw_weather(times, seed)
    capacity = (1 - 0.16 * slick)[:, None] * road_demand.draw_fluctuation(times, sensors, seed)
    free = np.broadcast_to((1 - 0.1 * slick - 0.08 * wet)[:, None], capacity.shape)
    blocked = road_demand.blocked_capacity(incidents, times, sensors)
    demand = road_demand.draw_demand(network, times, seed)
    days = (len(times) - WARM_UP) // A_DAY
    cut = np.arange(days)[:, None] * A_DAY + np.arange(WARM_UP + A_DAY)
    speed, flow = simulate_flow(network, demand[cut], capacity[cut], blocked[cut], free[cut], STEP_SECONDS)
    return np.stack([speed, flow], -1)[:, WARM_UP:].reshape(-1, sensors, 2).astype(np.float32)


def _measured(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return counts and mean speeds of a finite number of vehicles with different speeds."""
    counts = np.maximum(rng.poisson(truth[..., 1] * STEP_SECONDS / 3600), 1)
    spread = 0.8 + 10.0 / np.sqrt(counts)
    bias = rng.normal(1.0, 0.01, truth.shape[1])  # per detector
    speed = np.clip(truth[..., 0] * bias + rng.normal(0, 1, counts.shape) * spread, 1, None)
    return np.stack([speed.round(1), counts * (3600.0 / STEP_SECONDS)], -1)


def write(folder: str | Path, seed: int = 0, days: int = DAYS) -> Path:
    """Write the series of `simulate` once and return the folder.

    Files: speed.csv (one column per sensor, times with UTC offset; missing values are empty), speed.yaml (time zone,
    step, unit, paths of the other files), adjacency.csv (weights of the roads), sensors.csv (sensor, latitude,
    longitude), distances.csv (from, to, km by road), flow/flow.csv and flow/flow.yaml.

    Raises:
        InputError: a seed or number of days out of range, or a folder with other content.
        OSError: the disk is full or not writable.
    """

    def fill(draft: Path) -> None:
        demo = simulate(seed, days)
        write_wide(draft, demo.series, distances(demo.network))

    return write_once(
        Path(folder), {"demo": "traffic_sensors", "version": VERSION, "seed": seed, "days": days}, fill
    )
