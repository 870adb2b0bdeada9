"""What got better and what got worse between two models, judged on the same images."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.metrics.bootstrap import interval
from cityzoo.metrics.keys import split_pointer

if TYPE_CHECKING:
    from cityzoo.metrics.weighted import WeightedMetrics

LOWER = ("loss", "mae", "rmse")  # better when lower, whatever the kind
NEUTRAL = ("bias",)  # better neither way
LEAST = 0.0005  # smaller losses do not show in three digits
LEAST_IMAGES = 5  # of a slice, to be listed
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
    """Return the differences between two models, how sure they are, and what got worse.

    Both are judged on the same draws of the same images: an image that is hard for both does not blur their
    difference, so that its interval is far narrower than those of the two figures.

    Args:
        this: gives this model's figures of weighted images.
        other: the other model's.
        weights: (draws, N) as `bootstrap.bootstrap_weights` returns them.
        headline: figures to compare; slices are judged by the first of them.
        lower: figures that are better when lower, by the last word of their place.
        class_figures: figures of a class, by their last word, of which a loss is listed.
        masks: attribute -> slice -> (N,) bool, as `slices.slice_masks` returns them.

    Returns:
        `figures`: place -> `this`, `other`, `difference` (this - other), `low` and `high` (its 95 % interval) and
        `verdict`: "better", "worse" or "no clear difference"; "different" of a figure that is better neither way.
        `worse`: a row with `what`, the same numbers and `sure` (the interval leaves 0 out) for each class and slice
        that lost, sure ones first, then by how much. None where there was nothing to measure.

    Example:
        >>> from cityzoo.metrics.bootstrap import bootstrap_weights
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
    sides, drawn = [model(once) for model in (this, other)], [model(weights) for model in (this, other)]
    rows = {
        key: _row(*(side[key][0] for side in sides), *(side[key] for side in drawn))
        for key in sides[0]
        if key in sides[1] and (key in headline or _class_of(key, class_figures))
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
    """Return whether a figure is better when lower, by the last word of its place.

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
    this: float, other: float, drawn_this: np.ndarray, drawn_other: np.ndarray
) -> dict[str, float | None]:
    low, high = (interval(drawn_this - drawn_other) if np.isfinite(this - other) else None) or (None, None)
    numbers = {"this": this, "other": other, "difference": this - other}
    known = {name: float(value) if np.isfinite(value) else None for name, value in numbers.items()}
    return {**known, "low": low, "high": high}


def _side(row: Mapping[str, float | None]) -> int:
    """Return on which side of 0 the whole interval of a difference lies: -1, 1, or 0 for neither."""
    return 0 if row["low"] is None else int(row["low"] > 0) - int(row["high"] < 0)


def _verdict(row: Mapping[str, float | None], place: str, lower: Collection[str]) -> str:
    side = _side(row)
    if not side:
        return "no clear difference"
    if split_pointer(place)[-1] in NEUTRAL:
        return "different"
    return "worse" if (side > 0) == better_when_lower(place, lower) else "better"


def _lost(row: dict[str, float | None], lower: bool) -> dict[str, Any] | None:
    """Return a row with `sure`, or None where nothing was lost."""
    sign = 1 if lower else -1
    if row["difference"] is None or sign * row["difference"] < LEAST:
        return None
    return {**row, "sure": _side(row) == sign}


def _lost_slices(
    this: WeightedMetrics,
    other: WeightedMetrics,
    weights: np.ndarray,
    figure: str,
    lower: Collection[str],
    masks: Masks,
) -> dict[str, dict[str, Any] | None]:
    named = {
        f"{by}: {name}: {figure}": np.asarray(mask, np.float64)
        for by, slices in masks.items()
        for name, mask in slices.items()
        if np.count_nonzero(mask) >= LEAST_IMAGES
    }
    if not named:
        return {}
    values = [model(np.stack(list(named.values())))[figure] for model in (this, other)]
    sign, lost = (1 if better_when_lower(figure, lower) else -1), {}
    for (what, mask), *pair in zip(named.items(), *values, strict=True):
        if sign * (pair[0] - pair[1]) >= LEAST:  # the others need no draws, which take their time
            drawn = [model(weights * mask)[figure] for model in (this, other)]
            lost[what] = _lost(_row(*pair, *drawn), sign > 0)
    return lost


def class_table(ours: Sequence[str], theirs: Sequence[str], who: str) -> str:
    """Return two lists of class names side by side, a line a name.

    Example:
        >>> print(class_table(("bus", "lorry"), ("bus", "truck", "van"), "runs/b"))
        this model  runs/b
        bus         bus
        lorry       -
        -           truck
        -           van
    """
    names = list(dict.fromkeys([*ours, *theirs]))
    rows = [("this model", who)]
    rows += [(name if name in ours else "-", name if name in theirs else "-") for name in names]
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"{left:<{width}}  {right}" for left, right in rows)


def require_same_classes(ours: Sequence[str], theirs: Sequence[str], who: str) -> None:
    """Raise an error with both lists where two models do not know the same classes; their order is free.

    Raises:
        InputError: a name that only one of them knows, or one that stands for two classes of theirs.

    Example:
        >>> require_same_classes(("bus", "car"), ("car", "bus"), "runs/b")
    """
    only_ours = [name for name in ours if name not in theirs]
    only_theirs = [name for name in theirs if name not in ours]
    if only_ours or only_theirs:
        example = f"{(only_theirs or theirs)[0]}={(only_ours or ours)[0]}"
        raise InputError(
            f"class names do not match: {who} knows other classes than this model, map them by --class-map, "
            f"e.g. --class-map {example}\n{class_table(ours, theirs, who)}"
        )
    twice = next((name for name in theirs if list(theirs).count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"class names do not match: two classes of {who} are called '{twice}', allowed is one: --class-map can "
            "rename a model's classes here, not join them"
        )
