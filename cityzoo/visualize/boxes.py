"""Boxes on images, and their labels: inside the image, without overlaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from cityzoo.visualize.sheets import load_font, require_rgb

# Okabe & Ito, Color Universal Design (2008): distinguishable with all common color blindness. Without black, which is
# invisible on asphalt, and green, which marks annotations.
PALETTE = ((230, 159, 0), (86, 180, 233), (204, 121, 167), (240, 228, 66), (213, 94, 0), (0, 114, 178))
TRUTH = (0, 230, 118)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
FALSE_ALARM = "\N{BALLOT X} "
Rectangle = tuple[int, int, int, int]  # x1, y1, x2, y2 in whole pixels, x2 and y2 exclusive


def class_color(label: int) -> tuple[int, int, int]:
    """Return the RGB color of a class, 0..255.

    Example:
        >>> class_color(0) == class_color(len(PALETTE))
        True
    """
    return PALETTE[label % len(PALETTE)]


def draw_detections(
    image: np.ndarray,
    boxes_xyxy: np.ndarray,
    labels: np.ndarray | Sequence[int],
    class_names: Sequence[str],
    scores: np.ndarray | None = None,
    truth: tuple[np.ndarray, np.ndarray] | None = None,
    false_alarms: np.ndarray | None = None,
) -> np.ndarray:
    """Return an image with detections in the color of their class, annotations dashed in white and green.

    Lines and letters scale with the image. Labels stay within the image; in a crowd, labels without free space are left
    out, those of low scores first.

    Args:
        image: (H, W, 3) uint8 RGB; is not modified.
        boxes_xyxy: (N, 4) pixels.
        labels: (N,) positions in class_names.
        class_names: names of the classes.
        scores: (N,) 0..1, written next to the name.
        truth: boxes (M, 4) in pixels and labels (M,) of annotations.
        false_alarms: (N,) bool, detections to mark with a cross.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: the image is not (H, W, 3) uint8.

    Example:
        >>> street = np.zeros((48, 64, 3), np.uint8)
        >>> found = draw_detections(street, [[8, 20, 40, 40]], [0], ["car"])
        >>> bool((found[30, 8] == class_color(0)).all())
        True
    """
    canvas = Image.fromarray(require_rgb(image))
    draw = ImageDraw.Draw(canvas)
    boxes = np.asarray(boxes_xyxy, np.float32).reshape(-1, 4)
    order = np.arange(len(boxes)) if scores is None else np.argsort(-np.asarray(scores), kind="stable")
    crosses = np.zeros(len(boxes), bool) if false_alarms is None else false_alarms
    annotated, annotated_labels = truth or (np.zeros((0, 4), np.float32), ())
    for i in order[::-1]:  # the highest score on top
        _outline(draw, _whole(boxes[i]), class_color(labels[i]))
    for box in annotated:
        _dashes(draw, _whole(box))
    placer = LabelPlacer(canvas.size, [_whole(box) for box in (*boxes, *annotated)], _line_width(canvas.size))
    for i in order:
        name = (FALSE_ALARM if crosses[i] else "") + class_names[labels[i]]
        texts = (name,) if scores is None else (f"{name} {scores[i]:.2f}", name)
        placer.place(draw, _whole(boxes[i]), texts, class_color(labels[i]))
    for box, label in zip(annotated, annotated_labels, strict=True):
        placer.place(draw, _whole(box), (class_names[label],), TRUTH)
    return np.asarray(canvas)


def _outline(draw: ImageDraw.ImageDraw, box: Rectangle, color: tuple[int, int, int]) -> None:
    x1, y1, x2, y2 = box
    width = _line_width(draw.im.size)
    # Dark hairlines on both sides keep a bright line visible on a bright street.
    draw.rectangle((x1 - 1, y1 - 1, x2, y2), outline=BLACK)
    if x2 - x1 > 2 * width + 2 and y2 - y1 > 2 * width + 2:
        draw.rectangle((x1 + width, y1 + width, x2 - 1 - width, y2 - 1 - width), outline=BLACK)
    draw.rectangle((x1, y1, x2 - 1, y2 - 1), outline=color, width=width)


def _dashes(draw: ImageDraw.ImageDraw, box: Rectangle) -> None:
    x1, y1, x2, y2 = box
    width = _line_width(draw.im.size)
    draw.rectangle((x1, y1, x2 - 1, y2 - 1), outline=WHITE, width=width)
    dash = 4 * width
    for x in range(x1, x2, 2 * dash):
        end = min(x + dash, x2) - 1
        draw.rectangle((x, y1, end, y1 + width - 1), fill=TRUTH)
        draw.rectangle((x, y2 - width, end, y2 - 1), fill=TRUTH)
    for y in range(y1, y2, 2 * dash):
        end = min(y + dash, y2) - 1
        draw.rectangle((x1, y, x1 + width - 1, end), fill=TRUTH)
        draw.rectangle((x2 - width, y, x2 - 1, end), fill=TRUTH)


def _whole(box: np.ndarray) -> Rectangle:
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    return x1, y1, max(x2, x1 + 2), max(y2, y1 + 2)


def _line_width(image_size: tuple[int, int]) -> int:
    return max(1, round(min(image_size) / 256))


class LabelPlacer:
    """Write labels on colored backgrounds next to their boxes.

    Args:
        image_size: width and height in pixels.
        boxes: all boxes of the image: labels avoid boxes of others if possible.
        line_width: of the boxes, in pixels.
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
