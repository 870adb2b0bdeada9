"""Sheets of drift: the most unlike new examples next to their nearest reference ones; each camera before and now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.continual.drift import Drift, pair_cameras
from cityzoo.continual.measure_examples import name_examples
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.monitor.camera_state import median_image
from cityzoo.visualize.sheets import cell_size, save_grid

UNLIKE, VIEWS = "unlike", "views"  # stems of the files
PAIRS = 2  # in a row
MOST_CAMERAS = 8


def write_sheets(
    run: EvaluatedRun,
    drift: Drift,
    examples: Any,
    results: Sequence[Any],
    truth: Any,
    folder: Path,
    count: int,
) -> None:
    """Write `unlike.png` and `views.png` where the examples are images.

    Args:
        run: that the results are of.
        drift: between the examples and the reference.
        examples: the new ones.
        results: one per new example; detections that are too uncertain for an answer are not drawn.
        truth: the held-out examples; None: not known, the nearest ones are shown small and gray.
        folder: gets the files.
        count: of pairs.
    """
    if not drift.new.thumbnails.size:
        return
    cells, captions = [], []
    known: dict[str, tuple[Any, Any]] = {}
    named = replace(examples, class_names=run.output.class_names)
    shown = run.output.summarize_predictions(named, results, run.facts, None).results
    if truth is not None:
        answers = run.output.summarize_predictions(truth, run.results(truth), run.facts, None).results
        pairs = zip(truth.examples, answers, strict=True)
        known = dict(zip(name_examples(truth), pairs, strict=True))
    for row in drift.rank_unlike(count):
        new = run.task.modality.render(run.output, examples.examples[row], shown[row], labeled=False)
        nearest = int(drift.nearest[row])
        name = drift.reference.names[nearest]
        old: Any = _color(drift.reference.thumbnails[nearest])
        if name in known:
            old = run.task.modality.render(run.output, *known[name], labeled=False)
        cells += [new, old]
        captions += [f"new: {drift.new.names[row]}", f"nearest ({drift.distances[row]:.2f}): {name}"]
    save_grid(
        folder / f"{UNLIKE}.png", cells, captions, cell_size([each.shape[:2] for each in cells]), 2 * PAIRS
    )
    _write_views(drift, folder)


def _write_views(drift: Drift, folder: Path) -> None:
    cells, captions = [], []
    for own, other in pair_cameras(drift.reference, drift.new)[:MOST_CAMERAS]:
        name = np.array(drift.reference.cameras)[own][0]
        for images, when in (
            (drift.reference.thumbnails[own], "reference"),
            (drift.new.thumbnails[other], "now"),
        ):
            cells.append(_color(median_image(images).astype(np.uint8)))
            captions.append(f"{name}: {when}")
    save_grid(
        folder / f"{VIEWS}.png", cells, captions, cell_size([each.shape[:2] for each in cells]), 2 * PAIRS
    )


def _color(image: np.ndarray) -> np.ndarray:
    return np.repeat(image[..., None], 3, axis=-1)
