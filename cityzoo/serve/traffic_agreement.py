"""How far the answers of two versions of a model agree, from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

OVERLAP = 0.5  # intersection over union of boxes that are the same
TOP = ("class", "label", "top_class")
ROWS = ("detections", "entities", "classes", "labels")


def compare_answers(answer: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    """Return the agreement of two answers to one request, None if they hold nothing to compare.

    Detections: F1 of boxes of one class matched at IoU 0.5; None if neither has any, since an empty street does not
    show whether models agree. One class: whether it is the same. Several, and entities: F1 of the sets. Numbers:
    1 - sum |a - b| / sum max(|a|, |b|).

    Example:
        >>> compare_answers({"class": "car"}, {"class": "bus"})
        0.0
        >>> compare_answers({"forecast": [10.0, 30.0]}, {"forecast": [8.0, 30.0]})
        0.95
        >>> car = {"class": "car", "score": 0.9, "box": [0, 0, 10, 10]}
        >>> compare_answers({"detections": [car]}, {"detections": [car, car | {"box": [50, 50, 60, 60]}]})
        0.6666666666666666
        >>> compare_answers({"detections": []}, {"detections": []}) is None
        True
    """
    if isinstance(answer.get("detections"), list) and isinstance(other.get("detections"), list):
        return match_detections(answer["detections"], other["detections"])
    for name in TOP:
        if name in answer and name in other:
            return float(answer[name] == other[name])
    for name in ROWS:
        if isinstance(answer.get(name), list) and isinstance(other.get(name), list):
            return _compare_sets(answer[name], other[name])
    return _compare_numbers(answer, other)


def match_detections(found: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the F1 of detections, the surest matched first to the box of its class that it overlaps most."""
    if not found and not others:
        return None
    free, matched = list(others), 0
    for detection in sorted(found, key=lambda row: -float(row.get("score", 0))):
        same = [row for row in free if row.get("class") == detection.get("class")]
        overlaps = [_overlap(detection["box"], row["box"]) for row in same]
        if overlaps and max(overlaps) >= OVERLAP:
            free.remove(same[int(np.argmax(overlaps))])
            matched += 1
    return 2 * matched / (len(found) + len(others))


def _overlap(box: Sequence[float], other: Sequence[float]) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
    return shared / (areas - shared) if shared else 0.0


def _compare_sets(rows: Sequence[Any], others: Sequence[Any]) -> float | None:
    names, other_names = ({_name(row) for row in each} for each in (rows, others))
    both = len(names) + len(other_names)
    return 2 * len(names & other_names) / both if both else None


def _name(row: Any) -> str:
    if not isinstance(row, Mapping):
        return str(row)
    name = str(row.get("class", row.get("label")))
    return f"{name} {row['start']} {row['end']}" if {"start", "end"} <= row.keys() else name


def _compare_numbers(answer: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    apart = size = 0.0
    answer, other = _flatten(answer), _flatten(other)
    for name in sorted(answer.keys() & other.keys()):
        one, two = (_numbers(each[name]) for each in (answer, other))
        if one is None or two is None or name == "threshold":
            continue
        if one.shape != two.shape:
            return 0.0
        known = np.isfinite(one) & np.isfinite(two)
        if (np.isfinite(one) != np.isfinite(two)).any():
            return 0.0
        apart += float(np.abs(one - two)[known].sum())
        size += float(np.maximum(np.abs(one), np.abs(two))[known].sum())
    return max(0.0, 1 - apart / size) if size else None


def _flatten(answer: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in answer.items():
        inner = _flatten(value) if isinstance(value, Mapping) else {}
        flat |= {f"{name}/{key}": each for key, each in inner.items()} if inner else {name: value}
    return flat


def _numbers(value: Any) -> np.ndarray | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, list)):
        return None
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.size else None
