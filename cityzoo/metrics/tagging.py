"""Metrics of tagged words: strict F1 of entities as in seqeval, errors by kind, calibration.

An entity is right only if its first word, last word and type are (Tjong Kim Sang and De Meulder, "Introduction to the
CoNLL-2003 shared task", 2003).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cityzoo.data.text.tags import OUTSIDE, Span, spans_of
from cityzoo.metrics.calibration import expected_calibration_error, reliability
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import WeightedMetrics, divide, map_in_blocks

Entities = Sequence[Sequence[Span]]  # of each text
ERRORS = ("missed", "invented", "wrong boundary", "wrong type", "wrong boundary and type")


def count_entities(true: Entities, found: Entities, class_names: Sequence[str]) -> np.ndarray:
    """Return (texts, classes, 3) counts of entities: right, found, true."""
    counts = np.zeros((len(true), len(class_names), 3))
    place = {name: number for number, name in enumerate(class_names)}
    for row, (wanted, given) in enumerate(zip(true, found, strict=True)):
        for column, spans in enumerate((set(wanted) & set(given), given, wanted)):
            for span in spans:
                counts[row, place[span.type], column] += 1
    return counts


def weighted_entity_metrics(counts: np.ndarray, class_names: Sequence[str]) -> WeightedMetrics:
    """Return F1, precision and recall as a function of the weights of texts, from `count_entities`.

    Example:
        >>> counts = np.array([[[1, 1, 2]], [[0, 1, 0]]])  # one right, two found, two true
        >>> weighted_entity_metrics(counts, ["road"])(np.ones((1, 2)))["f1"].tolist()
        [0.5]
    """

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        right, found, true = np.moveaxis(np.tensordot(weights, counts, axes=1), 2, 0)  # (R, C) each
        f1 = divide(2 * right, found + true)
        total = [each.sum(axis=1) for each in (right, found, true)]
        known = ~np.isnan(f1)
        return {
            "f1": divide(2 * total[0], total[1] + total[2]),
            "macro_f1": divide(np.where(known, f1, 0).sum(axis=1), known.sum(axis=1)),
            "precision": divide(total[0], total[1]),
            "recall": divide(total[0], total[2]),
            **{pointer("per_class", name, "f1"): f1[:, row] for row, name in enumerate(class_names)},
        }

    return map_in_blocks(metrics, max(counts.shape[0], 1))


def entity_metrics(true: Entities, found: Entities, class_names: Sequence[str]) -> dict[str, Any]:
    """Return strict F1, precision and recall over all entities and by class, and F1 without types.

    Example:
        >>> true = [[Span(0, 2, "road"), Span(3, 4, "place")]]
        >>> found = [[Span(0, 2, "road"), Span(3, 5, "place")]]
        >>> values = entity_metrics(true, found, ["place", "road"])
        >>> values["f1"], values["per_class"]["road"]["f1"], values["per_class"]["place"]["f1"]
        (0.5, 1.0, 0.0)
    """
    counts = count_entities(true, found, class_names)
    weighted = weighted_entity_metrics(counts, class_names)(np.ones((1, len(true))))
    overall = {name: _known(values[0]) for name, values in weighted.items() if "/" not in name}
    untyped = count_entities(_without_types(true), _without_types(found), [""]).sum(axis=(0, 1))
    right, given, wanted = counts.sum(axis=0).T
    return {
        **overall,
        "f1_untyped": _known(divide(2 * untyped[0], untyped[1] + untyped[2])),
        "entities": int(wanted.sum()),
        "per_class": {
            name: {
                "n": int(wanted[row]),
                "f1": _known(divide(2 * right[row], given[row] + wanted[row])),
                "precision": _known(divide(right[row], given[row])),
                "recall": _known(divide(right[row], wanted[row])),
            }
            for row, name in enumerate(class_names)
        },
    }


def _without_types(texts: Entities) -> Entities:
    return [[span._replace(type="") for span in spans] for spans in texts]


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def classification_report(metrics: dict[str, Any]) -> dict[str, dict[str, float | int]]:
    """Return precision, recall, F1 and support by class with their averages, from `entity_metrics`; 0 for unknown."""
    names = {"precision": "precision", "recall": "recall", "f1-score": "f1"}
    rows = {
        name: {**{key: row[own] or 0.0 for key, own in names.items()}, "support": row["n"]}
        for name, row in metrics["per_class"].items()
    }
    support = np.array([row["support"] for row in rows.values()])
    averages: dict[str, dict[str, float | int]] = {
        "micro avg": {key: metrics[own] or 0.0 for key, own in names.items()}
    }
    for name, weights in (("macro avg", np.ones(len(support))), ("weighted avg", support)):
        averages[name] = {
            key: float(np.average([row[key] for row in rows.values()], weights=weights))
            if weights.sum()
            else 0.0
            for key in names
        }
    return {**rows, **{name: {**row, "support": int(support.sum())} for name, row in averages.items()}}


def error_kinds(true: Sequence[Span], found: Sequence[Span]) -> Iterator[tuple[str, Span]]:
    """Yield the errors of a text: their kind, and the true entity, or the found one where there is none.

    Example:
        >>> list(error_kinds([Span(0, 2, "road")], [Span(0, 1, "road"), Span(4, 5, "place")]))
        [('wrong boundary', Span(start=0, end=2, type='road')), ('invented', Span(start=4, end=5, type='place'))]
    """
    for span in true:
        near = [each for each in found if _overlap(span, each)]
        if span in near:
            continue
        if not near:
            yield "missed", span
        elif any(each[:2] == span[:2] for each in near):
            yield "wrong type", span
        else:
            same = any(each.type == span.type for each in near)
            yield "wrong boundary" if same else "wrong boundary and type", span
    for span in found:
        if not any(_overlap(span, each) for each in true):
            yield "invented", span


def _overlap(span: Span, other: Span) -> bool:
    return span.start < other.end and other.start < span.end


def count_errors(true: Entities, found: Entities) -> dict[str, dict[str, int]]:
    """Return the number of errors of each kind, by class and in all."""
    pairs = (pair for sides in zip(true, found, strict=True) for pair in error_kinds(*sides))
    counts = Counter((kind, span.type) for kind, span in pairs)
    names = sorted({name for _, name in counts})
    return {
        kind: {"n": sum(counts[kind, name] for name in names)}
        | {name: counts[kind, name] for name in names if counts[kind, name]}
        for kind in ERRORS
    }


def entity_calibration(
    true: Entities, found: Entities, shares: Sequence[np.ndarray]
) -> dict[str, Any] | None:
    """Return how often entities of each confidence are right; None where none is found.

    Args:
        true: entities of each text.
        found: entities of each text.
        shares: (W,) probability of each word's tag; an entity has the lowest one of its words.
    """
    rows = [
        (confidence_of(span, probabilities), span in wanted)
        for wanted, spans, probabilities in zip(true, found, shares, strict=True)
        for span in spans
    ]
    if not rows:
        return None
    bins = reliability(np.array([share for share, _ in rows]), np.array([right for _, right in rows]))
    return {"ece": expected_calibration_error(bins), "bins": bins}


def confidence_of(span: Span, shares: np.ndarray) -> float:
    """Return the lowest probability of the words of an entity."""
    return float(min(shares[span.start : span.end], default=0.0))


def spans_of_texts(tags: Sequence[Sequence[str]]) -> list[list[Span]]:
    """Return the entities of several texts from their BIO tags; texts without tags have none."""
    return [spans_of(each) if set(each) - {OUTSIDE} else [] for each in tags]
