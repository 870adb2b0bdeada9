"""Examples of a tagger: texts with their true and their found entities in color."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from cityzoo.data.text.tags import Span, spans_of
from cityzoo.metrics.tagging import error_kinds
from cityzoo.visualize.boxes import PALETTE
from cityzoo.visualize.sheets import ELLIPSIS, INK, PAPER, load_font

WIDTH, MARGIN, SIZE, SMALL = 1200, 14, 19, 12  # pixels
LABEL_WIDTH = 84  # of "true" and "found"
SHOWN, MOST_WORDS = 12, 60
GRAY, LINE = (120, 130, 140), (225, 229, 233)
WRONG = (200, 30, 30)


def write_examples(
    truth: Any, results: Sequence[Any], output: Any, details: Mapping[str, Any], folder: Path
) -> None:
    """Write `worst.png`, the texts with the most errors, and `best.png`, those with the most entities all found."""
    true = [spans_of(each.tags) for each in truth.examples]
    found = output.entities(results)
    errors = np.array([len(list(error_kinds(*sides))) for sides in zip(true, found, strict=True)])
    counts = np.array([len(each) for each in true])
    worst = [int(row) for row in np.argsort(-errors, kind="stable") if errors[row]]
    best = [int(row) for row in np.argsort(-counts, kind="stable") if counts[row] and not errors[row]]
    for name, rows in (("worst", worst), ("best", best)):
        cells = [
            _draw_pair(truth.examples[row].words, true[row], found[row], output.class_names)
            for row in rows[:SHOWN]
        ]
        path = folder / f"{name}.png"
        if cells:
            Image.fromarray(np.concatenate(cells)).save(path)
        else:
            path.unlink(missing_ok=True)


def _draw_pair(
    words: Sequence[str], true: Sequence[Span], found: Sequence[Span], class_names: Sequence[str]
) -> np.ndarray:
    rows = [
        draw_words(words, spans, class_names, title, set(other))
        for title, spans, other in (("true", true, found), ("found", found, true))
    ]
    line = np.full((2, WIDTH, 3), LINE, np.uint8)
    return np.concatenate([*rows, line])


def draw_words(
    words: Sequence[str], spans: Sequence[Span], class_names: Sequence[str], title: str, right: set[Span]
) -> np.ndarray:
    """Return a text with its entities on the colors of their types.

    Args:
        words: of the text.
        spans: its entities.
        class_names: types, in the order of the colors.
        title: left of the text.
        right: entities that are underlined in red unless they are among these.

    Returns:
        (H, 1200, 3) uint8 RGB.
    """
    font, small = load_font(SIZE), load_font(SMALL)
    height, space = SIZE + SMALL + 12, font.getlength(" ")
    shown = [*words[:MOST_WORDS], *([ELLIPSIS] if len(words) > MOST_WORDS else [])]
    places, x, y = [], float(LABEL_WIDTH), MARGIN
    for word in shown:
        width = min(font.getlength(word), WIDTH - LABEL_WIDTH - MARGIN)
        if x + width > WIDTH - MARGIN and x > LABEL_WIDTH:
            x, y = float(LABEL_WIDTH), y + height
        places.append((x, y, width))
        x += width + space
    sheet = Image.new("RGB", (WIDTH, y + height + 4), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, GRAY, font)
    for span in spans:
        color = PALETTE[list(class_names).index(span.type) % len(PALETTE)]
        for row in range(span.start, min(span.end, len(words), MOST_WORDS)):
            _mark(draw, places[row], color, span in right)
        if span.start < len(places):
            start, top, _ = places[span.start]
            draw.text((start, top + SIZE + 5), span.type, tuple(part * 2 // 3 for part in color), small)
    for word, (start, top, _) in zip(shown, places, strict=True):
        draw.text((start, top), word, INK, font)
    return np.asarray(sheet)


def _mark(
    draw: ImageDraw.ImageDraw, place: tuple[float, int, float], color: tuple[int, ...], right: bool
) -> None:
    x, y, width = place
    light = tuple(255 - (255 - part) // 3 for part in color)
    draw.rectangle((x - 2, y - 1, x + width + 2, y + SIZE + 4), fill=light)
    if not right:
        draw.line((x - 2, y + SIZE + 5, x + width + 2, y + SIZE + 5), fill=WRONG, width=2)
