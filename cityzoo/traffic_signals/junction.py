"""A junction of four arms: lanes, phases, saturation flows, and the delay of a plan by formula."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cityzoo.traffic_signals.webster import Limits, Plan, make_plan, pedestrian_green

ARMS = ("north", "east", "south", "west")  # clockwise; movements are named by their entry arm
TURNS = ("left", "straight", "right")
LENGTH_M, SPEED, LANE_M, LANES_CROSSED = 500, 13.89, 3.2, 3
Numbers = float | np.ndarray


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
        places = [(ARMS.index(lane.arm), [TURNS.index(turn) for turn in lane.turns]) for lane in self.lanes]
        return np.stack([flows[..., arm, turns].sum(axis=-1) for arm, turns in places], axis=-1)

    def flow_ratios(self, flows: np.ndarray) -> np.ndarray:
        """Return each phase's critical flow / saturation flow, (phases,), from movements (4, 3) veh/h."""
        ratios = self.lane_flows(flows) / [lane.saturation for lane in self.lanes]
        phase = np.array([lane.phase for lane in self.lanes])
        return np.array([ratios[phase == i].max() for i in range(len(self.phases))])

    def plan(self, flows: np.ndarray) -> Plan:
        """Return Webster's plan for movements (4 arms, 3 turns) veh/h."""
        ratios = self.flow_ratios(flows).tolist()
        return make_plan(ratios, self.amber + self.all_red, self.limits, self.start_lag)

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


def degree_of_saturation(flow: Numbers, saturation: Numbers, green: Numbers, cycle: Numbers) -> np.ndarray:
    """Return x = v/c, flow over capacity, where capacity is saturation flow * green / cycle.

    Args:
        flow, saturation: veh/h.
        green, cycle: seconds.

    Example:
        >>> float(degree_of_saturation(720, 1800, 45, 90))
        0.8
    """
    return np.asarray(flow, float) * cycle / (np.asarray(saturation, float) * green)


def hcm_delay(
    flow: Numbers, saturation: Numbers, green: Numbers, cycle: Numbers, hours: float = 0.25
) -> np.ndarray:
    """Return the mean control delay of an isolated fixed-time signal, s/veh, also for v/c above 1.

    d1 = C (1 - l)^2 / (2 (1 - min(1, x) l)), d2 = 900 T ((x - 1) + sqrt((x - 1)^2 + 4 x / (c T))), with c the
    capacity in veh/h and T the duration of the flow in hours, without an initial queue (Highway Capacity Manual 2000,
    equations 16-11 and 16-12 with k = 0.5, I = 1). The arguments broadcast.

    Args:
        flow, saturation: veh/h.
        green, cycle: seconds, effective green.
        hours: T.

    Example:
        >>> [round(float(hcm_delay(flow, 1800, 45, 90)), 2) for flow in (720, 900, 1080)]
        [26.14, 52.5, 123.22]
    """
    x, share = degree_of_saturation(flow, saturation, green, cycle), np.asarray(green, float) / cycle
    capacity = np.asarray(saturation, float) * share
    uniform = cycle * (1 - share) ** 2 / (2 * (1 - np.minimum(x, 1) * share))
    return uniform + 900 * hours * ((x - 1) + np.sqrt((x - 1) ** 2 + 4 * x / (capacity * hours)))


def queue_delay(
    queue: Numbers, flow: Numbers, capacity: Numbers, hours: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Return the delay by an initial queue, s/veh, and the queue at the end, veh.

    d3 = 1800 Q (1 + u) t / (c T), t the hours until the queue has dissolved, at most T, u = 0 if it dissolves, else
    1 - c T (1 - min(1, x)) / Q (Highway Capacity Manual 2000, appendix F of chapter 16).

    Args:
        queue: vehicles over capacity at the start.
        flow, capacity: veh/h.
        hours: T.

    Example:
        >>> [round(float(value), 1) for value in queue_delay(30, 540, 600, 0.25)]
        [135.0, 15.0]
        >>> [round(float(value), 1) for value in queue_delay(30, 720, 600, 0.25)]
        [180.0, 60.0]
    """
    queue, flow, capacity = (np.asarray(value, float) for value in (queue, flow, capacity))
    spare = np.maximum(capacity - flow, 0)  # veh/h by which the queue shrinks
    lasts = np.minimum(hours, queue / np.maximum(spare, 1e-9))
    kept = np.where(lasts < hours, 0, 1 - spare * hours / np.maximum(queue, 1e-9))
    delay = 1800 * queue * (1 + kept) * lasts / (capacity * hours)
    return delay, np.maximum(queue + (flow - capacity) * hours, 0)
