"""Rows of new classes in a head that knows other classes, from the means of their examples."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.modalities.embedding import cut_model, predict_rows

if TYPE_CHECKING:
    from cityzoo.fit.context import TrainContext
    from cityzoo.fit.continued_data import ContinuedDataset

LOG = logging.getLogger(__name__)
MOST = 500  # examples of each side


def imprint_new_classes(context: TrainContext, data: ContinuedDataset) -> None:
    """Give the head's last layer a row for each new class, from the mean of its embeddings.

    Weight imprinting (Qi et al. 2018, arXiv 1712.07136).
    The row points from the mean of all classes to that of its own, is as long as those of known classes are on
    average, and its bias gives its examples the logit that known classes give theirs. Heads without such a layer, and
    classes that nothing known is replayed with, keep the rows that they start with.
    """
    name, count = context.output.closed_form_layer, len(context.output.class_names)
    if not (data.added and name and len(data.known)):
        return
    layer = context.assembled.model.get_layer(name)
    kernel, *bias = layer.get_weights()
    if kernel.ndim != 2 or kernel.shape[-1] != count or not bias:
        return
    sides = [_embed(context, each) for each in (data.known, data.new.train)]
    means, present = class_means(*(np.concatenate(each) for each in zip(*sides, strict=True)))
    first = count - len(data.added)
    new = [place for place in range(first, count) if present[place]]
    if not present[:first].any() or not new:
        return
    layer.set_weights(list(imprint(kernel, bias[0], means, present, first)))
    LOG.info("new classes start from the means of their examples: %s", ", ".join(data.added))


def _embed(context: TrainContext, examples: Any) -> tuple[np.ndarray, np.ndarray]:
    rows = np.unique(np.linspace(0, len(examples) - 1, min(len(examples), MOST)).astype(int)).tolist()
    some, model = context.modality.select(examples, rows), context.assembled.model
    part = cut_model(model, model.get_layer(context.output.closed_form_layer).input)
    found = predict_rows(context.modality, part, context.output, some)
    return found, np.stack([each.target for each in some.examples])


def class_means(rows: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the rows of each class, (C, D) float32, and whether it has any, (C,) bool.

    Args:
        rows: (N, D) float32.
        targets: (N, C) float32, above 0 where a row has a class.

    Example:
        >>> class_means(np.array([[1.0], [3.0]]), np.array([[1, 0], [1, 0]]))[0].tolist()
        [[2.0], [0.0]]
    """
    has = targets > 0
    counts = has.sum(axis=0)
    return (has.T @ rows / np.maximum(counts, 1)[:, None]).astype(np.float32), counts > 0


def imprint(
    kernel: np.ndarray, bias: np.ndarray, means: np.ndarray, present: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias with columns for new classes.

    Args:
        kernel: (D, C) float32, the columns from `first` on are replaced.
        bias: (C,) float32.
        means: (C, D) float32, mean embedding of each class.
        present: (C,) bool, whether a class has a mean.
        first: position of the first new class.

    Example:
        >>> kernel, bias = np.array([[2.0, -2.0, 0.0], [0.0, 0.0, 0.0]]), np.zeros(3)
        >>> means = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0]])
        >>> new, offset = imprint(kernel, bias, means, np.ones(3, bool), 2)
        >>> new[:, 2].round(2).tolist(), round(float(offset[2]), 2)
        ([0.0, 2.0], -4.0)
    """
    kernel, bias = kernel.copy(), bias.copy()
    known = np.flatnonzero(present[:first])
    own = means[known] @ kernel[:, known] + bias[known]
    wanted, length = float(np.diag(own).mean()), float(np.linalg.norm(kernel[:, known], axis=0).mean())
    center = means[present].mean(axis=0)
    for place in np.flatnonzero(present[first:]) + first:
        way = means[place] - center
        kernel[:, place] = way / max(float(np.linalg.norm(way)), 1e-9) * length
        bias[place] = wanted - means[place] @ kernel[:, place]
    return kernel, bias
