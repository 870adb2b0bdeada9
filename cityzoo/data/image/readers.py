"""Readers of tasks on images; what a source means beyond that is in the task's own file."""

from __future__ import annotations

from typing import Any

from cityzoo.data.image.load import Dataset, load


def read_boxes(source: str, **how: Any) -> Dataset:
    """Read images with boxes; `how` as `cityzoo.data.image.load` takes it."""
    return load(source, **how)


def read_image_labels(source: str, **how: Any) -> Dataset:
    """Read images with labels of the whole image; `how` as `cityzoo.data.image.load` takes it."""
    return load(source, wants="labels", **how)
