"""Captions below images."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from cityzoo.visualize.boxes import INK, PAPER
from cityzoo.visualize.label_placement import load_font

LEAST_WIDTH = 220  # pixels; smaller images are enlarged to make room for the caption


def add_caption(image: np.ndarray, words: str) -> np.ndarray:
    """Return an image above a line of text, which is truncated to the image's width.

    Args:
        image: (H, W, 3) uint8 RGB.
        words: one line.

    Returns:
        (H' + line, W', 3) uint8 RGB; small images are enlarged.

    Example:
        >>> add_caption(np.zeros((60, 240, 3), np.uint8), "car").shape[1:]
        (240, 3)
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
