"""Draw boxes on images, and images in a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from PIL.ImageFont import FreeTypeFont

from cityzoo.visualize.label_placement import LabelPlacer, Rectangle, load_font

# Okabe & Ito, Color Universal Design (2008): distinguishable with all common color blindness. Without black, which is
# invisible on asphalt, and green, which marks annotations.
PALETTE = ((230, 159, 0), (86, 180, 233), (204, 121, 167), (240, 228, 66), (213, 94, 0), (0, 114, 178))
TRUTH = (0, 230, 118)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
FALSE_ALARM = "\N{BALLOT X} "
PAPER, INK = (255, 255, 255), (40, 40, 40)


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
    canvas = Image.fromarray(_rgb(image))
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


def image_grid(
    images: Sequence[np.ndarray], columns: int, cell_hw: tuple[int, int], captions: Sequence[str]
) -> np.ndarray:
    """Return images in a grid on white, each fitted into its cell above a caption.

    Args:
        images: (H, W, 3) uint8 RGB each, of any size.
        columns: images per row.
        cell_hw: height and width of a cell for an image, pixels.
        captions: one line per image, truncated to the cell.

    Returns:
        (sheet height, sheet width, 3) uint8 RGB.

    Raises:
        ValueError: no image, not one caption per image, or fewer than one column.

    Example:
        >>> image_grid([np.zeros((20, 20, 3), np.uint8)] * 3, 2, (40, 60), ["a", "b", "c"]).shape
        (128, 132, 3)
    """
    if not len(images) or len(images) != len(captions) or columns < 1:
        raise ValueError(
            f"{len(images)} images, {len(captions)} captions, {columns} columns: "
            "give at least one image, as many captions, and one column or more"
        )
    height, width = cell_hw
    margin, font = max(4, width // 40), load_font(max(11, width // 32))
    caption_height = sum(font.getmetrics()) + margin
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    step_y, step_x = height + caption_height + margin, width + margin
    sheet = Image.new("RGB", (columns * step_x + margin, rows * step_y + margin), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = margin + i % columns * step_x, margin + i // columns * step_y
        fitted = Image.fromarray(fit_into(image, cell_hw))
        sheet.paste(fitted, (x + (width - fitted.width) // 2, y + height - fitted.height))
        draw.text((x, y + height + margin // 2), _cut(caption, font, width), INK, font)
    return np.asarray(sheet)


def fit_into(image: np.ndarray, cell_hw: tuple[int, int]) -> np.ndarray:
    """Return an image resized to fit into a cell, with its aspect ratio.

    Args:
        image: (H, W, 3) uint8 RGB.
        cell_hw: height and width of the cell in pixels.

    Returns:
        (h, w, 3) uint8 RGB, h or w equal to that of the cell.

    Example:
        >>> fit_into(np.zeros((50, 100, 3), np.uint8), (40, 40)).shape
        (20, 40, 3)
    """
    height, width = _rgb(image).shape[:2]
    scale = min(cell_hw[0] / height, cell_hw[1] / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return image if scale == 1 else np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


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


def _cut(text: str, font: FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + ELLIPSIS) > width:
        text = text[:-1]
    return text + ELLIPSIS


def _rgb(image: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {image.shape} {image.dtype}, expected (H, W, 3) uint8 RGB")
    return image
