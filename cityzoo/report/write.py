"""Write the report of a run: `report.json` for programs, `report.html` for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.replace_file import replace_file
from cityzoo.report.layout import Layout
from cityzoo.report.local_paths import shorten_paths
from cityzoo.report.page import page_html

# Order of keys in report.json; others follow alphabetically.
FIRST = ("task", "backbone")
ORDER = (
    *("interval", "gain", "best_baseline", "models", "worst_sensors"),
    *("intervals", "worst_slice", "before", "compared"),
    *("operating_point", "thresholds", "alarm", "alarms", "per_class", "errors", "confusion"),
    *("top_k", "classification_report", "calibration", "by_crowding", "by_size", "slices"),
    *(
        "rules",
        "robustness",
        "adversarial",
        "patch_search",
        "interventions",
        "explanations",
        "early_warning",
        "model_card",
    ),
    *("split", "test", "n_images", "n_boxes", "n_detections", "n_windows", "n_sensors", "channel", "unit"),
    *("horizons", "data", "findings", "warnings"),
    *("weights", "parameters", "epochs", "seed", "commit", "seconds", "images_per_second", "latency_ms"),
    *("device", "versions", "spec"),
    *("curves", "scatter", "by_step"),  # long
)


def write_report(
    folder: str | Path,
    report: Mapping[str, Any],
    layout: Layout,
    files: tuple[str, str] = ("report.json", "report.html"),
) -> tuple[Path, Path]:
    """Write `report.json` and `report.html` into a run folder, each atomically.

    The page is one file without outside references. It embeds the images and the columns of `history.csv` that the
    layout names, where the folder has them.

    Args:
        folder: the run folder, created if missing.
        report: the keys that `report.schema.json` and docs/report.md describe. Numbers that are not finite become null,
            NumPy values plain ones, absolute paths names.
        layout: contents of the page.
        files: names of both files.

    Returns:
        The two files.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plain = shorten_paths(_plain(report))
    order = (*FIRST, *layout.meanings, *ORDER)
    places = {key: place for place, key in enumerate(order)}
    ordered = dict(sorted(plain.items(), key=lambda item: (places.get(item[0], len(order)), item[0])))
    numbers = json.dumps(ordered, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    _replace(folder / files[0], numbers)
    _replace(folder / files[1], page_html(ordered, folder, layout, files[0]))
    return folder / files[0], folder / files[1]


def _plain(value: Any) -> Any:
    """Return a JSON value: None for numbers that are not finite, text for other types."""
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
    with replace_file(file) as part:  # a killed run never leaves half a file
        part.write_text(text, encoding="utf-8")
