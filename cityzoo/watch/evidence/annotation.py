"""Draw boxes, ids, lines and counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.redact.background import COLORS
from cityzoo.watch.scene.line import FORWARD

if TYPE_CHECKING:
    from cityzoo.watch.scene import Scene
    from cityzoo.watch.tracking import Track

INK, PAPER = (255, 255, 255), (20, 20, 20)


def draw_tracks(
    image: np.ndarray, tracks: Iterable[Track], class_names: Sequence[str], scale: float = 1.0
) -> None:
    """Draw the boxes of confirmed tracks with class and id.

    Args:
        image: (H, W, 3) uint8 RGB, changed in place.
        tracks: with boxes in pixels of the frame.
        class_names: by label.
        scale: of the image relative to the frame.
    """
    import cv2

    for track in tracks:
        if track.is_confirmed:
            x1, y1, x2, y2 = (round(side * scale) for side in track.box)
            color = COLORS[track.label % len(COLORS)]
            cv2.rectangle(image, (x1, y1), (x2, y2), color, 2)
            _write(image, f"{class_names[track.label]} {track.id}", (x1, y1 - 4), color)


def draw_scene(image: np.ndarray, scene: Scene, totals: Mapping[tuple[str, str], int]) -> None:
    """Draw zones and lines with the counts of both directions into an image, (H, W, 3) uint8 RGB.

    Args:
        image: changed in place.
        scene: what is marked.
        totals: counts by (line, direction).
    """
    import cv2

    size_hw = (image.shape[0], image.shape[1])
    for zone in scene.zones:
        corners = (np.array(zone.points) * [size_hw[1], size_hw[0]]).round().astype(np.int32)
        cv2.polylines(image, [corners], True, (200, 200, 0), 1)
        _write(image, zone.name, tuple(int(value) for value in corners[0]), (90, 90, 0))
    for line in scene.lines:
        points = line.scale(size_hw).round().astype(np.int32)
        cv2.polylines(image, [points], False, (255, 220, 0), 2)
        start, (a, b) = (int(points[0][0]), int(points[0][1]) - 8), line.sides
        forward, back = (totals.get((line.name, way), 0) for way in (FORWARD, "back"))
        _write(image, f"{line.name}: {a} > {b} {forward}, {b} > {a} {back}", start, PAPER)


def draw_text(image: np.ndarray, text: str) -> None:
    """Write a line at the top left of an image, (H, W, 3) uint8 RGB."""
    _write(image, text, (4, 14), PAPER)


def _write(image: np.ndarray, text: str, place: tuple[int, ...], paper: tuple[int, int, int]) -> None:
    import cv2

    text = text.encode("ascii", "replace").decode()  # the font has no other letters
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    x = min(max(place[0], 0), max(image.shape[1] - width - 4, 0))
    y = min(max(place[1], height + 4), image.shape[0] - 4)
    cv2.rectangle(image, (x, y - height - 4), (x + width + 4, y + 4), paper, -1)
    cv2.putText(image, text, (x + 2, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
