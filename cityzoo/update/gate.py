"""The gate between a trained model and its promotion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def find_reasons(
    lineage: Mapping[str, Any], row: Mapping[str, Any], min_gain: float | None, lower_is_better: bool
) -> list[str]:
    """Return why a gate refuses a continued model; nothing if it does not.

    Args:
        lineage: of its report: what was lost on the data of earlier runs.
        row: of the lineage for the new data: `difference` of the metric to the model before, and its `interval`; None
            where that model does not know the classes.
        min_gain: difference that is required; None: the interval must reach beyond 0 where the difference is
            a loss.
        lower_is_better: whether the metric is an error.

    Example:
        >>> lost = {"run": "road", "metric": "AP50", "loss": 0.05, "limit": 0.02}
        >>> find_reasons({"lost": [lost], "metric": "AP"}, {"difference": 0.1}, None, lower_is_better=False)
        ['AP50 lost 0.050 on road, allowed 0.020']
        >>> find_reasons({"metric": "mae"}, {"difference": 0.2, "interval": [0.1, 0.3]}, None, lower_is_better=True)
        ['mae is worse on the new data: +0.200']
        >>> find_reasons({"metric": "AP"}, {"difference": -0.2, "interval": [-0.4, 0.0]}, None, lower_is_better=False)
        ['AP is worse on the new data: -0.200']
        >>> find_reasons({"metric": "AP"}, {"difference": 0.01, "interval": [-0.1, 0.1]}, 0.02, lower_is_better=False)
        ['AP +0.010 on the new data, required is a gain of 0.02']
    """
    reasons = [
        f"{each['metric']} lost {each['loss']:.3f} on {each['run']}, allowed {each['limit']:.3f}"
        for each in lineage.get("lost") or ()
    ]
    difference, metric = row.get("difference"), lineage.get("metric")
    if difference is None:
        return reasons
    low, high = row.get("interval") or (difference, difference)
    gain, best = (-difference, -low) if lower_is_better else (difference, high)
    # Of few held-out examples a loss may be worse in some resamples and better in none.
    if best < 0 or (min_gain is None and gain < 0 == best):
        reasons.append(f"{metric} is worse on the new data: {difference:+.3f}")
    elif min_gain is not None and gain < min_gain:
        reasons.append(f"{metric} {difference:+.3f} on the new data, required is a gain of {min_gain:g}")
    return reasons
