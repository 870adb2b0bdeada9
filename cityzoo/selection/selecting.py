"""Choose the examples that are worth labeling, and write them with predicted labels."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cityzoo import model as models
from cityzoo.errors import InputError, unknown
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit.fold_data import find_folds, group_training
from cityzoo.fit.run_folder import next_free_folder, require_new
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.quantile_forecast import QuantileForecast
from cityzoo.sample import Detections
from cityzoo.selection.candidates import Candidates, Known, load_candidates, load_labeled
from cityzoo.selection.coverage import Chosen, choose
from cityzoo.selection.page import COLUMNS, SelectionRequest, write_selection
from cityzoo.selection.probe_data import make_probe_data
from cityzoo.selection.simulation import SEEDS, simulate_gain
from cityzoo.visualize.sheets import cell_size, save_grid

LOG = logging.getLogger(__name__)
CHOSEN_TOO = "chosen: "  # before the name of a nearest example that is not labeled yet
SHEET_COLUMNS, LONGEST_NAME = 4, 28


def select(request: SelectionRequest) -> bool:
    """Write a folder of examples to label; return False if the simulation shows no gain over random choice.

    Raises:
        InputError: --out exists, unusable data, another modality, or nothing that is worth labeling.
    """
    require_new(request.out)
    run = open_evaluated(request.run)
    if isinstance(run.output, QuantileForecast):
        from cityzoo.selection.sensor_days import select_days

        return select_days(run, request)
    _require_layout(run, request.labels)
    data = load_labeled(run)
    candidates, known = load_candidates(run, request.data, request.limit, data)
    chosen = choose(
        candidates.uncertainty,
        candidates.features,
        known.features,
        request.most,
        candidates.hashes,
        known.hashes,
    )
    if not len(chosen.rows):
        raise InputError(
            f"all {len(candidates.examples)} {run.task.modality.unit} of '{request.data}' are near duplicates of what "
            "the run was trained on: give others"
        )
    simulation = simulate(run, data) if request.simulates else None
    folder = next_free_folder(request.out, run.folder.path, "selection")
    rows = _write_examples(run, candidates, known, chosen, folder, request)
    write_selection(
        folder,
        run,
        rows,
        {
            "candidates": len(candidates.examples),
            "duplicates": chosen.duplicates,
            **({"simulation": simulation} if simulation else {}),
        },
    )
    return simulation is None or simulation["is_better"]


def _require_layout(run: EvaluatedRun, name: str) -> None:
    layouts, task = run.task.modality.label_layouts(run.output), run.spec.run.task
    if not layouts:
        raise InputError(
            f"'{run.path}' is a run of {task}: select does not support its labels, give another run"
        )
    if name and name not in layouts:
        raise unknown(f"layout of labels of {task}", name, layouts)


def _write_examples(
    run: EvaluatedRun,
    candidates: Candidates,
    known: Known,
    chosen: Chosen,
    folder: Path,
    request: SelectionRequest,
) -> list[dict[str, Any]]:
    """Write copies, labels, why.csv and the sheet; return the rows of why.csv."""
    modality, output, order = run.task.modality, run.output, chosen.rows.tolist()
    examples = modality.select(candidates.examples, order)
    results = [candidates.results[row] for row in order]
    labels = output.prelabel(results, run.facts, request.score)
    layout_name = request.labels or modality.label_layouts(output)[0]
    modality.export_annotations(folder, output, examples, labels, layout_name)
    names = [str(getattr(each, "name", "") or each.path) for each in candidates.examples.examples]
    rows = []
    for rank, (row, label) in enumerate(zip(order, labels, strict=True), 1):
        near = int(chosen.nearest[rank - 1])
        nearest = f"{CHOSEN_TOO}{names[-1 - near]}" if near < 0 else (known.names or [""])[near]
        values = (
            *(rank, names[row], round(float(candidates.uncertainty[row]), 4)),
            *(round(float(chosen.distances[rank - 1]), 4), nearest),
            describe_label(label, output.class_names),
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    _write_sheet(run, examples, results, labels, rows, folder)
    return rows


def describe_label(label: Any, class_names: Sequence[str]) -> str:
    """Return a predicted label in words.

    Example:
        >>> describe_label(Detections([[0, 0, 8, 8]] * 3, [0.9, 0.8, 0.7], [1, 0, 1]), ("bus", "car"))
        'bus, 2 car'
        >>> describe_label(("fire", "smoke"), ())
        'fire, smoke'
    """
    if not isinstance(label, Detections):
        return ", ".join(dict.fromkeys(label))
    counts = Counter(label.labels.tolist())
    return ", ".join(f"{n} {class_names[k]}" if n > 1 else class_names[k] for k, n in sorted(counts.items()))


def _write_sheet(
    run: EvaluatedRun,
    examples: Any,
    results: Sequence[Any],
    labels: Sequence[Any],
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
) -> None:
    shown = [
        label if isinstance(label, Detections) else result
        for label, result in zip(labels, results, strict=True)
    ]
    pairs = zip(examples.examples, shown, strict=True)
    drawn = [
        run.task.modality.render(run.output, example, result, labeled=False) for example, result in pairs
    ]
    cells = [cell for cell in drawn if cell is not None]
    if len(cells) < len(drawn):  # texts
        return
    captions = [
        f"{row['rank']}. {row['file'][-LONGEST_NAME:]} u {row['uncertainty']:.2f} d {row['distance']:.2f}"
        for row in rows
    ]
    size = cell_size([cell.shape[:2] for cell in cells])
    save_grid(folder / "contact_sheet.png", cells, captions, size, SHEET_COLUMNS)


def simulate(run: EvaluatedRun, data: Any) -> dict[str, Any] | None:
    """Return the simulated gain where it is cheap; None elsewhere, with the reason in the log.

    Args:
        run: opened.
        data: that it was trained on, or None.
    """
    if not isinstance(run.output, Classification) or data is None or not run.folder.before.is_file():
        LOG.info(
            "the gain over random choice is not simulated: it needs the run's data and a head that is computed in "
            "closed form; see docs/selecting.md for measured gains"
        )
        return None
    modality, before = run.task.modality, models.load(run.folder.before)
    train, val = (make_probe_data(modality, before, run.output, side) for side in (data.train, data.val))
    groups = group_training("example", modality, train.examples)
    found = simulate_gain(train, val, run.output, find_folds(groups, train.examples, SEEDS))
    low, high = found["gain_interval"]
    LOG.info(
        "simulated with %d to %d labels, %d seeds: %s %+.4f against random, 95 %% interval %+.4f to %+.4f; labels "
        "saved %.0f %% (%.0f to %.0f)",
        *(found["labels"][0], found["labels"][-1], found["seeds"], found["metric"], found["gain"], low, high),
        *(100 * value for value in (found["saved"], *found["saved_interval"])),
    )
    if not found["is_better"]:
        LOG.warning(
            "WARNING: selection is not better than random choice on this run's data: label random examples instead"
        )
    return found
