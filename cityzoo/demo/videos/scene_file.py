"""Scene file of a demo video for `python -m cityzoo watch`, from the known geometry of its road."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.videos.truth import SIDES, WAYS, line_of, line_position
from cityzoo.demo.videos.video_plan import VideoPlan

ZONE_M = (20.0, 75.0)  # positions along the road of the lane zones
WRONG_WAY_M = 15.0  # of the line for wrong-way vehicles, behind the counting line
SHOULDER_M = 2.5  # width
EDGE = 0.005  # share of the image: points outside are moved onto this margin
GROUND_MOST_M = 90.0  # distance of the far side of the calibrated ground
STANDS = "3s"  # on the shoulder, where nobody may stop
RULES = (
    "stopped in {way}_shoulder for 3s",
    "wrong way on {way}_wrong_way",
    "congestion in {way}_lanes for 10s",
)


def scene_of(plan: VideoPlan) -> dict:
    """Return the scene of a video as written to scene.yaml.

    It has the line of the truth, and per direction a zone of its lanes with the arrow of their traffic, a zone of its
    shoulder on which nobody may stop, a line that is forbidden to wrong-way vehicles, and the rules of alarms; and the
    calibration of the ground.
    """
    line = {"name": "road", "points": _rounded(line_of(plan)), "from": SIDES[1], "to": SIDES[0]}
    scene: dict = {"lines": [line], "zones": [], "forbidden": [], "ground": _ground(plan), "rules": []}
    for direction in sorted({direction for _, direction in plan.road.lanes}, reverse=True):
        name = WAYS[direction < 0].replace("-", "_")
        offsets = [offset for offset, own in plan.road.lanes if own == direction]
        half = plan.road.lane_width_m / 2
        left, right = min(offsets) - half, max(offsets) + half
        along = line_position(plan) + WRONG_WAY_M
        points = _on_image(plan, [(along, left), (along, right)])
        wrong = {"name": f"{name}_wrong_way", "points": points, "from": SIDES[1], "to": SIDES[0]}
        forbidden = "forward" if direction > 0 else "back"
        scene["lines"].append(wrong | {"direction": forbidden})
        scene["forbidden"].append({"line": wrong["name"], "direction": forbidden})
        middle = [(along, (left + right) / 2) for along in ZONE_M][::direction]
        lanes = {"name": f"{name}_lanes", "points": _strip(plan, left, right)}
        scene["zones"].append(lanes | {"arrow": _on_image(plan, middle)})
        outside = right if abs(right) > abs(left) else left
        edges = sorted((outside + np.sign(outside) * 0.4, outside + np.sign(outside) * (0.6 + SHOULDER_M)))
        shoulder = {"name": f"{name}_shoulder", "points": _strip(plan, *edges), "purpose": "stopped"}
        scene["zones"].append(shoulder | {"dwell": STANDS})
        scene["rules"] += [rule.format(way=name) for rule in RULES]
    return scene


def _strip(plan: VideoPlan, left_m: float, right_m: float) -> list[list[float]]:
    steps = np.linspace(*ZONE_M, 5).tolist()
    outline = [(along, left_m) for along in steps] + [(along, right_m) for along in reversed(steps)]
    return _on_image(plan, outline)


def _on_image(plan: VideoPlan, places: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Return places along and across the road in shares of width and height."""
    ground = np.array([(*plan.road.position(along, right)[:2], 0.0) for along, right in places])
    pixels, _ = plan.camera.project(ground)
    return _rounded(np.clip(pixels / plan.camera.size_wh, EDGE, 1 - EDGE))


def _ground(plan: VideoPlan) -> dict:
    """Return four points of the ground, over the whole width of the image, and where they lie in meters."""
    far = next(
        share
        for share in np.arange(0.02, 0.9, 0.02).tolist()
        if 0 < _ground_point(plan.camera, 0.5, share)[1] < GROUND_MOST_M
    )
    corners = [(EDGE, far), (1 - EDGE, far), (1 - EDGE, 1 - EDGE), (EDGE, 1 - EDGE)]
    metres = np.array([_ground_point(plan.camera, *corner) for corner in corners])
    return {"image": _rounded(np.array(corners)), "metres": metres.round(3).tolist()}


def _ground_point(camera: Camera, x: float, y: float) -> tuple[float, float]:
    """Return the ground coordinates in meters of a point in shares of width and height."""
    wide, high = camera.size_wh
    ray = (
        np.array([(x - 0.5) * wide / camera.focal_px, (0.5 - y) * high / camera.focal_px, 1.0]) @ camera.axes
    )
    reach = camera.height_m / -ray[2] if ray[2] < 0 else -1.0
    return float(ray[0] * reach), float(ray[1] * reach)


def _rounded(points: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 5), round(float(y), 5)] for x, y in points]
