"""What more training would bring: a power law fitted to the learning curve, with its uncertainty."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

LOG = logging.getLogger(__name__)
LEAST_EPOCHS = 6  # of the last phase: three parameters need more points
FACTOR = 2.0  # more epochs
EXPONENTS = np.geomspace(0.1, 4.0, 200)  # of the power law, equally likely before the curve is seen
SAMPLES = 2000
PERCENTILES = (10, 50, 90)


def extrapolate(values: Sequence[float], factor: float = FACTOR, seed: int = 0) -> tuple[float, float, float]:
    """Return what a curve reaches after more epochs: low, median and high (80 % interval).

    y = a - b * epoch ** -c (Hestness et al. 2017, arXiv 1712.00409; for curves over epochs: Domhan, Springenberg &
    Hutter, IJCAI 2015). For each c of a grid, a and b are least squares; exponents count by their marginal likelihood
    under Jeffreys' prior, and what they predict is drawn from its Student's t distribution.

    Args:
        values: of a metric that rises, one per epoch, at least four.
        factor: how many times as many epochs.
        seed: of the samples.

    Example:
        >>> curve = [0.8 - 0.5 * epoch**-0.7 for epoch in range(1, 21)]
        >>> low, middle, high = extrapolate(curve)
        >>> abs(middle - (0.8 - 0.5 * 40**-0.7)) < 0.001, low <= middle <= high
        (True, True)
    """
    rng, y = np.random.default_rng(seed), np.asarray(values, float)
    epochs, free = np.arange(1, len(y) + 1), len(y) - 2
    scores, means, spreads = [], [], []
    for exponent in EXPONENTS:
        x = np.stack([np.ones(len(y)), -(epochs**-exponent)], 1)
        covariance = np.linalg.inv(x.T @ x)
        coefficients = covariance @ x.T @ y
        error = max(float(np.sum((y - x @ coefficients) ** 2)), 1e-12)
        at = np.array([1.0, -((factor * len(y)) ** -exponent)])
        rises = coefficients[1] >= 0
        scores.append(
            0.5 * np.log(np.linalg.det(covariance)) - free / 2 * np.log(error) if rises else -np.inf
        )
        means.append(float(at @ coefficients))
        spreads.append(float(np.sqrt(error / free * (at @ covariance @ at))))
    if not np.isfinite(scores).any():  # it falls: more of the same brings nothing
        return (float(y[-1]),) * 3
    shares = np.exp(np.asarray(scores) - np.max(scores))
    chosen = rng.choice(len(EXPONENTS), SAMPLES, p=shares / shares.sum())
    drawn = np.asarray(means)[chosen] + np.asarray(spreads)[chosen] * rng.standard_t(free, SAMPLES)
    low, middle, high = np.percentile(drawn, PERCENTILES)
    return float(low), float(middle), float(high)


def predict_gain(
    history: Sequence[Mapping[str, Any]], monitor: str, is_lower_better: bool
) -> dict[str, Any] | None:
    """Return what twice the epochs of a run's last phase would bring; None where there are too few of them.

    Of a power law, each doubling of the epochs brings the same share of what the one before brought: the last two
    bound the next one. A curve that begins as an S, as warm-up and moving averages of weights make it, would promise
    far too much otherwise.

    Args:
        history: a row for each epoch, with `phase`, `seconds` and the metric as `val_NAME`.
        monitor: the metric that chooses the best epoch.
        is_lower_better: whether it improves when it falls.

    Returns:
        `metric`, `now` (the best), `then`, `low` and `high` (80 % interval), `more_minutes` of training.
    """
    rows = [row for row in history if row["phase"] == history[-1]["phase"] and f"val_{monitor}" in row]
    if len(rows) < LEAST_EPOCHS:
        return None
    sign = -1.0 if is_lower_better else 1.0
    best = np.maximum.accumulate([sign * float(row[f"val_{monitor}"]) for row in rows])
    before, last = np.diff(best[[len(best) // 4 - 1, len(best) // 2 - 1, -1]])
    most = best[-1] + last * min(1.0, last / max(before, 1e-9))
    found = extrapolate(best.tolist())
    low, middle, high = np.clip(found, best[-1], most).tolist()
    if found[0] > most + 0.05 * last:  # no power law: anything up to the bound
        low, middle = float(best[-1]), float(best[-1] + most) / 2
    seconds = float(rows[-1]["seconds"]) - float(rows[0]["seconds"])
    return {
        "metric": monitor,
        "now": sign * best[-1],
        "then": sign * middle,
        "low": sign * (high if is_lower_better else low),
        "high": sign * (low if is_lower_better else high),
        "more_minutes": round((FACTOR - 1) * seconds * len(rows) / max(len(rows) - 1, 1) / 60, 1),
    }


def log_gain(found: Mapping[str, Any] | None) -> None:
    """Log what `predict_gain` returned in one line."""
    if found:
        LOG.info(
            "best val_%s in training %.3f; about %.1f more minutes, twice the epochs of the last phase, would bring it "
            "to %.3f (80 %% interval %.3f to %.3f, by the learning curve)",
            *(
                found["metric"],
                found["now"],
                found["more_minutes"],
                found["then"],
                found["low"],
                found["high"],
            ),
        )
