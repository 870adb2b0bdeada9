"""Frames of a video with the boxes and ids of the vehicles in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cityzoo.data.image.export import LabeledImage
from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.meshes import Thing
from cityzoo.demo.scenes.renderer import LAMP_STEP, Drawn, draw_ids
from cityzoo.demo.scenes.traffic_scene import (
    LEAST_SIDE_PX,
    LEAST_VISIBLE,
    Plan,
    arrange,
    boxes_of,
    expose,
    render,
)
from cityzoo.demo.videos.traffic import Track
from cityzoo.demo.videos.video_plan import VideoPlan

SMALLEST_PX = 3.0  # of a vehicle that is drawn, on the enlarged canvas
FRAMES_OF_SEED = 1_000_000  # keeps the noise of two videos apart


@dataclass(frozen=True)
class VideoFrame(LabeledImage):
    """A frame; `boxes_xyxy` and `labels` have a row for each vehicle of which enough is visible."""

    index: int = 0
    seconds: float = 0.0
    ids: tuple[int, ...] = ()  # of the tracks, one per box
    visible: tuple[float, ...] = ()  # share of the vehicle that is visible, one per box


def draw_frames(
    plan: VideoPlan, fps: float, start_s: float = 0.0, end_s: float | None = None
) -> Iterator[VideoFrame]:
    """Render the frames of a video from a time to another; a frame depends on its index and fps alone."""
    last = plan.seconds if end_s is None else end_s
    index = int(np.ceil(start_s * fps - 1e-9))
    while index / fps < last - 1e-9:
        yield draw_frame(plan, index, fps)
        index += 1


def draw_frame(plan: VideoPlan, index: int, fps: float) -> VideoFrame:
    """Render one frame."""
    seconds = index / fps
    tracks, vehicles = _in_view(plan, seconds)
    scene = arrange(
        Plan(
            plan.seed * FRAMES_OF_SEED + index,
            plan.place_seed,
            plan.layout,
            plan.camera,
            plan.light(seconds),
            plan.ground,
            plan.scenery,
            tuple(vehicles),
            (),
        )
    )
    layers = render(scene)
    boxes = boxes_of(layers, vehicles)
    shown = np.bincount(layers.ids.ravel(), minlength=len(vehicles) + 1)[1:]
    alone = np.array([_area(scene.drawn, k, plan.camera.size_wh) for k in range(1, len(vehicles) + 1)])
    visible = shown / np.maximum(alone, 1)
    enough = (visible >= LEAST_VISIBLE) & ((boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= LEAST_SIDE_PX)
    kept = np.flatnonzero(enough).tolist()
    labels = np.array([vehicles[k].label for k in kept], np.int32)
    return VideoFrame(
        expose(scene, layers),
        boxes[kept],
        labels,
        index=index,
        seconds=seconds,
        ids=tuple(tracks[k].number for k in kept),
        visible=tuple(round(float(visible[k]), 3) for k in kept),
    )


def _area(drawn: Drawn, number: int, size_wh: tuple[int, int]) -> int:
    """Return the pixels of a vehicle inside the canvas without the things before it."""
    return int(np.count_nonzero(draw_ids([pair for pair in drawn if pair[0] == number], size_wh)))


def box_of_outline(vehicles: list[Thing], camera: Camera) -> np.ndarray:
    """Return the boxes (N, 4) around the cuboids of vehicles, in canvas pixels, also outside the canvas.

    A vehicle that is partly behind the lens has the box nan.
    """
    if not vehicles:
        return np.zeros((0, 4))
    bottom = np.stack([np.column_stack([v.corners(), np.zeros(4)]) for v in vehicles])
    top = bottom + np.array([[[0, 0, v.size_m[2]]] for v in vehicles])
    pixels, depth = camera.project(np.concatenate([bottom, top], axis=1).reshape(-1, 3))
    pixels, near = pixels.reshape(-1, 8, 2), depth.reshape(-1, 8).min(axis=1) < 1.0
    boxes = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    boxes[near] = np.nan
    return boxes


def _in_view(plan: VideoPlan, seconds: float) -> tuple[list[Track], list[Thing]]:
    """Return the tracks and vehicles in the image; the nearest ones if there are too many for distinct ids."""
    now = [track for track in plan.tracks if track.ride.start_s <= seconds <= track.end_s]
    vehicles = [track.place(plan.road, seconds) for track in now]
    boxes = box_of_outline(vehicles, plan.camera)
    wide, high = plan.camera.size_wh
    inside = (boxes[:, 0] < wide) & (boxes[:, 2] > 0) & (boxes[:, 1] < high) & (boxes[:, 3] > 0)
    inside &= (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST_PX
    kept = sorted(np.flatnonzero(inside).tolist(), key=lambda k: np.hypot(vehicles[k].x, vehicles[k].y))
    kept = sorted(kept[: LAMP_STEP - 1])
    return [now[k] for k in kept], [vehicles[k] for k in kept]
