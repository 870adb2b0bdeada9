"""What a report says of a classifier of many classes: metrics by class, confused pairs, texts that went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cityzoo.data.text.personal_data import mask_text
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.rejection import find_inside
from cityzoo.sample import ExampleSet

MOST = 20  # pairs, and texts of each kind of mistake
LONGEST = 200  # characters of a text that is shown
OUTSIDE = "outside"  # answer to what no class fits, and its label


def plain(value: float) -> float | None:
    """Return a number for JSON: None for one that could not be measured."""
    return float(value) if np.isfinite(value) else None


def rows_by_class(
    class_names: Sequence[str], targets: np.ndarray, values: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float | None]]:
    """Return number of examples, recall, precision and F1 of each class, the lowest F1 first.

    Args:
        class_names: of the columns.
        targets: (N, C).
        values: as weighted metrics return them, of one row of weights.
    """
    rows: dict[str, dict[str, float | None]] = {}
    for name, n in zip(class_names, targets.sum(axis=0), strict=True):
        found = {
            metric: plain(values[pointer("per_class", name, metric)][0])
            for metric in ("recall", "precision", "f1")
        }
        rows[name] = {"n": int(n), **found}
    return dict(sorted(rows.items(), key=lambda row: 2.0 if row[1]["f1"] is None else row[1]["f1"]))


def count_confusions(
    class_names: Sequence[str], targets: np.ndarray, shares: np.ndarray
) -> list[dict[str, Any]]:
    """Return the pairs of classes that are confused most.

    Returns:
        `true`, `predicted`, `n`, and `share` of the true class's examples; at most 20.

    Example:
        >>> targets, shares = np.eye(2)[[0, 0, 1]], np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]])
        >>> count_confusions(("bin", "lamp"), targets, shares)
        [{'true': 'bin', 'predicted': 'lamp', 'n': 1, 'share': 0.5}]
    """
    inside = find_inside(targets)
    true, predicted = targets[inside].argmax(axis=1), shares[inside].argmax(axis=1)
    wrong = true != predicted
    pairs, counts = np.unique(np.stack([true[wrong], predicted[wrong]], axis=1), axis=0, return_counts=True)
    totals = targets.sum(axis=0)
    order = np.argsort(-counts, kind="stable")[:MOST]
    return [
        {
            "true": class_names[pairs[row][0]],
            "predicted": class_names[pairs[row][1]],
            "n": int(counts[row]),
            "share": float(counts[row] / totals[pairs[row][0]]),
        }
        for row in order
    ]


def find_mistakes(
    truth: ExampleSet, shares: np.ndarray, labels: np.ndarray
) -> dict[str, list[dict[str, Any]]]:
    """Return texts that went wrong, the most confident answers and the most confident refusals first.

    Args:
        truth: N texts with labels.
        shares: (N, C) probabilities.
        labels: (N,) answers, below 0 for what is refused.

    Returns:
        `wrong_answers`, texts within the classes that got another class; `wrong_refusals`, texts that would have been
        answered correctly; `answered_outside`, texts outside of all classes that got an answer: `text` without
        personal data, `truth`, `answer` and its `probability`; at most 20 of each.
    """
    targets = np.stack([np.asarray(example.target) for example in truth.examples])
    inside, best, highest = find_inside(targets), shares.argmax(axis=1), shares.max(axis=1)
    right = inside & (targets.argmax(axis=1) == best)
    chosen = {
        "wrong_answers": inside & ~right & (labels >= 0),
        "wrong_refusals": right & (labels < 0),
        "answered_outside": ~inside & (labels >= 0),
    }

    def describe(row: int) -> dict[str, Any]:
        names = [truth.class_names[each] for each in np.flatnonzero(targets[row])]
        text = mask_text(getattr(truth.examples[row], "text", truth.examples[row].path))
        return {
            "text": text if len(text) <= LONGEST else text[: LONGEST - 1] + "…",
            "truth": "+".join(names) or OUTSIDE,
            "answer": truth.class_names[best[row]],
            "probability": float(highest[row]),
        }

    order = np.argsort(-highest, kind="stable")
    return {
        name: [describe(row) for row in order[mask[order]][:MOST].tolist()] for name, mask in chosen.items()
    }
