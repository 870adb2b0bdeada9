"""Plan of a video: parts with their light, traffic and incident, and the way of every vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.ground import ground_patches
from cityzoo.demo.scenes.jam_scene import HIGH_LAYOUTS
from cityzoo.demo.scenes.light import CONDITIONS, Light, make_light
from cityzoo.demo.scenes.meshes import Thing
from cityzoo.demo.scenes.road import GroundPatch, Road, choose_view
from cityzoo.demo.scenes.scenery import place_scenery
from cityzoo.demo.scenes.traffic_scene import ENLARGED, generator
from cityzoo.demo.videos.parts import INCIDENTS, Part, part_at
from cityzoo.demo.videos.traffic import Track, plan_traffic
from cityzoo.errors import InputError, unknown

PLACE_SEED = 8  # a motorway with a free view of its lanes


@dataclass(frozen=True)
class VideoPlan:
    """Content of a video before rendering; camera pixels are those of the enlarged canvas."""

    seed: int
    place_seed: int
    parts: tuple[Part, ...]
    lights: tuple[Light, ...]
    layout: str
    camera: Camera
    road: Road
    ground: tuple[GroundPatch, ...]
    scenery: tuple[Thing, ...]
    tracks: tuple[Track, ...]

    @property
    def seconds(self) -> float:
        """Return the duration."""
        return sum(part.seconds for part in self.parts)

    @property
    def size_hw(self) -> tuple[int, int]:
        """Return height and width of the frames in pixels."""
        wide, high = self.camera.size_wh
        return high // ENLARGED, wide // ENLARGED

    def light(self, seconds: float) -> Light:
        """Return the light at a time."""
        return self.lights[part_at(self.parts, seconds)]


def plan_video(
    parts: Sequence[Part], seed: int = 0, size_hw: tuple[int, int] = (288, 384), place_seed: int = PLACE_SEED
) -> VideoPlan:
    """Return the plan of a video; equal arguments give equal plans.

    Args:
        parts: stretches with light, traffic and incident; at least one.
        seed: 0 or more, of traffic and light.
        size_hw: height and width in pixels, both even and at least 64.
        place_seed: seed of road, camera and scenery.

    Raises:
        InputError: no parts, an unknown condition or incident, or a size or seed out of range.
    """
    if not parts or seed < 0 or min(size_hw) < 64 or any(side % 2 for side in size_hw):
        raise InputError(
            f"{len(parts)} parts, seed {seed}, size {size_hw}: expected one part or more, a seed >= 0, even sides >= 64"
        )
    for part in parts:
        if part.condition not in CONDITIONS:
            raise unknown("condition", part.condition, CONDITIONS)
        if part.incident not in INCIDENTS or part.seconds <= 0:
            raise InputError(
                f"{part}: expected seconds above 0 and one of the incidents {', '.join(INCIDENTS[1:])}"
            )
    layouts = {"motorway": HIGH_LAYOUTS["motorway"]}
    layout, camera, roads = choose_view(generator(place_seed, 0), size_hw, layouts)
    scenery = place_scenery(generator(place_seed, 3), roads, camera, people=False)
    ground = ground_patches(roads, generator(place_seed, 4))
    wide, high = camera.size_wh
    enlarged = replace(
        camera, focal_px=camera.focal_px * ENLARGED, size_wh=(wide * ENLARGED, high * ENLARGED)
    )
    lights = tuple(
        make_light(part.condition, np.random.Generator(np.random.PCG64([seed, 1, k])))
        for k, part in enumerate(parts)
    )
    tracks = plan_traffic(parts, seed, roads[0])
    return VideoPlan(
        seed,
        place_seed,
        tuple(parts),
        lights,
        layout,
        enlarged,
        roads[0],
        tuple(ground),
        tuple(scenery),
        tracks,
    )
