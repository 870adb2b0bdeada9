"""The report of drift: what has changed, in numbers, words and images, and what the run's metric probably is now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.continual.drift import Drift, find_drift, pair_cameras
from cityzoo.continual.drift_page import layout
from cityzoo.continual.drift_sheets import write_sheets
from cityzoo.continual.measure_examples import (
    LEAST,
    count_distinct,
    measure,
    measure_reference,
    read_held_out,
    read_new,
    require_reference,
)
from cityzoo.continual.own_periods import FEATURES
from cityzoo.continual.predicted_metric import answer_sums, measure_points, predict_metric
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.metrics.weighted import bootstrap_weights
from cityzoo.monitor.camera_state import FIXED, measure_likeness, median_image, register
from cityzoo.monitor.reference_examples import MeasuredExamples
from cityzoo.report.write import write_report

TO_LABEL, SHOWN, SAMPLES = 20, 6, 200
WORDS = {  # signal: (words where it rises, where it falls)
    "brightness": ("brighter", "darker"),
    "blur": ("sharper, or noise", "blurred"),
    "saturation": ("more colorful", "less colorful"),
    "warmth": ("redder", "bluer"),
    "likeness": ("the cameras' view is more like the reference", "a camera is moved, turned or covered"),
    "detections": ("more objects", "fewer objects"),
    "confidence": ("answers with more confidence", "answers with less confidence"),
    "missing": ("more missing values", "fewer missing values"),
    "count": ("more of {}", "fewer of {}"),
    "score": ("higher scores of {}", "lower scores of {}"),
}
OTHER = ("higher {}", "lower {}")
LEAST_SHIFT = 0.2  # of a mean, in standard deviations of the reference: less is called another spread


def write_drift_report(
    run: EvaluatedRun,
    data: str,
    folder: Path,
    is_new_camera: bool,
    false_alarms: float,
    accept_at: float,
    seed: int,
) -> dict[str, Any]:
    """Compare new examples with a run's reference, write `report.json` and `report.html`, and return the report.

    Args:
        run: an opened run.
        data: folder or file of the new examples.
        folder: gets the report.
        is_new_camera: whether the examples are of a camera that the reference does not have.
        false_alarms: share of unchanged periods that may raise an alarm.
        accept_at: share of the held-out metric from which on a new camera is accepted.
        seed: of everything random.

    Raises:
        InputError: data or a run that cannot be used.
    """
    truth = _held_out(run)
    examples, results, new, known = _measure_both(run, data, truth)
    drift = find_drift(new, known, false_alarms, seed)
    folder.mkdir(parents=True, exist_ok=True)
    report = {
        **_describe(drift, false_alarms),
        "task": f"Drift of {run.spec.run.task_name}",
        "backbone": run.spec.run.backbone,
        "n_reference": len(drift.reference),
        "data": Path(data).name,
        "examples": run.task.modality.unit,
        f"n_{run.task.modality.unit}": len(new),
        **_predict(run, truth, results, is_new_camera or drift.is_new_camera, accept_at),
        **_list_examples(drift, examples, truth),
    }
    report["is_new_camera"] = is_new_camera or drift.is_new_camera
    report["warnings"] = _warnings(report)
    write_sheets(run, drift, examples, results, truth, folder, SHOWN)
    write_report(folder, report, layout())
    return report


def _measure_both(
    run: EvaluatedRun, data: str, truth: Any
) -> tuple[Any, Sequence[Any], MeasuredExamples, MeasuredExamples]:
    """Return the new examples, their results, what is measured of them, and what is known of the reference."""
    reference, unit = require_reference(run), run.task.modality.unit
    examples = read_new(run, data)
    if len(examples) < LEAST:
        raise InputError(f"'{data}' holds {len(examples)} {unit}: give at least {LEAST}")
    known = measure_reference(run, reference, truth)
    results = run.task.modality.predict(run.model, examples, run.output)
    new = measure(run, examples, results, reference.score)
    distinct = count_distinct(new.features, known.features.std(axis=0))
    if distinct < LEAST:
        raise InputError(
            f"of {len(examples)} {unit} in '{data}' {distinct} differ: give {LEAST} that are no near duplicates, "
            "e.g. a frame each minute"
        )
    return examples, results, new, known


def _held_out(run: EvaluatedRun) -> Any | None:
    try:
        return read_held_out(run)
    except InputError:
        return None  # the reference may be kept in reference.npz; what needs the examples is left out


def _describe(drift: Drift, false_alarms: float) -> dict[str, Any]:
    signals = {}
    for name in drift.limits.means:
        if name not in drift.statistics:
            continue
        (before, spread), (after, _) = (_moments(each, name) for each in (drift.reference, drift.new))
        signals[name] = {
            "statistic": drift.statistics[name],
            "limit": min(1.0, drift.limits.limit(name)),
            "reference": before,
            "new": after,
            "shift": None if before is None or after is None else (after - before) / (spread or 1.0),
            "changed": "changed" if name in drift.changed else "",
        }
    return {
        "drift": bool(drift.changed),
        "n_changed": len(drift.changed),
        "changed": [describe_change(name, signals[name]) for name in drift.changed],
        "signals": signals,
        "two_sample": {
            "auc": drift.test.auc,
            "p_value": drift.test.p_value,
            "limit": signals[FEATURES]["limit"],
        },
        "false_alarms": false_alarms,
        "cameras": describe_cameras(drift),
    }


def _moments(examples: Any, name: str) -> tuple[float | None, float]:
    values = examples.signals.get(name)
    return (None, 0.0) if values is None else (float(np.nanmean(values)), float(np.nanstd(values)))


def describe_change(name: str, row: dict[str, Any]) -> str:
    """Return in words how a signal has changed.

    Example:
        >>> row = {"reference": 112.0, "new": 41.0, "shift": -2.5, "statistic": 0.9, "limit": 0.3}
        >>> describe_change("brightness", row)
        'darker: brightness 112 before, 41 now'
    """
    if name == FEATURES:
        return f"a classifier tells new from reference by the backbone's features, AUC {row['statistic']:.2f}"
    before, after, (kind, _, label) = row["reference"], row["new"], name.partition(":")
    if abs(row["shift"] or 0) < LEAST_SHIFT:
        return f"{name}: other spread, mean {before:.3g} before, {after:.3g} now"
    words = WORDS.get(kind, OTHER)[0 if after > before else 1].format(label or name)
    return f"{words}: {name} {before:.3g} before, {after:.3g} now"


def describe_cameras(drift: Drift) -> dict[str, dict[str, Any]]:
    """Return the state of each camera of the reference that the new examples have: moved, blurred, dark."""
    rows = {}
    for own, other in pair_cameras(drift.reference, drift.new):
        before, after = drift.reference.thumbnails[own], drift.new.thumbnails[other]
        name, state = np.array(drift.reference.cameras)[own][0], []
        middle = median_image(before)
        found = register(median_image(after), middle)
        likeness = [float(np.median(measure_likeness(each, middle))) for each in (before, after)]
        if likeness[0] >= FIXED and found.is_moved:
            state.append(
                f"moved by {found.shift_xy[0]:+.1%} of the width, {found.shift_xy[1]:+.1%} of the height"
            )
        elif likeness[0] >= FIXED and likeness[1] < likeness[0] / 2:
            state.append("another view, or covered")
        for signal, high, low in (("brightness", "brighter", "dark"), ("blur", "", "blurred")):
            known, now = drift.reference.signals[signal][own], np.median(drift.new.signals[signal][other])
            state += [low] if now < known.min() else [high] if high and now > known.max() else []
        rows[str(name)] = {
            "count": int(other.sum()),
            "state": ", ".join(state) or "as before",
            "likeness": likeness[1],
            "likeness_before": likeness[0],
        }
    return rows


def _predict(
    run: EvaluatedRun, truth: Any, results: Sequence[Any], is_new_camera: bool, accept_at: float
) -> dict[str, Any]:
    points = measure_points(run, truth) if truth is not None else None
    if points is None:
        return {}
    sums = answer_sums(run.output, results)
    found = predict_metric(points, sums, bootstrap_weights(len(sums), SAMPLES))
    row: dict[str, Any] = {**found._asdict(), "interval": [found.low, found.high]}
    if is_new_camera:
        lower = found.metric in run.output.lower_is_better
        wanted = found.held_out / accept_at if lower else found.held_out * accept_at
        best, worst = (found.low, found.high) if lower else (found.high, found.low)
        row |= {"wanted": wanted, "accepted": _accept(wanted, worst, best, lower)}
    return {"predicted": row}


def _accept(wanted: float, worst: float, best: float, lower: bool) -> str:
    sign = -1 if lower else 1
    if sign * worst >= sign * wanted:
        return "accepted"
    return "refused" if sign * best < sign * wanted else "undecided: label some images and evaluate"


def _list_examples(drift: Drift, examples: Any, truth: Any) -> dict[str, Any]:
    names, confidence = drift.new.names, drift.new.signals.get("confidence")
    unlike = {
        names[row]: {
            "text": _text(examples, row),
            "distance": float(drift.distances[row]),
            "nearest": drift.reference.names[drift.nearest[row]],
        }
        for row in drift.rank_unlike(SHOWN)
    }
    to_label = {
        names[row]: {
            "distance": float(drift.distances[row]),
            "confidence": None if confidence is None else float(confidence[row]),
        }
        for row in drift.rank_to_label(TO_LABEL)
    }
    return {"unlike": unlike, "to_label": to_label}


def _text(examples: Any, row: int) -> str:
    return str(getattr(examples.examples[row], "text", ""))


def _warnings(report: dict[str, Any]) -> list[str]:
    found = list(report["changed"])
    moved = {name: row["state"] for name, row in report["cameras"].items() if row["state"] != "as before"}
    return [*found, *(f"camera {name}: {state}" for name, state in moved.items())]
