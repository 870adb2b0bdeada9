"""Write a video of a demo street with its truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from cityzoo.demo.videos.frames import VideoFrame, draw_frames
from cityzoo.demo.videos.parts import VIDEOS, Part
from cityzoo.demo.videos.scene_file import scene_of
from cityzoo.demo.videos.truth import truth_of
from cityzoo.demo.videos.video_plan import PLACE_SEED, VideoPlan, plan_video
from cityzoo.demo.write import write_once
from cityzoo.errors import InputError, unknown

VERSION = 2  # of the rendering; part of the description of the folder
Progress = Callable[[int, int], None]


def write_video(
    folder: str | Path,
    parts: str | Sequence[Part] = "incidents",
    seed: int = 0,
    fps: float = 5.0,
    size_hw: tuple[int, int] = (288, 384),
    place_seed: int = PLACE_SEED,
    progress: Progress | None = None,
) -> Path:
    """Write a video and its truth once and return the folder.

    The folder gets video.mp4, tracks.txt (MOTChallenge rows: frame from 1, id, left, top, width, height, 1, class
    from 1, visible share), truth.json (line, crossings, counts per minute, incidents, parts) and scene.yaml, all that
    `python -m cityzoo watch` needs to count and to find the incidents.

    Args:
        folder: a new or empty folder, or one that already has this content.
        parts: a name in VIDEOS, or parts with light, traffic and incident.
        seed: 0 or more, of traffic and light; equal seeds give equal frames.
        fps: frames per second, 1 to 60; the traffic does not depend on it.
        size_hw: height and width in pixels, both even and at least 64.
        place_seed: seed of road, camera and scenery.
        progress: called as progress(done, total) after each frame.

    Raises:
        InputError: an unknown name, a value out of range, or a folder with other content.
        OSError: the video cannot be encoded or the disk is full.
    """
    if isinstance(parts, str):
        if parts not in VIDEOS:
            raise unknown("demo video", parts, VIDEOS)
        parts = VIDEOS[parts]
    if not 1 <= fps <= 60:
        raise InputError(f"{fps} frames per second: expected 1 to 60")
    plan = plan_video(parts, seed, size_hw, place_seed)
    made = {"video": [asdict(part) for part in parts], "version": VERSION, "seed": seed, "fps": fps}
    made |= {"size_hw": list(size_hw), "place_seed": place_seed}

    def fill(draft: Path) -> None:
        _fill(draft, plan, fps, progress or (lambda done, total: None))

    return write_once(Path(folder).expanduser(), made, fill)


def _fill(folder: Path, plan: VideoPlan, fps: float, progress: Progress) -> None:
    import cv2
    import yaml

    high, wide = plan.size_hw
    path, total = folder / "video.mp4", int(np.ceil(plan.seconds * fps - 1e-9))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (wide, high))
    if not writer.isOpened():
        raise OSError(f"{path}: OpenCV cannot encode MPEG-4 video here")
    rows: list[str] = []
    try:
        for done, frame in enumerate(draw_frames(plan, fps), 1):
            writer.write(cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
            rows += _rows(frame)
            progress(done, total)
    finally:
        writer.release()
    (folder / "tracks.txt").write_text("".join(rows), encoding="utf-8")
    (folder / "truth.json").write_text(json.dumps(truth_of(plan, fps), indent=1) + "\n", encoding="utf-8")
    scene = yaml.safe_dump(scene_of(plan), sort_keys=False, default_flow_style=None, width=110)
    (folder / "scene.yaml").write_text(scene, encoding="utf-8")


def _rows(frame: VideoFrame) -> list[str]:
    rows = []
    for number, box, label, share in zip(
        frame.ids, frame.boxes_xyxy.tolist(), frame.labels.tolist(), frame.visible, strict=True
    ):
        x1, y1, x2, y2 = box
        rows.append(
            f"{frame.index + 1},{number},{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f},1,{label + 1},{share:.3f}\n"
        )
    return rows
