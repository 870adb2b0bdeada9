"""Write down a run: `report.json` for programs, `report.html` for people."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cityzoo.report.layout import Layout
from cityzoo.report.page import page_html

# What people look for first comes first; keys that are not named here follow in alphabetical order.
FIRST = ("task", "backbone")
ORDER = (
    *("interval", "gain", "best_baseline", "models", "worst_sensors"),
    *("intervals", "worst_slice", "before", "compared"),
    *("operating_point", "thresholds", "alarm", "alarms", "per_class", "errors", "confusion"),
    *("top_k", "classification_report", "calibration", "by_crowding", "by_size", "slices"),
    *("robustness", "explanations", "early_warning", "model_card"),
    *("split", "test", "n_images", "n_boxes", "n_detections", "n_windows", "n_sensors", "channel", "unit"),
    *("horizons", "data", "findings", "warnings"),
    *("weights", "parameters", "epochs", "seed", "commit", "seconds", "images_per_second", "latency_ms"),
    *("device", "versions", "spec"),
    *("curves", "scatter", "by_step"),  # long, and rarely read by a person
)


def write_report(folder: str | Path, report: Mapping, layout: Layout) -> tuple[Path, Path]:
    """Write `report.json` and `report.html` into a run folder, each at once or not at all.

    The page is one file without outside references. It takes in the images and the columns of `history.csv` that
    the layout names, where the folder has them.

    Args:
        folder: the run folder, made if need be.
        report: `task`, `backbone`, the figures of the task's kind, and any of `before` {figures}, `split`, `data`,
            `seed`, `commit`, `weights` {kind, path, sha256, note}, `parameters` {trainable, frozen, total},
            `images_per_second`, `latency_ms` {name: ms}, `device`, `seconds` {phase: s, total}, `epochs`,
            `versions`, `spec`, `findings` (as the data check gives them), `warnings` [str], and what
            `report.schema.json` and docs/report.md describe. Numbers that are not finite become null; numpy's become
            plain ones.
        layout: what the page shows of the figures.

    Returns:
        The two files.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file, _ = write_report(folder, {"AP": float("nan"), "task": "vehicle_detect"}, Layout([], {}))
        ...     file.read_text().split()
        ['{', '"task":', '"vehicle_detect",', '"AP":', 'null', '}']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plain = _plain(report)
    order = (*FIRST, *layout.meanings, *ORDER)
    places = {key: place for place, key in enumerate(order)}
    ordered = dict(sorted(plain.items(), key=lambda item: (places.get(item[0], len(order)), item[0])))
    numbers = json.dumps(ordered, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    _replace(folder / "report.json", numbers)
    _replace(folder / "report.html", page_html(ordered, folder, layout))
    return folder / "report.json", folder / "report.html"


def _plain(value: object) -> object:
    """Return a value as JSON knows it: None for what is not finite, text for what it does not know."""
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def _replace(file: Path, text: str) -> None:
    # A reader, or a run that is killed, never meets half a file.
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, file)
