"""Simulation of a day's vehicles and a signal program in SUMO: delays, stops, queues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from cityzoo.errors import InputError
from cityzoo.traffic_signals import sumo
from cityzoo.traffic_signals.junction import ARMS
from cityzoo.traffic_signals.sumo import EMPTYING, write_xml


@dataclass(frozen=True)
class SimulationResult:
    """Result of a simulation, one entry per vehicle, in the order of the demand.

    Args:
        arrivals: second of the day at which the vehicle arrives.
        delay: seconds lost compared with its free speed, and while waiting to enter a full road.
        stops: number of stops.
        longest_queue: maximum number of vehicles in one lane.
        unfinished: vehicles still on the road two hours after the end; their delay is that until then.
    """

    arrivals: np.ndarray
    delay: np.ndarray
    stops: np.ndarray
    longest_queue: int
    unfinished: int = 0

    def mean_delay(self, hours: tuple[float, float] = (0, 24)) -> float:
        """Return the mean delay of vehicles that arrive between two hours of the day, s/veh; NaN for none.

        Example:
            >>> day = SimulationResult(np.array([0.0, 30000]), np.array([4.0, 8]), np.ones(2), 3)
            >>> day.mean_delay(), day.mean_delay((0, 1)), day.vehicles((0, 1))
            (6.0, 4.0, 1)
        """
        delay = self.delay[self._within(hours)]
        return float(delay.mean()) if len(delay) else float("nan")

    def vehicles(self, hours: tuple[float, float] = (0, 24)) -> int:
        """Return the number of vehicles that arrive between two hours of the day."""
        return int(self._within(hours).sum())

    def _within(self, hours: tuple[float, float]) -> np.ndarray:
        return (self.arrivals >= 3600 * hours[0]) & (self.arrivals < 3600 * hours[1])


def simulate(
    folder: Path, routes: str, arrivals: np.ndarray, program: Sequence[str], hours: tuple[int, int], name: str
) -> SimulationResult:
    """Run SUMO without a window.

    Args:
        folder: with junction.net.xml and the routes; SUMO writes there too.
        routes: file name of the demand.
        arrivals: second of each of its vehicles, see `write_routes`.
        program: XML lines of a tlLogic, see `sumo`.
        hours: start and end of the demand; the simulation lasts two hours longer.
        name: prefix of the files of this run.

    Raises:
        InputError: SUMO is not installed, or failed.
    """
    queue = f'file="{name}.queue.xml" period="900" pos="0" endPos="-0.1"'
    watched = [f"{arm}_in_{lane}" for arm in ARMS for lane in (0, 1)]
    detectors = [f'  <laneAreaDetector id="{lane}" lane="{lane}" {queue}/>' for lane in watched]
    write_xml(folder / f"{name}.add.xml", "additional", [*program, *detectors])
    given = {
        "net-file": "junction.net.xml",
        "route-files": routes,
        "additional-files": f"{name}.add.xml",
        "tripinfo-output": f"{name}.trips.xml",
        "begin": 3600 * hours[0],
        "end": 3600 * hours[1] + EMPTYING,
        "time-to-teleport": -1,
        "xml-validation": "never",
        "seed": 1,
    }
    written = ("--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted")
    options = [f"--{key}={value}" for key, value in given.items()]
    sumo.call("sumo", [*options, *written, "--no-step-log", "--no-warnings"], folder)
    trips, jams = folder / f"{name}.trips.xml", folder / f"{name}.queue.xml"
    delay, stops, unfinished = _read_trips(trips, len(arrivals))
    trips.unlink()  # large
    longest = [int(row.get("maxJamLengthInVehicles", 0)) for row in ElementTree.parse(jams).getroot()]
    return SimulationResult(arrivals, delay, stops, max(longest, default=0), unfinished)


def _read_trips(file: Path, count: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return delay and stops of each vehicle, and the number of unfinished ones."""
    unfinished, delay, stops = 0, np.full(count, np.nan), np.zeros(count)
    for _, trip in ElementTree.iterparse(file):
        if trip.tag == "tripinfo":
            vehicle = int(trip.get("id", -1))
            delay[vehicle] = float(trip.get("timeLoss", 0)) + float(trip.get("departDelay", 0))
            stops[vehicle] = int(trip.get("waitingCount", 0))
            unfinished += float(trip.get("arrival", -1)) < 0
            trip.clear()
    if np.isnan(delay).any():
        raise InputError(
            f"SUMO reported {count - int(np.isnan(delay).sum())} of {count} vehicles; lower the demand"
        )
    return delay, stops, unfinished
