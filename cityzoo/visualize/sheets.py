"""Sheets of images: captions, grids, and PNG files of the most telling examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cityzoo.data.image.decode import read_image
from cityzoo.sample import ImageSet

PAPER, INK = (255, 255, 255), (40, 40, 40)
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
LEAST_WIDTH = 220  # pixels; smaller images are enlarged to make room for the caption
COLUMNS, SHOWN = 3, 6  # of a sheet
CELL_WIDTH = 400  # three fill the page at its full width


@cache
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans of matplotlib, which is the same everywhere and covers more than Latin letters."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def add_caption(image: np.ndarray, words: str) -> np.ndarray:
    """Return an image above a line of text, which is truncated to the image's width.

    Args:
        image: (H, W, 3) uint8 RGB.
        words: one line.

    Returns:
        (H' + line, W', 3) uint8 RGB; small images are enlarged.
    """
    example = Image.fromarray(image)
    if example.width < LEAST_WIDTH:
        times = LEAST_WIDTH / example.width
        example = example.resize(
            (LEAST_WIDTH, max(1, round(example.height * times))), Image.Resampling.BICUBIC
        )
    font = load_font(max(12, example.width // 28))
    line = sum(font.getmetrics()) + 6
    sheet = Image.new("RGB", (example.width, example.height + line), PAPER)
    sheet.paste(example)
    ImageDraw.Draw(sheet).text((4, example.height + 3), words, INK, font)
    return np.asarray(sheet)


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
    """
    height, width = require_rgb(image).shape[:2]
    scale = min(cell_hw[0] / height, cell_hw[1] / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return image if scale == 1 else np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def require_rgb(image: np.ndarray) -> np.ndarray:
    """Return the image; raise ValueError unless it is (H, W, 3) uint8."""
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {image.shape} {image.dtype}, expected (H, W, 3) uint8 RGB")
    return image


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + ELLIPSIS) > width:
        text = text[:-1]
    return text + ELLIPSIS


def save_grid(
    path: Path,
    cells: Sequence[np.ndarray],
    captions: Sequence[str],
    cell_hw: tuple[int, int],
    columns: int = COLUMNS,
) -> None:
    """Write a grid of images as a file; without images remove that of an earlier evaluation."""
    if cells:
        Image.fromarray(image_grid(cells, columns, cell_hw, captions)).save(path)
    else:
        path.unlink(missing_ok=True)


def cell_size(shapes_hw: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return height and width of a cell for images of these sizes: their median shape, within limits."""
    shape = np.median([height / width for height, width in shapes_hw]) if shapes_hw else 1.0
    return round(CELL_WIDTH * float(np.clip(shape, 0.5, 1.25))), CELL_WIDTH


def write_sheets(
    truth: ImageSet,
    results: Sequence[Any],
    sheets: Mapping[str, Sequence[int]],
    draw: Callable[..., np.ndarray],
    folder: Path,
) -> None:
    """Write `NAME.png` for each sheet, of its first images; remove the file of a sheet without images.

    Args:
        truth: the images.
        results: one per image.
        sheets: name -> rows of the images, the most important first.
        draw: (image, example, result) -> image to show.
        folder: of the sheets.
    """
    for name, rows in sheets.items():
        shown = [(truth.examples[row], results[row]) for row in rows[:SHOWN]]
        cells = [draw(read_image(each.path, each.window_xyxy), each, result) for each, result in shown]
        captions = [Path(each.path).name for each, _ in shown]
        save_grid(folder / f"{name}.png", cells, captions, cell_size([cell.shape[:2] for cell in cells]))
