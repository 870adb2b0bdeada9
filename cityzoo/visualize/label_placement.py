"""Placement of box labels: inside the image, without overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ImageDraw, ImageFont

Rectangle = tuple[int, int, int, int]  # x1, y1, x2, y2 in whole pixels, x2 and y2 exclusive


@cache
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans of matplotlib, which is the same everywhere and covers more than Latin letters.

    Example:
        >>> load_font(12).size
        12
    """
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


class LabelPlacer:
    """Write labels on colored backgrounds next to their boxes.

    Args:
        image_size: width and height in pixels.
        boxes: all boxes of the image: labels avoid boxes of others if possible.
        line_width: of the boxes, in pixels.

    Example:
        >>> from PIL import Image
        >>> street = Image.new("RGB", (100, 60))
        >>> box = (0, 0, 90, 50)
        >>> LabelPlacer(street.size, [box], 1).place(ImageDraw.Draw(street), box, ["car"], (9, 9, 9))[:2]
        (1, 1)
    """

    def __init__(self, image_size: tuple[int, int], boxes: Sequence[Rectangle], line_width: int) -> None:
        self.width, self.height = image_size
        self.font = load_font(max(11, min(24, round(min(image_size) / 46))))
        self.pad = max(2, round(self.font.size / 5))
        self.line = line_width
        self.boxes = np.array(boxes, int).reshape(-1, 4)
        self.placed = np.zeros((0, 4), int)

    def place(
        self, draw: ImageDraw.ImageDraw, box: Rectangle, texts: Sequence[str], color: tuple[int, int, int]
    ) -> Rectangle | None:
        """Write the first text that finds free space and return its place, or None."""
        others = self.boxes[(self.boxes != box).any(axis=-1)]
        sizes = [self._size(text) for text in texts]
        # In the second round a label may cover other boxes, if its own box is large enough.
        for obstacles in (np.concatenate([self.placed, others]), self.placed):
            for text, (width, height) in zip(texts, sizes, strict=True):
                if obstacles is self.placed and _area(box) < 2 * width * height:
                    continue
                place = next(
                    (p for p in self._places(box, width, height) if not _touches(p, obstacles)), None
                )
                if place is not None:
                    self._write(draw, place, text, color)
                    return place
        return None

    def _write(self, draw: ImageDraw.ImageDraw, place: Rectangle, text: str, color: tuple) -> None:
        x1, y1, x2, y2 = place
        self.placed = np.concatenate([self.placed, [place]])
        draw.rectangle((x1, y1, x2 - 1, y2 - 1), fill=color)
        draw.text((x1 + self.pad, (y1 + y2) / 2), text, _readable_on(color), self.font, anchor="lm")

    def _size(self, text: str) -> tuple[int, int]:
        return int(np.ceil(self.font.getlength(text))) + 2 * self.pad, int(self.font.size) + self.pad

    def _places(self, box: Rectangle, width: int, height: int) -> list[Rectangle]:
        """Return candidates above, inside and below a box, moved sideways into the image."""
        x1, y1, x2, y2 = box
        gap = self.line
        corners = [
            (x1, y1 - height),
            (x2 - width, y1 - height),
            (x1, y2),
            (x2 - width, y2),
        ]
        if x2 - x1 >= width + 2 * gap and y2 - y1 >= 2 * height:
            corners[1:1] = [(x1 + gap, y1 + gap), (x2 - width - gap, y1 + gap), (x1 + gap, y2 - height - gap)]
        shifted = [(max(0, min(x, self.width - width)), y) for x, y in corners]
        return [
            (x, y, x + width, y + height)
            for x, y in shifted
            if x + width <= self.width and y >= 0 and y + height <= self.height
        ]


def _touches(place: Rectangle, others: np.ndarray) -> bool:
    x1, y1, x2, y2 = place
    return bool(((others[:, :2] < (x2, y2)) & (others[:, 2:] > (x1, y1))).all(axis=-1).any())


def _area(box: Rectangle) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _readable_on(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return black or white, by the luma of the background (ITU-R BT.601)."""
    return (0, 0, 0) if np.dot(color, (0.299, 0.587, 0.114)) > 110 else (255, 255, 255)
