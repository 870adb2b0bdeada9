"""Let a day's vehicles meet a signal programme in SUMO, and measure their delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from cityzoo.errors import InputError
from cityzoo.traffic_signals import sumo
from cityzoo.traffic_signals.junction import ARMS, write_xml
from cityzoo.traffic_signals.sumo_programs import EMPTYING


@dataclass(frozen=True)
class Measured:
    """Hold what a simulation showed, an entry a vehicle, in the order of their numbers in the demand.

    Args:
        came: second of the day at which it came to the junction's road.
        delay: seconds lost: time lost against its own free speed, and waiting to get onto a full road.
        stops: times it stood.
        longest_queue: vehicles that stood in one lane at most.
        unfinished: vehicles still on the way two hours after the end; their delay is what it was then.
    """

    came: np.ndarray
    delay: np.ndarray
    stops: np.ndarray
    longest_queue: int
    unfinished: int = 0

    def mean_delay(self, hours: tuple[float, float] = (0, 24)) -> float:
        """Return the mean delay of those who came between two hours of the day, s/veh; NaN if nobody did.

        Example:
            >>> day = Measured(np.array([0.0, 30000]), np.array([4.0, 8]), np.ones(2), 3)
            >>> day.mean_delay(), day.mean_delay((0, 1)), day.vehicles((0, 1))
            (6.0, 4.0, 1)
        """
        delay = self.delay[self._within(hours)]
        return float(delay.mean()) if len(delay) else float("nan")

    def vehicles(self, hours: tuple[float, float] = (0, 24)) -> int:
        """Return the number of those who came between two hours of the day."""
        return int(self._within(hours).sum())

    def _within(self, hours: tuple[float, float]) -> np.ndarray:
        return (self.came >= 3600 * hours[0]) & (self.came < 3600 * hours[1])


def simulate(
    folder: Path, routes: str, came: np.ndarray, programme: Sequence[str], hours: tuple[int, int], name: str
) -> Measured:
    """Run SUMO without a window and return what each vehicle lost.

    Args:
        folder: holds junction.net.xml and the routes; what SUMO writes goes there.
        routes: file name of the demand.
        came: second at which each of its vehicles comes, as `write_routes` returns it.
        programme: lines of a tlLogic, as `programme` makes them.
        hours: first and end of the demand; who still queues then gets two more hours.
        name: begins the names of the files of this run.

    Raises:
        InputError: there is no SUMO, or it stopped.
    """
    queue = f'file="{name}.queue.xml" period="900" pos="0" endPos="-0.1"'
    watched = [f"{arm}_in_{lane}" for arm in ARMS for lane in (0, 1)]
    detectors = [f'  <laneAreaDetector id="{lane}" lane="{lane}" {queue}/>' for lane in watched]
    write_xml(folder / f"{name}.add.xml", "additional", [*programme, *detectors])
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
    flags = [
        "tripinfo-output.write-unfinished",
        "tripinfo-output.write-undeparted",
        "no-step-log",
        "no-warnings",
    ]
    sumo.call(
        "sumo",
        [*(f"--{key}={value}" for key, value in given.items()), *(f"--{flag}" for flag in flags)],
        folder,
    )
    trips, jams = folder / f"{name}.trips.xml", folder / f"{name}.queue.xml"
    delay, stops, unfinished = _read_trips(trips, len(came))
    trips.unlink()  # large, and read
    longest = [int(row.get("maxJamLengthInVehicles", 0)) for row in ElementTree.parse(jams).getroot()]
    return Measured(came, delay, stops, max(longest, default=0), unfinished)


def _read_trips(file: Path, count: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return delay and stops of each vehicle, and how many had not got through when time was up."""
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
            f"SUMO told of {count - int(np.isnan(delay).sum())} of {count} vehicles; lower the demand"
        )
    return delay, stops, unfinished
