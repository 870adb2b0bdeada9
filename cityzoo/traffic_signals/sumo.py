"""SUMO, the simulation of the extra `signals`: calls, network of a junction, signal programs, results."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from cityzoo.errors import InputError
from cityzoo.traffic_signals.junction import ARMS, LANE_M, LENGTH_M, SPEED, TURNS, Junction, exit_arm
from cityzoo.traffic_signals.webster import Plan

EMPTYING = 7200  # seconds that the last plan is extended by, to clear the queues
INSTALL = 'pip install "cityzoo[signals]"'


def sumo_home() -> Path:
    """Return the folder of SUMO: of the package eclipse-sumo, else the environment variable SUMO_HOME.

    Raises:
        InputError: SUMO is not installed.
    """
    spec = importlib.util.find_spec("sumo")
    packages = list(spec.submodule_search_locations or ()) if spec else []
    for folder in (*packages, os.environ.get("SUMO_HOME", "")):
        if folder and (Path(folder) / "bin").is_dir():
            return Path(folder)
    raise InputError(f"SUMO is not installed (package eclipse-sumo): run {INSTALL}")


def call(program: str, arguments: Sequence[str], folder: Path) -> None:
    """Run SUMO's program "sumo" or "netconvert" in a folder, without its output; files are relative to the folder.

    Raises:
        InputError: SUMO is not installed, or failed; with the end of its output.
    """
    home = sumo_home()
    command = [str(home / "bin" / program), *arguments]
    environment = {**os.environ, "SUMO_HOME": str(home)}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if ran.returncode:
        output = " ".join((ran.stderr or ran.stdout).split())[-300:]
        raise InputError(f"SUMO's {program} failed with code {ran.returncode}: {output}")


def _element(name: str, **attributes: Any) -> str:
    words = " ".join(f'{key.rstrip("_")}="{value}"' for key, value in attributes.items())
    return f"  <{name} {words}/>"


def write_xml(file: Path, root: str, lines: Sequence[str]) -> None:
    """Write XML elements, one per line."""
    file.write_text("\n".join([f"<{root}>", *lines, f"</{root}>", ""]))


def write_network(junction: Junction, folder: Path) -> None:
    """Write the junction as SUMO's network, junction.net.xml, through netconvert.

    Raises:
        InputError: SUMO is not installed.
    """
    ends = {"north": (0, LENGTH_M), "east": (LENGTH_M, 0), "south": (0, -LENGTH_M), "west": (-LENGTH_M, 0)}
    nodes = [_element("node", id="centre", x=0, y=0, type="traffic_light")]
    nodes += [_element("node", id=arm, x=x, y=y, type="priority") for arm, (x, y) in ends.items()]
    edges: list[str] = []
    ways: list[str] = []
    links: list[str] = []
    for arm in ARMS:
        road = {"speed": SPEED, "width": LANE_M}
        edges.append(_element("edge", id=f"{arm}_in", from_=arm, to="centre", numLanes=2, **road))
        edges.append(_element("edge", id=f"{arm}_out", from_="centre", to=arm, numLanes=1, **road))
        for turn in TURNS:
            lane = 1 if turn == "left" else 0
            way = {"from_": f"{arm}_in", "to": f"{exit_arm(arm, turn)}_out", "fromLane": lane, "toLane": 0}
            ways.append(_element("connection", **way))
            links.append(_element("connection", **way, tl="centre", linkIndex=len(links)))
    phases = [_element("phase", duration=10, state=state) for i in range(4) for state in junction.states(i)]
    logic = ['  <tlLogic id="centre" type="static" programID="0" offset="0">', *phases, "  </tlLogic>"]
    write_xml(folder / "junction.nod.xml", "nodes", nodes)
    write_xml(folder / "junction.edg.xml", "edges", edges)
    write_xml(folder / "junction.con.xml", "connections", ways)
    write_xml(folder / "junction.tll.xml", "tlLogics", [*logic, *links])
    files = {"node": "nod", "edge": "edg", "connection": "con", "tllogic": "tll"}
    given = [f"--{kind}-files=junction.{short}.xml" for kind, short in files.items()]
    call("netconvert", [*given, "--output-file=junction.net.xml", "--no-turnarounds"], folder)


def cycles(plans: Sequence[Plan], period: int) -> list[Plan]:
    """Return the plan of each cycle, in order: a plan starts with the first cycle after the start of its period.

    A change of plans never cuts a cycle. The last plan is extended by two hours. `period` is in minutes.

    Example:
        >>> short, long = Plan((15, 15), 5), Plan((35, 35), 5)
        >>> [plan.cycle for plan in cycles([short, long], 2)][:5]
        [40, 40, 40, 80, 80]
    """
    second, run = 0, []
    end = 60 * period * len(plans) + EMPTYING
    while second < end:
        plan = plans[min(second // (60 * period), len(plans) - 1)]
        run.append(plan)
        second += plan.cycle
    return run


def period_program(junction: Junction, plans: Sequence[Plan], period: int, start: int) -> list[str]:
    """Return the XML lines of a program with one plan per period (minutes), from a second of the day on."""
    lines = [f'  <tlLogic id="centre" type="static" programID="by_period" offset="{start}">']
    for plan in cycles(plans, period):
        for phase, green in enumerate(plan.greens):
            lines += _one_phase(junction, phase, green)
    return [*lines, "  </tlLogic>"]


def actuated_program(junction: Junction, longest: Sequence[int], start: int) -> list[str]:
    """Return the XML lines of SUMO's actuated program: a green ends when no car follows within 3 seconds.

    `longest` is the longest green of each phase in seconds, `start` the second of the day at which it starts.
    """
    lines = [f'  <tlLogic id="centre" type="actuated" programID="actuated" offset="{start}">']
    for phase, (least, most) in enumerate(zip(junction.limits.min_green, longest, strict=True)):
        green, *clearing = _one_phase(junction, phase, least)
        lines += [green.replace("/>", f' minDur="{least}" maxDur="{max(most, least + 1)}"/>'), *clearing]
    return [*lines, "  </tlLogic>"]


def _one_phase(junction: Junction, phase: int, green: int) -> list[str]:
    seconds = (green, junction.amber, junction.all_red)
    shown = zip(seconds, junction.states(phase), strict=True)
    return [f'    <phase duration="{duration}" state="{state}"/>' for duration, state in shown]


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
        program: XML lines of a tlLogic, see `period_program`.
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
    call("sumo", [*options, *written, "--no-step-log", "--no-warnings"], folder)
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
