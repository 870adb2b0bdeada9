"""Unlabeled examples as a run sees them, next to the labeled ones that it was trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.fit.fine_tune import load_task_data
from cityzoo.modalities.embedding import embed, score
from cityzoo.selection.coverage import standardize_features

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidates:
    """Unlabeled examples with results.

    Attributes:
        examples: N of them.
        results: of each.
        uncertainty: (N,) float64.
        features: (N, D) float32, rows of length 1.
        hashes: perceptual hashes, or empty.
    """

    examples: Any
    results: Sequence[Any]
    uncertainty: np.ndarray
    features: np.ndarray
    hashes: Sequence[str]


@dataclass(frozen=True)
class Known:
    """Labeled examples of a run: their names, features of length 1 (M, D), and hashes."""

    names: Sequence[str]
    features: np.ndarray
    hashes: Sequence[str]


def load_labeled(run: EvaluatedRun) -> Any | None:
    """Return the data that a run was trained on; None, with a warning, where it cannot be read any more."""
    try:
        return load_task_data(run.spec)[1]
    except InputError as error:
        LOG.warning(
            "WARNING: the data of '%s' cannot be read (%s): what is known is not avoided", run.path, error
        )
        return None


def load_candidates(run: EvaluatedRun, source: str, limit: int | None, data: Any) -> tuple[Candidates, Known]:
    """Read unlabeled examples and compare them with the labeled data of a run.

    Args:
        run: opened.
        source: of the unlabeled examples.
        limit: number of examples to read; None: all.
        data: of the run, or None.

    Raises:
        InputError: nothing usable there, or a modality without unlabeled examples.
    """
    modality, output = run.task.modality, run.output
    found = modality.read_unlabelled(source, {"bad_boxes": "drop", "limit": limit})
    examples = replace(found, class_names=output.class_names)
    LOG.info("%d unlabeled %s in '%s'", len(examples), modality.unit, source)
    results, uncertainty = score(modality, run.model, output, examples)
    features = embed(modality, run.model, output, examples)
    sides = [side for side in (data.train, data.val) if len(side)] if data else []
    labeled = [each for side in sides for each in side.examples]
    embedded = [embed(modality, run.model, output, side) for side in sides]
    known = np.concatenate(embedded) if embedded else features[:0]
    known, features = standardize_features(known, features)
    hashes = [each for side in sides for each in modality.hashes(side)]
    names = [str(getattr(each, "name", "") or each.path) for each in labeled]
    return (
        Candidates(examples, results, uncertainty, features, modality.hashes(examples)),
        Known(names, known, hashes),
    )
