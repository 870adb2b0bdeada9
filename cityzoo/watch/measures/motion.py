"""Trails and the usual flow of one camera, shared by all its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cityzoo.watch.measures.flow_field import FlowField, locate
from cityzoo.watch.measures.trails import Trails
from cityzoo.watch.scene import Ground

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation


class Motion:
    """How the vehicles of a camera move now, and how they usually do.

    Args:
        ground: for speeds in metres.
    """

    def __init__(self, ground: Ground | None = None) -> None:
        self.trails, self.field = Trails(ground), FlowField()

    def update(self, observation: Observation) -> None:
        """Take a frame; a second call with the same frame changes nothing."""
        if self.trails.update(observation):
            self.field.update(self.trails)

    def is_opposite(self, box: np.ndarray) -> np.ndarray:
        """Return which tracks (N,) are where traffic usually goes the opposite way to that at a box."""
        center = (box[:2] + box[2:]) / 2 / self.trails.scale
        here = self.field.directions(locate(center[None]))[0]
        return self.field.ways @ here < 0
