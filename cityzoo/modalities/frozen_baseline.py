"""A logistic regression on features of the frozen backbone: the simple method that a classifier must beat.

It is fitted when a run's folder is written, on the backbone as it was before training, with one plain view of each
example, the mean of each feature, and a fixed penalty. Nothing of it is chosen by any data. Beside it, a run that
continues another one has the nearest class mean and the shrunk linear discriminant, on the features of the model
before: they learn a class from its mean alone, and forget none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from cityzoo import model as models
from cityzoo.errors import DAMAGE
from cityzoo.modalities.embedding import predict_rows
from cityzoo.outputs.classification import Classification
from heads.linear_probe import logistic_regression, nearest_mean, shrunk_discriminant

if TYPE_CHECKING:
    import keras

LOG = logging.getLogger(__name__)
FILE, BEFORE = "baselines.npz", "before.keras"
NAME = "logistic regression on frozen features"
MEANS, DISCRIMINANT = "nearest class mean on frozen features", "shrunk discriminant on frozen features"
STRENGTH = 0.003  # C of the penalty |w|^2 / 2C, on standardized features
MOST = 4000  # training examples that it is fitted on, evenly spread: more take long


def fit_baseline(folder: Path, modality: Any, data: Any, output: Any) -> None:
    """Fit the baselines on the training examples of a run, and write them into its folder.

    Nothing is written for outputs that are not classifications, or without the model before training.
    """
    if not isinstance(output, Classification) or not (folder / BEFORE).is_file():
        return
    rows = np.unique(np.linspace(0, len(data.train) - 1, min(len(data.train), MOST)).astype(int))
    some = modality.select(data.train, rows.tolist())
    features = _embed(folder, modality, some, output)
    targets = np.stack([each.target for each in some.examples])
    groups = np.arange(len(some))
    found = {NAME: logistic_regression(features, targets, groups, output.several, strength=STRENGTH)}
    if hasattr(data, "added") and not output.several:  # of a run that continues another one
        found[MEANS] = nearest_mean(features, targets)
        found[DISCRIMINANT] = shrunk_discriminant(features, targets)
    arrays: dict[str, Any] = {}
    for name, layer in found.items():
        pair = layer.kernel, layer.bias
        if not output.several and layer.bias.shape == (2,):  # one logit for two classes
            pair = tuple(each[..., 1:] - each[..., :1] for each in pair)
        arrays |= {f"{name}.kernel": pair[0], f"{name}.bias": pair[1]}
    np.savez_compressed(folder / FILE, allow_pickle=False, **arrays)


def predict_baseline(run: Path, modality: Any, examples: Any, output: Any) -> Mapping[str, Sequence[Any]]:
    """Return the results of the baselines for every example, by their names; nothing where a run has none."""
    if not isinstance(output, Classification) or not (run / FILE).is_file():
        return {}
    try:
        with np.load(run / FILE, allow_pickle=False) as found:
            arrays = dict(found)
        features = _embed(run, modality, examples, output)
        names = [name.removesuffix(".kernel") for name in arrays if name.endswith(".kernel")]
        logits = {name: features @ arrays[f"{name}.kernel"] + arrays[f"{name}.bias"] for name in names}
    except DAMAGE as error:
        LOG.warning("the baseline '%s' is damaged (%s): left out", run / FILE, error)
        return {}
    return {name: output.decode(rows, None, examples.examples) for name, rows in logits.items()}


def _embed(run: Path, modality: Any, examples: Any, output: Any) -> np.ndarray:
    return predict_rows(modality, _mean_features(models.load(run / BEFORE), output), output, examples)


def _mean_features(model: keras.Model, output: Any) -> keras.Model:
    """Return the part of a model that computes the means of its features, without their peaks."""
    import keras

    means = [
        layer.output
        for layer in model.layers
        if layer.name.startswith("head_") and layer.name.endswith("_mean")
    ]
    if not means:
        return keras.Model(model.input, zoo.up_to(model, output.closed_form_layer, "embedding").outputs[0])
    return keras.Model(model.input, keras.ops.concatenate(means, axis=-1) if len(means) > 1 else means[0])
