"""Macroscopic traffic flow: jams that grow upstream from bottlenecks and incidents, and dissolve.

Godunov's scheme (the cell transmission model: Daganzo 1994, Lebacque 1996) with the fundamental diagram of
Smulders 1990: speed decreases slowly up to the critical density, and fast beyond.
"""

from __future__ import annotations

import numpy as np

from cityzoo.demo.sensors.road_network import Network

STEP_SECONDS = 30  # no vehicle crosses a whole cell in one step
LANE_CAPACITY = 1950.0  # veh/h
JAM_DENSITY = 130.0  # veh/km of a lane
CRITICAL_SPEED = 0.8  # of the free speed, where flow is largest
CAPACITY_DROP = 0.05  # relative loss of capacity at a queue (Hall and Agyemang-Duah 1991)
RAMP_SHARE = 0.4  # share of the space in a cell for its on-ramp


def capacities(network: Network) -> np.ndarray:
    """Return the capacity of the cells on dry days, (N,) veh/h."""
    return LANE_CAPACITY * network.lanes


def simulate_flow(
    network: Network,
    entering: np.ndarray,
    capacity: np.ndarray,
    blocked: np.ndarray,
    slowed: np.ndarray,
    seconds: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return speed and flow in the middle of each cell for a given demand.

    Args:
        network: network of N cells.
        entering: (D, S, N) demand at each cell, veh/h: D days in parallel, S periods.
        capacity: (D, S, N) factors of weather on capacity, 0..1.
        blocked: (D, S, N) factors of incidents on the outflow of a cell, 0..1.
        slowed: (D, S, N) factors of weather on free speed, 0..1.
        seconds: length of a period.

    Returns:
        speed (D, S, N) km/h (mean over vehicles) and flow (D, S, N) veh/h, float64.
    """
    days, periods, cells = entering.shape
    density, queue = np.zeros((days, cells)), np.zeros((days, cells))  # veh/km, veh
    speeds, flows = np.empty(entering.shape), np.empty(entering.shape)
    inner = seconds // STEP_SECONDS
    road = _Road(network)
    for period in range(periods):
        road.set(capacity[:, period], slowed[:, period], blocked[:, period])
        flow, crowd = np.zeros((days, cells)), np.zeros((days, cells))
        for _ in range(inner):
            density, queue, now = road.advance(density, queue, entering[:, period])
            flow += now
            crowd += density
        flows[:, period] = flow / inner
        speeds[:, period] = flow / np.maximum(crowd, 1e-9)
    return speeds, flows


class _Road:
    """Cells and their parameters in one period."""

    def __init__(self, network: Network) -> None:
        self._network, self._ahead, self._hours = network, network.ahead, STEP_SECONDS / 3600
        self._on = np.where(self._ahead < 0, 1.0, network.moves[np.arange(len(self._ahead)), self._ahead])
        starts = np.isin(np.arange(len(self._ahead)), self._ahead, invert=True)
        self._ramp_share = np.where(starts, 1.0, RAMP_SHARE)
        self._turns = network.moves.copy()
        # Vehicles that go straight on need space there.
        self._turns[np.arange(len(self._ahead)), self._ahead] = 0.0

    def set(self, capacity: np.ndarray, slowed: np.ndarray, blocked: np.ndarray) -> None:
        self._most = capacities(self._network) * capacity
        self._free = self._network.free_speeds * slowed
        self._critical = self._most / (CRITICAL_SPEED * self._free)
        self._jam = JAM_DENSITY * self._network.lanes
        self._outlet = self._most * blocked

    def advance(
        self, density: np.ndarray, queue: np.ndarray, entering: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return density, queue on the ramps and flow after one step."""
        full = density > self._critical
        falling = (1 - CRITICAL_SPEED) * density / self._critical
        crowded = self._most * (self._jam - density) / (self._jam - self._critical)
        flow = np.where(full, crowded, self._free * (1 - falling) * density)
        wish = np.minimum(np.where(full, (1 - CAPACITY_DROP) * self._most, flow), self._outlet)
        room = np.where(full, crowded, self._most)
        ramp = np.minimum(entering + queue / self._hours, self._ramp_share * room)
        left = np.where(self._ahead < 0, np.inf, (room - ramp)[:, self._ahead])
        leaving = np.minimum(wish, left / self._on)
        arriving = np.zeros_like(density)
        arriving[:, self._ahead[self._ahead >= 0]] = (leaving * self._on)[:, self._ahead >= 0]
        queue = np.maximum(queue + (entering - ramp + leaving @ self._turns) * self._hours, 0.0)
        density = density + (ramp + arriving - leaving) * self._hours / self._network.lengths_km
        return np.clip(density, 0.0, 0.98 * self._jam), queue, flow
