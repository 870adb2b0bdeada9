"""What a selection would have gained: hide the labels of a run's own training data, and ask for them in rounds.

Each seed holds out another fold, and begins with random labels. A linear head on frozen features is then fitted again
and again, while labels are added at random, or by uncertainty and coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.outputs.classification import Classification
from cityzoo.selection.coverage import choose, standardize_features
from cityzoo.selection.probe_data import ProbeData, fit_probe, predict_probe
from cityzoo.tune.repeats import interval

SEEDS, ROUNDS = 5, 5
FIRST_SHARE, LAST_SHARE = 1 / 30, 1 / 3  # of the labels, known in the first and in the last round
SELECTED, RANDOM = "selected", "random"
Curves = dict[str, np.ndarray]  # way -> (seeds, rounds) float


def budgets(count: int, classes: int, rounds: int = ROUNDS) -> list[int]:
    """Return how many labels are known in each round.

    Example:
        >>> budgets(1500, 5)
        [50, 89, 158, 281, 500]
    """
    last = max(round(count * LAST_SHARE), min(count, 4))
    first = min(max(round(count * FIRST_SHARE), 2 * classes), max(2, last // 2))
    return sorted({round(each) for each in np.geomspace(first, last, rounds)})


def simulate_gain(
    train: ProbeData,
    val: ProbeData,
    output: Classification,
    folds: np.ndarray,
) -> dict[str, Any]:
    """Return the curves of both ways, and what one gains over the other with 95 % intervals over seeds.

    Args:
        train: labels are hidden among these.
        val: metrics are measured on these, and on the fold that is held out: val alone is small.
        output: of the run.
        folds: (N,) int, fold of each training example; one seed for each fold, two or more.
    """
    seeds = np.unique(folds)
    sizes = budgets(int(len(train) * (1 - 1 / len(seeds))), len(output.class_names))
    curves: Curves = {way: np.zeros((len(seeds), len(sizes))) for way in (SELECTED, RANDOM)}
    for number, fold in enumerate(seeds):
        pool, held_out = (train.take(np.flatnonzero(rows)) for rows in (folds != fold, folds == fold))
        rows, _ = standardize_features(pool.features, pool.features[:0])
        for way in curves:
            curves[way][number] = _run(way, number, sizes, pool, val.join(held_out), output, rows)
    return {"metric": output.primary_metrics[0], **summarize(curves, sizes)}


def _run(
    way: str,
    seed: int,
    sizes: Sequence[int],
    train: ProbeData,
    val: ProbeData,
    output: Classification,
    rows: np.ndarray,
) -> list[float]:
    order = np.random.default_rng(seed).permutation(len(train))
    known, values = order[: sizes[0]], []
    for size, following in zip(sizes, (*sizes[1:], 0), strict=True):
        probe = fit_probe(train.features[known], train.targets[known], output.several)
        values.append(
            output.metrics(val.examples, predict_probe(probe, output, val))[output.primary_metrics[0]]
        )
        wanted = following - size
        if wanted > 0 and way == RANDOM:
            known = order[:following]
        elif wanted > 0:
            hidden = np.setdiff1d(order, known)
            logits = train.features[hidden] @ probe.kernel + probe.bias
            asked = [train.examples.examples[row] for row in hidden]
            unsure = output.uncertainty(logits, output.decode(logits, None, asked))
            found = hidden[choose(unsure, rows[hidden], rows[known], wanted).rows]
            # Where all others are near duplicates, random ones fill up.
            known = np.concatenate([known, found, np.setdiff1d(hidden, found)[: wanted - len(found)]])
    return [math.nan if value is None else value for value in values]


def summarize(curves: Curves, sizes: Sequence[int]) -> dict[str, Any]:
    """Return means and intervals of curves over seeds.

    Args:
        curves: "selected" and "random" -> (seeds, rounds) float, higher is better.
        sizes: labels of each round.

    Returns:
        `labels`, `curves` (means), `area` of each, `gain` (difference of the areas), `saved` (share of the labels that
        random needs in the last round), `gain_interval`, `saved_interval`, and `is_better`.

    Example:
        >>> selected, random = np.array([[0.5, 0.7, 0.8], [0.5, 0.7, 0.81]]), np.array([[0.5, 0.6, 0.7]] * 2)
        >>> found = summarize({"selected": selected, "random": random}, [100, 200, 400])
        >>> round(found["gain"], 3), round(found["saved"], 3), found["is_better"]
        (0.076, 0.5, True)
    """
    scale = np.log(np.asarray(sizes, float))
    areas = {way: np.trapezoid(rows, scale, axis=1) / (scale[-1] - scale[0]) for way, rows in curves.items()}
    gains = areas[SELECTED] - areas[RANDOM]
    saved = [_saved(*pair, sizes) for pair in zip(curves[SELECTED], curves[RANDOM], strict=True)]
    low, high = interval(gains)
    return {
        "seeds": len(gains),
        "labels": list(sizes),
        "curves": {way: {"x": list(sizes), "y": rows.mean(axis=0).tolist()} for way, rows in curves.items()},
        "area": {way: float(values.mean()) for way, values in areas.items()},
        "gain": float(gains.mean()),
        "gain_interval": [low, high],
        "saved": float(np.mean(saved)),
        "saved_interval": list(interval(saved)),
        "is_better": bool(low > 0),
    }


def _saved(selected: np.ndarray, random: np.ndarray, sizes: Sequence[int]) -> float:
    """Share of the last round's labels that selection does not need, -1..1; below 0: that random choice would not."""
    if selected[-1] < random[-1]:
        return _first_reaching(random, float(selected[-1]), sizes) / sizes[-1] - 1
    return 1 - _first_reaching(selected, float(random[-1]), sizes) / sizes[-1]


def _first_reaching(curve: np.ndarray, value: float, sizes: Sequence[int]) -> float:
    reached = np.maximum.accumulate(curve)
    place = int(np.argmax(reached >= value))
    if place == 0:
        return float(sizes[0])
    share = (value - reached[place - 1]) / (reached[place] - reached[place - 1])
    low, high = np.log(sizes[place - 1]), np.log(sizes[place])
    return float(np.exp(low + share * (high - low)))
