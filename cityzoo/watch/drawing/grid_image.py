"""A frame with a grid of coordinates and the scene on it."""

from __future__ import annotations

import contextlib
import itertools
import time

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cityzoo.errors import InputError
from cityzoo.watch.scene import Scene
from cityzoo.watch.sources import Source, Stream

FONTS = ("DejaVuSans.ttf", "Arial.ttf", "LiberationSans-Regular.ttf")  # Pillow's own has no umlauts
FRAMES = 9  # of the median: what moves is gone
PATIENCE = 15.0  # seconds that a camera has for its first frame
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
LINE, ZONE, PRIVACY, GROUND = (230, 159, 0), (86, 180, 233), (204, 121, 167), (240, 228, 66)


def median_frame(source: Source, count: int = FRAMES) -> np.ndarray:
    """Return the median (H, W, 3) uint8 RGB of the first frames of a source, which has no moving objects.

    Raises:
        InputError: no frame arrives within 15 seconds.
    """
    if isinstance(source, Stream):
        return _median(_live_frames(source, count))
    return _median([frame.image for frame in itertools.islice(source, count)])


def _live_frames(source: Stream, count: int) -> list[np.ndarray]:
    end = time.monotonic() + PATIENCE
    images: list[np.ndarray] = []
    while len(images) < count and time.monotonic() < end:
        frame = source.newest()
        if frame is None:
            time.sleep(0.05)
            continue
        images.append(frame.image)
    if not images:
        events = [event.get("detail", "") for event in source.health.take_events()]
        cause = next((detail for detail in reversed(events) if detail), "nothing came")
        raise InputError(f"camera '{source.camera}': no frame within {PATIENCE:g} s: {cause}")
    return images


def _median(images: list[np.ndarray]) -> np.ndarray:
    same = [image for image in images if image.shape == images[-1].shape]
    return np.median(np.stack(same), axis=0).astype(np.uint8)


def draw_grid(image: np.ndarray, scene: Scene) -> np.ndarray:
    """Return a copy of an image (H, W, 3) uint8 RGB with a grid of tenths, lines, zones and the ground.

    Arrows show the direction "forward" of each line, from its side `from` to its side `to`.

    Example:
        >>> draw_grid(np.zeros((120, 160, 3), np.uint8), Scene())[60, 0].tolist() != [0, 0, 0]
        True
    """
    height, width = image.shape[:2]
    size = np.array([width, height])
    canvas = Image.fromarray(image)
    draw, unit = ImageDraw.Draw(canvas, "RGBA"), max(1, round(min(width, height) / 300))
    font = _load_font(max(9, 8 * unit))
    for tenth in range(11):
        x, y = min(width - 1, round(tenth / 10 * width)), min(height - 1, round(tenth / 10 * height))
        draw.line([(x, 0), (x, height)], (*WHITE, 90 if tenth % 5 else 170), unit)
        draw.line([(0, y), (width, y)], (*WHITE, 90 if tenth % 5 else 170), unit)
        if 0 < tenth < 10:
            _write(draw, (x, 0), f"{tenth / 10:g}", font, "ma")
            _write(draw, (0, y), f"{tenth / 10:g}", font, "lm")
    for zone in scene.zones:
        color = PRIVACY if zone.purpose == "privacy" else ZONE
        points = np.array(zone.points) * size
        draw.polygon(_pairs(points), (*color, 60), (*color, 255), 2 * unit)
        _write(draw, tuple(points.mean(axis=0)), f"{zone.name} ({zone.purpose})", font, "mm")
    if scene.ground:
        draw.polygon(_pairs(np.array(scene.ground.image) * size), None, (*GROUND, 255), unit)
        for point, metres in zip(scene.ground.image, scene.ground.metres, strict=True):
            _write(draw, tuple(np.array(point) * size), f"{metres[0]:g}, {metres[1]:g} m", font, "mm")
    for line in scene.lines:
        points = np.array(line.points) * size
        draw.line(_pairs(points), (*LINE, 255), 3 * unit)
        _draw_arrow(draw, points, line.sides, font, unit)
        _write(draw, tuple(points[0]), line.name, font, "lm")
    return np.asarray(canvas)


def _draw_arrow(
    draw: ImageDraw.ImageDraw,
    points: np.ndarray,
    sides: tuple[str, str],
    font: Font,
    unit: int,
) -> None:
    """Draw the arrow "forward" across the middle of a line; the right hand is `to` where y grows downwards."""
    start, end = points[(len(points) - 1) // 2 : (len(points) - 1) // 2 + 2]
    along = (end - start) / max(np.linalg.norm(end - start), 1e-9)
    right, middle = np.array([-along[1], along[0]]), (start + end) / 2
    tail, tip = middle - 14 * unit * right, middle + 14 * unit * right
    draw.line(_pairs(np.stack([tail, tip])), (*LINE, 255), 2 * unit)
    head = np.stack(
        [tip, tip - 6 * unit * right + 4 * unit * along, tip - 6 * unit * right - 4 * unit * along]
    )
    draw.polygon(_pairs(head), (*LINE, 255))
    for place, side in ((tail - 8 * unit * right, sides[0]), (tip + 8 * unit * right, sides[1])):
        _write(draw, tuple(place), side, font, "mm")


def _load_font(size: int) -> Font:
    for name in FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def _pairs(points: np.ndarray) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, ...],
    text: str,
    font: Font,
    anchor: str,
) -> None:
    draw.text((place[0], place[1]), text, WHITE, font, anchor, stroke_width=1, stroke_fill=BLACK)
