"""Words below a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from cityzoo.report.chips import sans
from cityzoo.report.drawing import INK, PAPER

LEAST_WIDTH = 220  # pixels; smaller pictures are enlarged, so that words have room


def captioned(image: np.ndarray, words: str) -> np.ndarray:
    """Return a picture above a line of words, which is cut short by the picture's width.

    Args:
        image: (H, W, 3) uint8 RGB.
        words: one line.

    Returns:
        (H' + line, W', 3) uint8 RGB; small pictures come out larger.

    Example:
        >>> captioned(np.zeros((60, 240, 3), np.uint8), "car").shape[1:]
        (240, 3)
    """
    picture = Image.fromarray(image)
    if picture.width < LEAST_WIDTH:
        times = LEAST_WIDTH / picture.width
        picture = picture.resize(
            (LEAST_WIDTH, max(1, round(picture.height * times))), Image.Resampling.BICUBIC
        )
    font = sans(max(12, picture.width // 28))
    line = sum(font.getmetrics()) + 6
    sheet = Image.new("RGB", (picture.width, picture.height + line), PAPER)
    sheet.paste(picture)
    ImageDraw.Draw(sheet).text((4, picture.height + 3), words, INK, font)
    return np.asarray(sheet)
