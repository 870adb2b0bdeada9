"""Find labels of a run's data that are probably wrong, and write them for review; nothing is changed."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.image.decode import read_image
from cityzoo.data.text.personal_data import mask_text
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit.run_folder import next_free_folder, require_new
from cityzoo.report.write import write_report
from cityzoo.sample import Detections, no_boxes, no_labels
from cityzoo.selection.label_page import layout
from cityzoo.selection.suspicious_labels import SuspiciousLabel, find_suspicious_labels
from cityzoo.visualize.boxes import draw_detections
from cityzoo.visualize.sheets import CELL_WIDTH, fit_into, save_grid

LOG = logging.getLogger(__name__)
COLUMNS = ("rank", "file", "box", "given", "suggested", "suggested_box", "probability", "reason", "seen")
SHEET, SHEET_COLUMNS, MARGIN = "suspicious_labels", 3, 0.75  # of the sides of a box, around it
CELL_HW = (300, CELL_WIDTH)


@dataclass(frozen=True)
class LabelCheck:
    """What to check.

    Attributes:
        run: folder of the run.
        out: new folder.
        most: suspicious labels that the page shows.
        folds: see `cityzoo.selection.suspicious_labels.find_suspicious_labels`.
        group_by: see there.
        score: see there.
    """

    run: str
    out: str
    most: int = 40
    folds: int = 5
    group_by: str = "duplicate"
    score: float | None = None


def check_labels(request: LabelCheck) -> None:
    """Write `labels.csv`, a page and a sheet of the labels that are probably wrong.

    Raises:
        InputError: --out exists, a run of a task without such labels, or data that cannot be checked.
    """
    require_new(request.out)
    run = open_evaluated(request.run)
    found = find_suspicious_labels(run, request.folds, request.group_by, request.score)
    folder = next_free_folder(request.out, run.folder.path, "labels")
    rows = [_make_row(rank, each) for rank, each in enumerate(found.labels, 1)]
    extra = [name for name in ("text",) if rows and name in rows[0]]
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, (*COLUMNS, *extra))
        writer.writeheader()
        writer.writerows(rows)
    first = found.labels[: request.most]
    _write_sheet(run, first, folder)
    report = {
        "task": f"Check of labels: {run.spec.run.task}",
        "examples": run.task.modality.unit,
        **found.facts,
        "suspicious": len(rows),
        f"n_{run.task.modality.unit}": found.facts["checked"],
        "data": run.spec.run.data or "demo data",
        "rows": {
            str(row["rank"]): _make_page_row(row, each)
            for row, each in zip(rows[: request.most], first, strict=True)
        },
    }
    page = write_report(folder, report, layout(report))[1]
    listed = "".join(f", {kind} {count['n']}" for kind, count in found.facts.get("kinds", {}).items())
    LOG.info(
        "%d %s checked, %d suspicious labels%s: %s",
        *(found.facts["checked"], report["examples"], len(rows), listed, page),
    )


def _make_row(rank: int, label: SuspiciousLabel) -> dict[str, Any]:
    example, issue = label.example, label.issue
    given = issue.given_xyxy if issue else getattr(example, "window_xyxy", None)  # a crop is a box, too
    values = (
        *(rank, str(getattr(example, "name", "") or example.path), _write_box(given)),
        *(label.given, label.suggested, _write_box(issue.box_xyxy if issue else None)),
        *(round(label.probability, 4), label.reason, label.seen),
    )
    text = {"text": example.text} if hasattr(example, "text") else {}
    return {**dict(zip(COLUMNS, values, strict=True)), **text}


def _write_box(box: Sequence[float] | np.ndarray | None) -> str:
    return "" if box is None else " ".join(f"{value:.0f}" for value in box)


def _make_page_row(row: dict[str, Any], label: SuspiciousLabel) -> dict[str, Any]:
    """Return a row as the page has it: without personal data, and without figures that the pictures show."""
    kind = {"kind": label.issue.kind, "seen": row["seen"]} if label.issue else {}
    text = {"text": mask_text(row["text"])} if "text" in row else {}
    return {name: row[name] for name in ("given", "suggested", "probability", "file")} | kind | text


def _write_sheet(run: EvaluatedRun, suspicious: Sequence[SuspiciousLabel], folder: Path) -> None:
    drawn = [(rank, each, _draw(run, each)) for rank, each in enumerate(suspicious, 1)]
    shown = [(rank, each, cell) for rank, each, cell in drawn if cell is not None]
    captions = [
        f"{rank}. {each.given or 'no box'} → {each.suggested} {each.probability:.2f}"
        + (f" ({each.issue.kind})" if each.issue else "")
        for rank, each, _ in shown
    ]
    save_grid(folder / f"{SHEET}.png", [cell for *_, cell in shown], captions, CELL_HW, SHEET_COLUMNS)


def _draw(run: EvaluatedRun, label: SuspiciousLabel) -> np.ndarray | None:
    example, issue = label.example, label.issue
    window = getattr(example, "window_xyxy", None)
    if issue is None and window is None:
        return run.task.modality.render(run.output, example, label.shown, labeled=False)
    if issue is None:  # what is around a crop tells more than the crop alone
        boxes = [np.array(window, np.float32)]
        example = replace(
            example, boxes_xyxy=boxes[0][None], labels=[run.output.class_names.index(label.given)]
        )
        found = Detections(no_boxes(), np.zeros(0, np.float32), no_labels())
        return draw_around(read_image(example.path), boxes, example, found, run.output.class_names)
    boxes = [box for box in (issue.given_xyxy, issue.box_xyxy) if box is not None]
    return draw_around(read_image(example.path, window), boxes, example, label.shown, run.output.class_names)


def draw_around(
    image: np.ndarray, boxes: Sequence[np.ndarray], example: Any, found: Any, class_names: Sequence[str]
) -> np.ndarray:
    """Return the part of an image around boxes, enlarged, with its labels and detections.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes: (4,) pixels each, what is to be seen.
        example: with its labeled boxes.
        found: `Detections` to draw.
        class_names: of both.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    both = np.stack(boxes)
    low, high = both[:, :2].min(axis=0), both[:, 2:].max(axis=0)
    more = max(MARGIN * float((high - low).max()), 16.0)
    left, top = np.maximum(np.floor(low - more), 0).astype(int)
    right, bottom = np.minimum(np.ceil(high + more), image.shape[1::-1]).astype(int)
    part = fit_into(np.ascontiguousarray(image[top:bottom, left:right]), CELL_HW)
    scale = part.shape[1] / (right - left)
    corner, limit = np.array([left, top] * 2), np.array([*part.shape[1::-1]] * 2)
    truth = np.clip((example.boxes_xyxy - corner) * scale, 0, limit)
    inside = np.flatnonzero((truth[:, 2:] > truth[:, :2]).all(axis=1))
    drawn = np.clip((found.boxes_xyxy - corner) * scale, 0, limit)
    labels = truth[inside], example.labels[inside]
    return draw_detections(part, drawn, found.labels, class_names, found.scores, truth=labels)
