"""Roads from empty to jammed, seen from high poles, with exact boxes around the vehicles."""

from __future__ import annotations

from functools import partial

from cityzoo.demo.scenes.road import choose_view
from cityzoo.demo.scenes.traffic_scene import Plan, Scene, Setting, generator, plan_scene, shoot
from cityzoo.demo.scenes.vehicle_placement import Density
from cityzoo.demo.scenes.vehicles import CLASS_NAMES

__all__ = ["CLASS_NAMES", "FLOWS", "VERSION", "draw_scene", "plan_jam"]

VERSION = 1  # of the rendering; part of the cache folder's name

# Higher poles than usual: from a low one the first vehicles of a jam hide all others.
HIGH_LAYOUTS = {
    "motorway": (3, (12.0, 18.0), (18.0, 26.0), (-9.0, 9.0), (0.85, 1.2)),
    "street": (2, (10.0, 14.0), (19.0, 27.0), (6.0, 18.0), (0.8, 1.1)),
    "junction": (1, (11.0, 16.0), (22.0, 30.0), (-18.0, 18.0), (0.75, 1.0)),
    "overview": (2, (16.0, 23.0), (26.0, 36.0), (-25.0, 25.0), (0.75, 1.1)),
}
# Full roads have fewer large vehicles, since they hide small ones.
FULL_ROAD = ((0.70, 0), (0.05, 1), (0.09, 2), (0.16, 3))
FLOWS = {
    "free": Density(((1, 500.0), (1, 160.0), (1, 80.0)), first_m=110.0, parked=0.1),
    "dense": Density(
        ((1, 15.0), (1, 10.0), (1, 7.0)), parked=0.3, most=48, nearest=True, class_shares=FULL_ROAD
    ),
    "jam": Density(
        ((1, 0.4), (1, 1.2)), (0.4, 1.5), 5.0, 0.9, parked=0.2, most=50, nearest=True, class_shares=FULL_ROAD
    ),
}


def flow_of(seed: int) -> str:
    """Return the traffic flow of a seed: a name in FLOWS, each for a third of the seeds."""
    return list(FLOWS)[int(generator(seed, 8).integers(len(FLOWS)))]


def plan_jam(seed: int, size_hw: tuple[int, int] = (288, 384)) -> Plan:
    """Return the plan of a scene with the traffic flow of its seed; see `plan_scene`."""
    flow = flow_of(seed) if seed >= 0 else "free"  # plan_scene refuses a negative seed
    return plan_scene(seed, size_hw, setting=Setting(partial(choose_view, layouts=HIGH_LAYOUTS), FLOWS[flow]))


def draw_scene(seed: int, size_hw: tuple[int, int] = (288, 384)) -> Scene:
    """Render a road with free flow, dense traffic or a jam; equal arguments give equal bytes.

    Arguments and errors are those of `traffic_scene.draw_scene`.
    """
    return shoot(plan_jam(seed, size_hw))
