"""SUMO, the traffic simulation of the extra `signals`: location, calls, network of a junction, signal programs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
