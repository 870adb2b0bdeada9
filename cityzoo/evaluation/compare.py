"""Differences between two models on the same images, with paired bootstrap intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.metrics.keys import split_pointer
from cityzoo.metrics.weighted import interval

if TYPE_CHECKING:
    from cityzoo.metrics.weighted import WeightedMetrics

LOWER = ("loss", "mae", "rmse")  # better when lower, in any task
NEUTRAL = ("bias", "coverage")  # best at a certain value, neither when higher nor when lower
LEAST_LOSS = 0.0005  # smaller losses do not show in three digits
LEAST_IMAGES = 5  # of a listed slice
SLICE_DRAWS = 400
Masks = Mapping[str, Mapping[str, np.ndarray]]


def compare(
    this: WeightedMetrics,
    other: WeightedMetrics,
    weights: np.ndarray,
    headline: Sequence[str],
    lower: Collection[str],
    class_figures: Collection[str] = (),
    masks: Masks | None = None,
) -> dict[str, Any]:
    """Return the differences between two models, their intervals, and regressions of classes and slices.

    Both models are evaluated on the same bootstrap samples (paired bootstrap): images that are hard for both cancel
    out, so the interval of the difference is far narrower than those of the two metrics.

    Args:
        this: metrics of this model as a function of the images' weights.
        other: those of the other model.
        weights: (draws, N) as `bootstrap_weights` returns them.
        headline: metrics to compare, the first one also on slices.
        lower: names of metrics that are better when lower.
        class_figures: names of metrics of a class whose losses are listed.
        masks: attribute -> slice -> (N,) bool, as `slice_masks` returns them.

    Returns:
        `figures`: place -> `this`, `other`, `difference` (this - other), `low` and `high` (its 95 % interval) and
        `verdict`: "better", "worse" or "no clear difference"; "different" for metrics that are better neither way.
        `worse`: a row with `what`, the same numbers and `sure` (the interval excludes 0) for each class and slice with
        a loss, significant ones first, then by size. None where nothing could be measured.

    Example:
        >>> from cityzoo.metrics.weighted import bootstrap_weights
        >>> def accuracy_of(right):
        ...     return lambda weights: {"accuracy": weights @ right / weights.sum(axis=1)}
        >>> this, other = np.repeat([1.0, 0.0], [90, 10]), np.repeat([1.0, 0.0], [60, 40])
        >>> night = {"brightness": {"night": np.arange(100) >= 60}}
        >>> found = compare(
        ...     accuracy_of(other), accuracy_of(this), bootstrap_weights(100), ("accuracy",), (), masks=night
        ... )
        >>> round(found["figures"]["accuracy"]["difference"], 3), found["figures"]["accuracy"]["verdict"]
        (-0.3, 'worse')
        >>> [(row["what"], row["this"], row["other"], row["sure"]) for row in found["worse"]]
        [('brightness: night: accuracy', 0.0, 0.75, True)]
    """
    once = np.ones((1, weights.shape[1]))
    values, samples = [model(once) for model in (this, other)], [model(weights) for model in (this, other)]
    rows = {
        key: _row(*(value[key][0] for value in values), *(sample[key] for sample in samples))
        for key in values[0]
        if key in values[1] and (key in headline or _class_of(key, class_figures))
    }
    figures = {
        key: {**rows[key], "verdict": _verdict(rows[key], key, lower)} for key in headline if key in rows
    }
    worse = {
        f"class {_class_of(key, class_figures)}: {split_pointer(key)[-1]}": _lost(
            row, better_when_lower(key, lower)
        )
        for key, row in rows.items()
        if _class_of(key, class_figures)
    }
    if headline and masks:
        worse |= _lost_slices(this, other, weights[:SLICE_DRAWS], headline[0], lower, masks)
    listed = [{"what": what, **row} for what, row in worse.items() if row]
    return {
        "figures": figures,
        "worse": sorted(listed, key=lambda row: (not row["sure"], -abs(row["difference"]))),
    }


def better_when_lower(place: str, lower: Collection[str]) -> bool:
    """Return whether a metric is better when lower, by the last word of its place.

    Example:
        >>> better_when_lower("per_class/car/mae", ()), better_when_lower("AP50", ("loss",))
        (True, False)
    """
    word = split_pointer(place)[-1]
    return word in lower or word in LOWER


def _class_of(place: str, class_figures: Collection[str]) -> str:
    words = split_pointer(place)
    return words[1] if len(words) == 3 and words[0] == "per_class" and words[2] in class_figures else ""


def _row(
    this: float, other: float, samples_this: np.ndarray, samples_other: np.ndarray
) -> dict[str, float | None]:
    low, high = (interval(samples_this - samples_other) if np.isfinite(this - other) else None) or (
        None,
        None,
    )
    numbers = {"this": this, "other": other, "difference": this - other}
    known = {name: float(value) if np.isfinite(value) else None for name, value in numbers.items()}
    return {**known, "low": low, "high": high}


def _significant_sign(row: Mapping[str, float | None]) -> int:
    """Return the sign of a difference whose interval excludes 0, else 0."""
    low, high = row["low"], row["high"]
    return 0 if low is None or high is None else int(low > 0) - int(high < 0)


def _verdict(row: Mapping[str, float | None], place: str, lower: Collection[str]) -> str:
    sign = _significant_sign(row)
    if not sign:
        return "no clear difference"
    if split_pointer(place)[-1] in NEUTRAL:
        return "different"
    return "worse" if (sign > 0) == better_when_lower(place, lower) else "better"


def _lost(row: dict[str, float | None], lower: bool) -> dict[str, Any] | None:
    """Return a row with `sure`, or None without a loss."""
    sign = 1 if lower else -1
    if row["difference"] is None or sign * row["difference"] < LEAST_LOSS:
        return None
    return {**row, "sure": _significant_sign(row) == sign}


def _lost_slices(
    this: WeightedMetrics,
    other: WeightedMetrics,
    weights: np.ndarray,
    metric: str,
    lower: Collection[str],
    masks: Masks,
) -> dict[str, dict[str, Any] | None]:
    named = {
        f"{by}: {name}: {metric}": np.asarray(mask, np.float64)
        for by, slices in masks.items()
        for name, mask in slices.items()
        if np.count_nonzero(mask) >= LEAST_IMAGES
    }
    if not named:
        return {}
    values = [model(np.stack(list(named.values())))[metric] for model in (this, other)]
    sign, lost = (1 if better_when_lower(metric, lower) else -1), {}
    for (what, mask), *pair in zip(named.items(), *values, strict=True):
        if sign * (pair[0] - pair[1]) >= LEAST_LOSS:  # bootstrap samples take time
            samples = [model(weights * mask)[metric] for model in (this, other)]
            lost[what] = _lost(_row(*pair, *samples), sign > 0)
    return lost


def class_table(ours: Sequence[str], theirs: Sequence[str], who: str) -> str:
    """Return two lists of class names side by side, one name per line."""
    names = list(dict.fromkeys([*ours, *theirs]))
    rows = [("this model", who)]
    rows += [(name if name in ours else "-", name if name in theirs else "-") for name in names]
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"{left:<{width}}  {right}" for left, right in rows)


def require_same_classes(ours: Sequence[str], theirs: Sequence[str], who: str) -> None:
    """Raise an error with both lists unless two models have the same classes, in any order.

    Raises:
        InputError: a class of only one model, or a name of two classes.
    """
    only_ours = [name for name in ours if name not in theirs]
    only_theirs = [name for name in theirs if name not in ours]
    if only_ours or only_theirs:
        example = f"{(only_theirs or theirs)[0]}={(only_ours or ours)[0]}"
        raise InputError(
            f"class names of {who} differ from those of this model: map them with --class-map, "
            f"e.g. --class-map {example}\n{class_table(ours, theirs, who)}"
        )
    twice = next((name for name in theirs if list(theirs).count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"two classes of {who} are named '{twice}': --class-map can rename classes, not merge them"
        )
