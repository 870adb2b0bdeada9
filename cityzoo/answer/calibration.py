"""How sure an answer is, and from which probability on it is given."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

FILE = "calibration.json"
LEAST = 20  # questions that are calibrated on, some of them with a wrong first answer


@dataclass(frozen=True)
class Calibration:
    """Two logistic regressions of the features of a match, and a threshold.

    Attributes:
        first: weights and, last, intercept of: the first answer is right.
        either: of: one of the first two is right.
        threshold: probability from which the first answer is given, and from which it is asked which of two is meant.
        wrong_at_most: share of wrong ones among the answers that the threshold was chosen for; None: not calibrated.
        questions: that it was fitted on.
        passages, encoder: digests of what it was fitted with.
    """

    first: tuple[float, ...]
    either: tuple[float, ...]
    threshold: float
    wrong_at_most: float | None = None
    questions: int = 0
    passages: str = ""
    encoder: str = ""

    def probabilities(
        self, features: np.ndarray, is_stored: np.ndarray | bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities that the first answer, and that one of the first two, is right.

        Args:
            features: (..., 4) of matches.
            is_stored: (...) bool, whether the question is the passage's own: its answer is right.

        Example:
            >>> found = Calibration((1.0, 0, 0, 0, 0.0), (1.0, 0, 0, 0, 1.0), 0.5).probabilities(np.zeros((1, 4)))
            >>> [each.round(3).tolist() for each in found]
            [[0.5], [0.731]]
        """
        first, either = (
            1 / (1 + np.exp(-(features @ np.array(weights[:-1]) + weights[-1])))
            for weights in (self.first, self.either)
        )
        first = np.where(is_stored, 1.0, first)
        return first, np.maximum(first, either)

    @property
    def is_calibrated(self) -> bool:
        """Whether it was fitted on questions of these passages."""
        return self.wrong_at_most is not None

    def write(self, folder: Path) -> None:
        """Write it next to the index."""
        folder.mkdir(parents=True, exist_ok=True)
        with replace_file(folder / FILE) as part:
            part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def choose_threshold(probabilities: np.ndarray, right: np.ndarray, wrong_at_most: float) -> float:
    """Return the lowest probability from which on at most a share of the answers is wrong; 1 if there is none.

    The share of k wrong ones among n answers is estimated as (k + 0.5) / (n + 1), the mean of its distribution with
    Jeffreys' prior, so that a few right answers alone prove little.

    Args:
        probabilities: (N,) of questions.
        right: (N,) bool, whether the first answer is right; never so for questions outside of the passages.
        wrong_at_most: share.

    Example:
        >>> p, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, True, False])
        >>> choose_threshold(p, right, 0.2), choose_threshold(p, right, 0.3), choose_threshold(p, right, 0.1)
        (0.7, 0.6, 1.0)
    """
    order = np.argsort(-probabilities, kind="stable")
    wrong = np.cumsum(~right[order])
    allowed = (wrong + 0.5) / (np.arange(len(order)) + 2) <= wrong_at_most
    # Equal probabilities are answered together.
    allowed &= np.append(np.diff(probabilities[order]) < 0, True)
    return float(probabilities[order][np.flatnonzero(allowed)[-1]]) if allowed.any() else 1.0


def fit_calibration(
    features: np.ndarray, ranks: np.ndarray, wrong_at_most: float, passages: str, encoder: str
) -> Calibration:
    """Fit a calibration.

    Args:
        features: (N, 4) of matches.
        ranks: (N,) place of the right answer from 0; -1: it is not among the nearest, or the question is outside.
        wrong_at_most: wanted share of wrong ones among the answers.
        passages, encoder: digests.

    Raises:
        InputError: too few questions, or no wrong first answers, which outside questions have.
    """
    from sklearn.linear_model import LogisticRegression

    targets = [ranks == 0, (ranks == 0) | (ranks == 1)]
    if len(ranks) < LEAST or any(not 0 < right.sum() < len(right) for right in targets):
        raise InputError(
            f"{len(ranks)} questions, {int(targets[0].sum())} with a right first answer: to calibrate, give "
            f"--questions at least {2 * LEAST}, some of them outside of the passages, with nothing in the second column"
        )
    center, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    weights = []
    for right in targets:
        fitted = LogisticRegression(max_iter=1000).fit((features - center) / scale, right)
        slopes = fitted.coef_[0] / scale
        weights.append((*slopes.tolist(), float(fitted.intercept_[0] - slopes @ center)))
    found = Calibration(weights[0], weights[1], 1.0, wrong_at_most, len(ranks), passages, encoder)
    threshold = choose_threshold(found.probabilities(features)[0], targets[0], wrong_at_most)
    return replace(found, threshold=threshold)


def read_calibration(folder: Path, encoder: str) -> Calibration:
    """Return the calibration in a folder; without one for this encoder, the default of the encoder or of words alone.

    Raises:
        InputError: the file is damaged.
    """
    file = folder / FILE
    if file.is_file():
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            lists = {name: tuple(map(float, content[name])) for name in ("first", "either")}
            found = Calibration(**{**content, **lists})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"'{file}' is damaged ({error}): run answer --questions again") from error
        if found.encoder == encoder:
            return found
    return DEFAULT if encoder else DEFAULT_OF_WORDS


# The first fitted on CLINC150 and BANKING77 with MiniLM, the second chosen on them: see docs/answering.md.
DEFAULT = Calibration((4.05, 18.09, 3.95, -0.13, -4.05), (3.26, 15.47, 12.12, 1.17, -3.3), 0.8)
DEFAULT_OF_WORDS = Calibration((0.0, 30.0, 0.0, 8.0, -5.0), (0.0, 15.0, 30.0, 8.0, -5.0), 0.5)
