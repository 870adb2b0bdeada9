"""Traffic demand on motorways and reductions of their capacity: rush hours, weather, incidents."""

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
    """One incident, which reduces the capacity of a sensor's cell."""

    sensor: int  # position of the sensor
    begin: np.datetime64  # datetime64[s] UTC
    # duration until half of the lost capacity returns; all of it returns after half as long again
    minutes: float
    left: float  # remaining share of capacity, 0..1


def rush_hours(times: np.ndarray) -> np.ndarray:
    """Return the demand of each corridor, (T, 4) float64, 1 at its usual peak.

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
    """Return the demand at each cell, (T, N) float64 veh/h.

    At rush hour the usual demand slightly exceeds the capacity of the fullest cell of a corridor; it varies by day,
    hour and platoon.
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
    """Return the precipitation (T,) float64 0..1, and the maximum of the day (T,), which keeps roads slow.

    It rains for some hours on about every fourth day, and rarely snows all day.
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
    """Return random factors of the capacity, (T, N) float64 around 1: trucks, lane changes, gaps.

    They cause stop-and-go waves that move upstream through a jam (Brilon, Geistefeldt, Regler 2005).
    """
    step_minutes = float((times[1] - times[0]).astype(int)) / 60
    return np.exp(0.09 * drift(generator(seed, 7), (len(times), sensors), 10 / step_minutes))


def draw_incidents(network: Network, times: np.ndarray, seed: int) -> tuple[Incident, ...]:
    """Return incidents between 5:00 and 22:00, more often in dense traffic."""
    rng = generator(seed, 3)
    busy = rush_hours(times)
    hours, _ = local_clock(times)
    chance = np.where(((hours >= 5) & (hours < 22))[:, None], busy, 0).ravel()
    days = float((times[-1] - times[0]).astype(np.int64)) / 86400
    found = []
    places = rng.choice(chance.size, rng.poisson(INCIDENTS_A_DAY * days), p=chance / chance.sum())
    for place in np.sort(places):
        step, corridor = divmod(int(place), busy.shape[1])
        sensor = int(rng.choice(np.flatnonzero(network.corridors == corridor)))
        minutes = float(np.clip(np.exp(rng.normal(np.log(40), 0.5)), 15, 110))
        found.append(Incident(sensor, times[step], minutes, float(rng.uniform(0.15, 0.6))))
    return tuple(found)


def blocked_capacity(incidents: tuple[Incident, ...], times: np.ndarray, sensors: int) -> np.ndarray:
    """Return the share of capacity left by incidents, (T, N) float64, 1 without incidents."""
    left = np.ones((len(times), sensors))
    for incident in incidents:
        minutes = (times - incident.begin).astype(np.int64) / 60
        now = (minutes >= 0) & (minutes < incident.minutes)
        after = (minutes >= incident.minutes) & (minutes < 1.5 * incident.minutes)
        left[now, incident.sensor] = np.minimum(left[now, incident.sensor], incident.left)
        left[after, incident.sensor] = np.minimum(left[after, incident.sensor], (1 + incident.left) / 2)
    return left
