"""Labeled examples of a run as features of its frozen backbone: what a linear head is fitted on again and again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.modalities.embedding import embed
from cityzoo.outputs.classification import Classification
from heads.linear_probe import Linear, logistic_regression

STRENGTH = (
    0.003  # C of the penalty |w|^2 / 2C, on standardized features; see `cityzoo.modalities.frozen_baseline`
)


@dataclass(frozen=True)
class ProbeData:
    """Examples with features.

    Attributes:
        examples: N of them, with labels.
        features: (N, D) float32, by the backbone before training: it has not seen the labels.
        targets: (N, C) float32.
    """

    examples: Any
    features: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: np.ndarray) -> ProbeData:
        """Return some of the examples."""
        examples = replace(self.examples, examples=tuple(self.examples.examples[row] for row in rows))
        return ProbeData(examples, self.features[rows], self.targets[rows])

    def join(self, other: ProbeData) -> ProbeData:
        """Return these and other examples of the same classes."""
        both = (*self.examples.examples, *other.examples.examples)
        features, targets = (
            np.concatenate(pair) for pair in ((self.features, other.features), (self.targets, other.targets))
        )
        return ProbeData(replace(self.examples, examples=both), features, targets)


def make_probe_data(modality: Any, model: Any, output: Classification, examples: Any) -> ProbeData:
    """Return the examples with their features, without those that are of no class where there has to be one.

    Raises:
        InputError: fewer than two examples are left.
    """
    targets = np.stack([np.asarray(each.target, np.float32) for each in examples.examples])
    rows = np.flatnonzero(targets.any(axis=1) | output.several)
    if len(rows) < 2:
        raise InputError(f"{len(rows)} labeled {modality.unit}: give two or more")
    some = modality.select(examples, rows.tolist())
    return ProbeData(some, embed(modality, model, output, some), targets[rows])


def fit_probe(features: np.ndarray, targets: np.ndarray, several: bool) -> Linear:
    """Return logistic regression with a fixed penalty: nothing is chosen by any data."""
    return logistic_regression(features, targets, np.arange(len(targets)), several, strength=STRENGTH)


def predict_probe(probe: Linear, output: Classification, data: ProbeData) -> list[Any]:
    """Return the results of a head on the features of examples, as the output decodes them."""
    return output.decode(data.features @ probe.kernel + probe.bias, None, data.examples.examples)
