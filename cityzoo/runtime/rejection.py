"""Knowing when not to answer: scores of how well a text fits the classes, and the rule that refuses. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

REFUSED = -1  # label of what is not answered


def _log_sum(logits: np.ndarray) -> np.ndarray:
    top = logits.max(axis=1)
    return top + np.log(np.exp(logits - top[:, None]).sum(axis=1))


def _log_shares(logits: np.ndarray) -> np.ndarray:
    return logits - _log_sum(logits)[:, None]


def _margin(logits: np.ndarray) -> np.ndarray:
    first, second = np.sort(np.exp(_log_shares(logits)), axis=1)[:, :-3:-1].T
    return first - second


# Name -> (N, C) logits -> (N,), higher for what fits the classes better.
SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    # Liu et al. 2020, "Energy-based Out-of-distribution Detection" (arXiv 2010.03759), with the sign turned
    "energy": _log_sum,
    "max logit": lambda logits: logits.max(axis=1),
    # Hendrycks & Gimpel 2017, "A Baseline for Detecting Misclassified and Out-of-Distribution Examples"
    "max probability": lambda logits: np.exp(_log_shares(logits).max(axis=1)),
    "margin": _margin,
    "negative entropy": lambda logits: (np.exp(_log_shares(logits)) * _log_shares(logits)).sum(axis=1),
}


def class_logits(outputs: np.ndarray) -> np.ndarray:
    """Return one logit for each class, (N, C) float64; of two classes from the one logit of the second.

    Example:
        >>> class_logits(np.array([[3.0]])).tolist()
        [[-1.5, 1.5]]
    """
    logits = np.asarray(outputs, np.float64)
    return np.concatenate([-logits / 2, logits / 2], axis=1) if logits.shape[1] == 1 else logits


class Decision(NamedTuple):
    """What a model answers to N texts."""

    labels: np.ndarray  # (N,) int, positions in the class names; REFUSED: outside of all, or too uncertain
    shares: np.ndarray  # (N, C) float64, calibrated probabilities
    scores: np.ndarray  # (N,) float64, what the threshold is compared with


@dataclass(frozen=True)
class RejectionRule:
    """When not to answer, chosen on validation data.

    Attributes:
        score: a key of SCORES, computed from the logits as they are.
        threshold: lowest score that is answered.
        temperature: logits are divided by it before they become probabilities (Guo et al. 2017, arXiv 1706.04599).
        keep: share of the texts within the classes that was to be answered; None: not asked for.
        wrong_at_most: share of the answers that might be wrong; None: not asked for.

    Example:
        >>> rule = RejectionRule("max probability", threshold=0.8)
        >>> rule.decide(np.array([[3.0, 0.0, 0.0], [0.1, 0.0, 0.0]])).labels.tolist()
        [0, -1]
    """

    score: str
    threshold: float
    temperature: float = 1.0
    keep: float | None = None
    wrong_at_most: float | None = None

    def decide(self, outputs: np.ndarray) -> Decision:
        """Return labels, probabilities and scores for a model's outputs, (N, C) logits or (N, 1) of two classes."""
        logits = class_logits(outputs)
        scores = SCORES[self.score](logits)
        labels = np.where(scores >= self.threshold, logits.argmax(axis=1), REFUSED)
        return Decision(labels, np.exp(_log_shares(logits / self.temperature)), scores)

    def as_dict(self) -> dict[str, Any]:
        """Return it as `read_rule` reads it."""
        return asdict(self)


def read_rule(document: Mapping[str, Any]) -> RejectionRule | None:
    """Return the rule in the `rejection` of report.json or preprocessing.json; None where there is none.

    Example:
        >>> read_rule({"rejection": RejectionRule("energy", 2.5).as_dict()}).threshold, read_rule({})
        (2.5, None)
    """
    found = document.get("rejection") or {}
    if found.get("score") not in SCORES or found.get("threshold") is None:
        return None
    names = ("score", "threshold", "temperature", "keep", "wrong_at_most")
    return RejectionRule(**{name: found[name] for name in names if name in found})
