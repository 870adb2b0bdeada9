"""Average the outputs of several models: probabilities of classes, not their logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from keras import ops


def average_logits(logits: Sequence[Any], weights: Sequence[float], several: bool = False) -> Any:
    """Return logits whose probabilities are the weighted mean of those of several models.

    Exclusive classes: log(sum_i w_i softmax(x_i)) + sum_i w_i logsumexp(x_i). The second term does not change the
    probabilities; it keeps the energy of the logits, by which texts outside of all classes are refused. Classes that do
    not exclude each other, and two classes on one logit: the logit of the mean of the sigmoids.

    Args:
        logits: (..., C) float, of each model; symbolic tensors or arrays.
        weights: of each model, above 0; their sum is 1.
        several: whether an example can have several classes.

    Example:
        >>> import numpy as np
        >>> found = average_logits([np.log([[0.9, 0.1]]), np.log([[0.5, 0.5]])], [0.5, 0.5])
        >>> np.round(ops.softmax(found), 3).tolist()
        [[0.7, 0.3]]
    """
    if several or logits[0].shape[-1] == 1:
        yes = _log_mean([-ops.softplus(-each) for each in logits], weights)
        return yes - _log_mean([-ops.softplus(each) for each in logits], weights)
    energies = [ops.logsumexp(each, axis=-1, keepdims=True) for each in logits]
    shares = _log_mean([each - energy for each, energy in zip(logits, energies, strict=True)], weights)
    return shares + weighted_mean(energies, weights)


def weighted_mean(outputs: Sequence[Any], weights: Sequence[float]) -> Any:
    """Return the weighted mean of arrays or symbolic tensors of one shape.

    Example:
        >>> import numpy as np
        >>> weighted_mean([np.array([1.0]), np.array([3.0])], [0.25, 0.75]).tolist()
        [2.5]
    """
    return reduce(add, [float(weight) * each for each, weight in zip(outputs, weights, strict=True)])


def _log_mean(logs: Sequence[Any], weights: Sequence[float]) -> Any:
    shifted = [each + math.log(weight) for each, weight in zip(logs, weights, strict=True)]
    return ops.logsumexp(ops.stack(shifted, axis=-1), axis=-1)
