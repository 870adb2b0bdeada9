"""Choice of when not to answer, on validation data: the score, its threshold, the temperature of probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.metrics import rejection
from cityzoo.metrics.calibration import fit_temperature
from cityzoo.metrics.weighted import weighted_ranking

if TYPE_CHECKING:
    from cityzoo.runtime.rejection import RejectionRule


def choose_rule(
    logits: np.ndarray,
    targets: np.ndarray,
    keep: float,
    wrong_at_most: float | None = None,
    default: str = "energy",
) -> RejectionRule:
    """Choose score, threshold and temperature.

    Of the scores the one is taken that best separates examples outside of all classes, by AUROC.

    Args:
        logits: (N, C).
        targets: (N, C), zeros for examples outside.
        keep, wrong_at_most: see `cityzoo.metrics.rejection.choose_threshold`.
        default: score where no examples are outside.
    """
    from cityzoo.runtime.rejection import SCORES, RejectionRule

    inside = rejection.find_inside(targets)
    if not inside.any():
        return RejectionRule(default, float(SCORES[default](logits).min()))
    right = inside & (targets.argmax(axis=1) == logits.argmax(axis=1))
    found = compare_scores(logits, targets)
    best = max(found, key=lambda name: found[name]["outside_auroc"]) if found else default
    threshold = rejection.choose_threshold(inside, right, SCORES[best](logits), keep, wrong_at_most)
    shares = RejectionRule(best, threshold).decide(logits).shares
    temperature = fit_temperature(targets[inside], shares[inside], multilabel=False)
    return RejectionRule(best, threshold, temperature, None if wrong_at_most else keep, wrong_at_most)


def compare_scores(logits: np.ndarray, targets: np.ndarray) -> dict[str, dict[str, float]]:
    """Return for each score how well it separates examples outside of all classes; nothing where there are none.

    Returns:
        score -> `outside_auroc`, and `outside_rejected_at_90`, the share of them that is refused where 90 % of the
        others are answered.
    """
    from cityzoo.runtime.rejection import SCORES

    inside, everything, found = rejection.find_inside(targets), np.ones((1, len(targets))), {}
    if inside.all() or not inside.any():
        return {}
    for name, score in SCORES.items():
        scores = score(logits)
        found[name] = {
            "outside_auroc": float(weighted_ranking(inside, scores)(everything)[0][0]),
            "outside_rejected_at_90": float(rejection.rejected_when_kept(inside, scores)(everything)[0]),
        }
    return found


def describe_rejection(rule: RejectionRule, logits: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """Return the rule, what other scores would do, and curves.

    Returns:
        The fields of the rule; `n_inside` and `n_outside`; `scores`, see `compare_scores`; `roc`, share of the
        examples outside that is refused by share of the others that is answered; `risk_coverage`, see
        `cityzoo.metrics.rejection.risk_coverage`, of all examples and of those inside.
    """
    inside, decision = rejection.find_inside(targets), rule.decide(logits)
    right = inside & (targets.argmax(axis=1) == logits.argmax(axis=1))
    curves = {"texts within the classes": rejection.risk_coverage(right[inside], decision.scores[inside])}
    if not inside.all():
        curves["all texts"] = rejection.risk_coverage(right, decision.scores)
    return {
        **rule.as_dict(),
        "n_inside": int(inside.sum()),
        "n_outside": int((~inside).sum()),
        "scores": compare_scores(logits, targets),
        "kept_rejected": rejection.kept_rejected_curve(inside, decision.scores),
        "risk_coverage": curves,
    }
