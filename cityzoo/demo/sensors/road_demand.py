"""How much traffic wants onto a town's motorways, and what hinders it: rush hours, weather, incidents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.demo.sensors.faults import drift, generator, local_clock
from cityzoo.demo.sensors.road_flow import capacities
from cityzoo.demo.sensors.road_network import DIRECTIONS, Network

MORNINGS = np.array([1.0, 0.62, 1.0, 0.58])  # of the corridors' rush hours: into town by north and east,
EVENINGS = np.array([0.66, 1.0, 0.6, 1.0])  # home again by south and west
INCIDENTS_A_DAY = 2.0


@dataclass(frozen=True)
class Incident:
    """Hold one incident: a sensor's cell lets only a share of its capacity through.

    Attributes:
        sensor: position of the sensor.
        begin: datetime64[s] UTC.
        minutes: until half the road is free again; all of it is after half as long again.
        left: share of capacity, 0..1.
    """

    sensor: int
    begin: np.datetime64
    minutes: float
    left: float


def rush_hours(times: np.ndarray) -> np.ndarray:
    """Return (T, 4) float64, traffic that wants to enter each corridor, 1 at its usual peak.

    times: (T,) datetime64[s] UTC.
    """
    hours, days = local_clock(times)
    hours, days = hours[:, None], days[:, None]
    friday = days == 4

    def hump(middle: float | np.ndarray, width: float) -> np.ndarray:
        return np.exp(-0.5 * ((hours - middle) / width) ** 2)

    awake = 1 / (1 + np.exp(-(hours - 6.0) / 0.5)) / (1 + np.exp((hours - 21.0) / 0.9))
    fall = np.where(friday, 0.85, 1.0)
    weekday = 0.09 + 0.46 * awake + 0.5 * MORNINGS * fall * hump(7.8, 0.8)
    weekday = weekday + 0.48 * EVENINGS * hump(np.where(friday, 16.0, 17.1), 1.2)
    weekend = 0.08 + np.where(days == 5, 0.6, 0.5) * hump(14.5, 3.6) + 0.05 * hump(0.5, 1.5)
    return np.where(days < 5, weekday, np.broadcast_to(weekend, weekday.shape))


def draw_demand(network: Network, times: np.ndarray, seed: int) -> np.ndarray:
    """Return (T, N) float64 veh/h that want to enter at each cell.

    The usual amount brings the fullest cell of a corridor just over its capacity at its rush hour; days
    differ, hours drift, and platoons come and go.
    """
    rng = generator(seed, 1)
    step_minutes = float((times[1] - times[0]).astype(int)) / 60
    over = rng.uniform(1.04, 1.2, len(DIRECTIONS))  # of capacity, at the rush hour
    amount = network.entering.copy()
    for _ in range(8):  # corridors turn into each other
        load = np.linalg.solve(np.eye(len(amount)) - network.moves.T, amount) / capacities(network)
        fullest = np.array([load[network.corridors == k].max() for k in range(len(DIRECTIONS))])
        amount = amount * (over / fullest)[network.corridors]
    usual = rush_hours(times)[:, network.corridors] * amount
    days = ((times - times[0]).astype(np.int64) // 86400).astype(int)
    daily = rng.normal(0, 0.03, (days[-1] + 1, 1)) + rng.normal(0, 0.035, (days[-1] + 1, len(DIRECTIONS)))
    hourly = 0.08 * drift(rng, (len(times), len(amount)), 35 / step_minutes)
    platoons = rng.normal(0, 0.08, (len(times), len(amount)))
    return usual * np.exp(daily[days][:, network.corridors] + hourly + platoons)


def draw_weather(times: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how hard it rains or snows (T,) float64 0..1, and the day's worst (T,) that roads stay slow by.

    Every fourth day or so it rains for some hours; now and then it snows all day.
    """
    rng = generator(seed, 2)
    step_hours = float((times[1] - times[0]).astype(int)) / 3600
    hours = np.arange(len(times)) * step_hours
    wet = np.zeros(len(times))
    at = rng.exponential(40.0)
    while at < hours[-1]:
        worst_day = rng.random() < 0.2
        length = rng.uniform(12, 20) if worst_day else rng.uniform(2, 9)
        strength = rng.uniform(0.75, 1.0) if worst_day else rng.uniform(0.25, 0.7)
        spell = np.clip(np.minimum(hours - at, at + length - hours) / 0.75, 0, 1)
        wet = np.maximum(wet, strength * spell)
        at += length + rng.exponential(75.0)
    gusts = np.clip(1 + 0.2 * drift(rng, (len(times),), 0.5 / step_hours), 0.3, 1.5)
    return np.clip(wet * gusts, 0, 1), wet


def draw_fluctuation(times: np.ndarray, sensors: int, seed: int) -> np.ndarray:
    """Return (T, N) float64 factors about 1 on capacity, which is chance itself: lorries, lane changes, gaps.

    It is what makes waves of stop and go run upstream through a jam (Brilon, Geistefeldt, Regler 2005).
    """
    step_minutes = float((times[1] - times[0]).astype(int)) / 60
    return np.exp(0.09 * drift(generator(seed, 7), (len(times), sensors), 10 / step_minutes))


def draw_incidents(network: Network, times: np.ndarray, seed: int) -> tuple[Incident, ...]:
    """Return incidents between 5 and 22 o'clock, where and when there is most traffic."""
    rng = generator(seed, 3)
    busy = rush_hours(times)
    hours, _ = local_clock(times)
    chance = np.where(((hours >= 5) & (hours < 22))[:, None], busy, 0).ravel()
    days = float((times[-1] - times[0]).astype(np.int64)) / 86400
    found = []
    for place in np.sort(
        rng.choice(chance.size, rng.poisson(INCIDENTS_A_DAY * days), p=chance / chance.sum())
    ):
        step, corridor = divmod(int(place), busy.shape[1])
        sensor = int(rng.choice(np.flatnonzero(network.corridors == corridor)))
        minutes = float(np.clip(np.exp(rng.normal(np.log(40), 0.5)), 15, 110))
        found.append(Incident(sensor, times[step], minutes, float(rng.uniform(0.15, 0.6))))
    return tuple(found)


def blocked_by(incidents: tuple[Incident, ...], times: np.ndarray, sensors: int) -> np.ndarray:
    """Return (T, N) float64, share of capacity that incidents leave, 1 where there is none."""
    left = np.ones((len(times), sensors))
    for incident in incidents:
        minutes = (times - incident.begin).astype(np.int64) / 60
        now = (minutes >= 0) & (minutes < incident.minutes)
        after = (minutes >= incident.minutes) & (minutes < 1.5 * incident.minutes)
        left[now, incident.sensor] = np.minimum(left[now, incident.sensor], incident.left)
        left[after, incident.sensor] = np.minimum(left[after, incident.sensor], (1 + incident.left) / 2)
    return left
