"""A junction of four arms: lanes, phases, saturation flows, delay of a plan, network for SUMO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.traffic_signals import sumo
from cityzoo.traffic_signals.delay import Numbers, hcm_delay, queue_delay
from cityzoo.traffic_signals.webster import Limits, Plan, make_plan, pedestrian_green

ARMS = ("north", "east", "south", "west")  # clockwise; movements are named by their entry arm
TURNS = ("left", "straight", "right")
LENGTH_M, SPEED, LANE_M, LANES_CROSSED = 500, 13.89, 3.2, 3


@dataclass(frozen=True)
class LaneGroup:
    """A lane before the stop line.

    Args:
        arm: entry.
        turns: movements that share the lane.
        phase: index of the phase that gives it green.
        saturation: saturation flow, veh/h of green.
    """

    arm: str
    turns: tuple[str, ...]
    phase: int
    saturation: float


def _lanes() -> tuple[LaneGroup, ...]:
    """Return the two lanes of each arm, with the saturation flows of SUMO's drivers (measured in the tests)."""
    groups = []
    for arm in ARMS:
        first = 0 if arm in ("north", "south") else 2
        groups.append(LaneGroup(arm, ("straight", "right"), first, 1680.0))
        groups.append(LaneGroup(arm, ("left",), first + 1, 1600.0))
    return tuple(groups)


@dataclass(frozen=True)
class Junction:
    """A signalized junction: four arms with two lanes each, four phases without conflicts.

    Args:
        lanes: lane groups.
        phases: names, in their order in the cycle.
        amber: seconds; 3 at 50 km/h.
        all_red: seconds after amber to clear the junction.
        start_lag: seconds lost at the start of a green.
        limits: of plans; long enough for pedestrians in the phases that they cross in.
    """

    lanes: tuple[LaneGroup, ...] = field(default_factory=_lanes)
    phases: tuple[str, ...] = ("north-south", "north-south left", "east-west", "east-west left")
    amber: int = 3
    all_red: int = 2
    start_lag: int = 1
    limits: Limits = Limits((pedestrian_green(LANES_CROSSED * LANE_M, 5), 5) * 2)

    def lane_flows(self, flows: np.ndarray) -> np.ndarray:
        """Return the flow of each lane group, (..., lanes) veh/h, from movements (..., 4 arms, 3 turns)."""
        columns = [
            sum(flows[..., ARMS.index(lane.arm), TURNS.index(turn)] for turn in lane.turns)
            for lane in self.lanes
        ]
        return np.stack(columns, axis=-1)

    def flow_ratios(self, flows: np.ndarray) -> np.ndarray:
        """Return each phase's critical flow / saturation flow, (phases,), from movements (4, 3) veh/h."""
        ratios = self.lane_flows(flows) / [lane.saturation for lane in self.lanes]
        phase = np.array([lane.phase for lane in self.lanes])
        return np.array([ratios[phase == i].max() for i in range(len(self.phases))])

    def plan(self, flows: np.ndarray) -> Plan:
        """Return Webster's plan for movements (4 arms, 3 turns) veh/h."""
        return make_plan(
            [float(y) for y in self.flow_ratios(flows)],
            self.amber + self.all_red,
            self.limits,
            self.start_lag,
        )

    def delay(self, plan: Plan, flows: np.ndarray, hours: float, queue: Numbers = 0.0) -> np.ndarray:
        """Return the mean delay by the formula, (...) s/veh, lanes weighted by their flow.

        Args:
            plan: greens.
            flows: movements (..., 4 arms, 3 turns) veh/h.
            hours: their duration.
            queue: (..., lanes) vehicles of the initial queue, or 0.
        """
        of_lanes, (green, saturation) = self.lane_flows(flows), self._served(plan)
        delays = hcm_delay(of_lanes, saturation, green, plan.cycle, hours)
        delays = delays + queue_delay(queue, of_lanes, saturation * green / plan.cycle, hours)[0]
        return (delays * of_lanes).sum(-1) / np.maximum(of_lanes.sum(-1), 1e-9)

    def queue_left(self, plan: Plan, flows: np.ndarray, hours: float, queue: Numbers = 0.0) -> np.ndarray:
        """Return the vehicles over capacity at the end, (..., lanes); arguments as of `delay`."""
        green, saturation = self._served(plan)
        return queue_delay(queue, self.lane_flows(flows), saturation * green / plan.cycle, hours)[1]

    def _served(self, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        greens = [plan.effective_greens[lane.phase] for lane in self.lanes]
        return np.array(greens, float), np.array([lane.saturation for lane in self.lanes])

    def states(self, phase: int) -> tuple[str, str, str]:
        """Return SUMO's states of a phase's green, amber and all-red: one letter per movement, arms then turns."""
        served = {(lane.arm, turn) for lane in self.lanes if lane.phase == phase for turn in lane.turns}
        letters = ["G" if (arm, turn) in served else "r" for arm in ARMS for turn in TURNS]
        green = "".join(letters)
        return green, green.replace("G", "y"), "r" * len(letters)


def exit_arm(arm: str, turn: str) -> str:
    """Return the arm that a movement leaves by, in right-hand traffic.

    Example:
        >>> [exit_arm("north", turn) for turn in TURNS]
        ['east', 'south', 'west']
    """
    return ARMS[(ARMS.index(arm) + 1 + TURNS.index(turn)) % 4]


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
    sumo.call("netconvert", [*given, "--output-file=junction.net.xml", "--no-turnarounds"], folder)
