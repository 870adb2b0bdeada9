"""A loss that penalizes outputs which depend on something else than the class: camera, light, district."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

KERNELS = ("rbf", "linear")
LEAST = 1e-12


def hsic(outputs: Any, values: Any, strata: Any, kernel: str = "rbf", normalize: bool = False) -> Any:
    """Return how much outputs depend on values among rows of one stratum: 0 if they are independent.

    The Hilbert-Schmidt independence criterion (Gretton et al. 2005, "Measuring Statistical Dependence with
    Hilbert-Schmidt Norms"): tr(K H L H) / (n - 1)^2 of each stratum, the mean over strata. L has a linear kernel; the
    Gaussian one of K is as wide as the mean squared distance within strata.

    Args:
        outputs: (batch, D) float32.
        values: (batch, V) float32, 1 for the value of each row.
        strata: (batch, C) float32; rows that agree about which entries are above .5 are of one stratum.
        kernel: a member of `KERNELS`.
        normalize: divide by the geometric mean of each one's dependence on itself: 0..1 (centered kernel alignment,
            Cortes et al. 2012), whatever the scale, and however rare a value.

    Example:
        >>> import numpy as np
        >>> z, a = np.array([[1.0], [1.0], [-1.0], [-1.0]]), np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
        >>> round(float(hsic(z, a, np.ones((4, 1)), "linear")), 4)  # 8 / 3^2
        0.8889
        >>> round(float(hsic(z, a, a, "linear")), 4)  # within each stratum nothing is left
        0.0
    """
    outputs, values, strata = (ops.cast(each, "float32") for each in (outputs, values, strata))
    classes = ops.cast(strata > 0.5, "float32")
    different = ops.sum(ops.abs(classes[:, None] - classes[None]), axis=-1)
    same = ops.cast(different < 0.5, "float32")
    sizes = ops.sum(same, axis=1)
    wide = ops.matmul(outputs, ops.transpose(outputs))
    if kernel == "rbf":
        squares = ops.diagonal(wide)
        distances = ops.maximum(squares[:, None] + squares[None] - 2.0 * wide, 0.0) * same
        width = ops.stop_gradient(ops.sum(distances) / ops.sum(same))
        wide = ops.exp(-distances / (2.0 * ops.maximum(width, LEAST)))
    weights = 1.0 / ops.square(ops.maximum(sizes - 1.0, 1.0))[:, None] / ops.sum(1.0 / sizes)
    k, m = (_center(each, same, sizes) for each in (wide, ops.matmul(values, ops.transpose(values))))

    def dependence(one: Any, other: Any) -> Any:
        return ops.sum(one * other * weights)

    if not normalize:
        return dependence(k, m)
    return dependence(k, m) / ops.sqrt(ops.maximum(dependence(k, k) * dependence(m, m), LEAST))


def _center(kernel: Any, same: Any, sizes: Any) -> Any:
    # H K H of each stratum; 0 between strata.
    kernel, mean = kernel * same, same / sizes[:, None]
    kernel = kernel - ops.matmul(mean, kernel)
    return kernel - ops.matmul(kernel, mean)


@keras.saving.register_keras_serializable(package="cityzoo")
class IndependenceLoss(keras.losses.Loss):
    """Loss plus the dependence of the logits on a value, among the rows of a batch that have the same class.

    Called with y_true (batch, C + G): targets, and after them the group of each row. The dependence is `hsic`,
    normalized; with the class given, an answer may follow its class wherever that is more frequent.

    Args:
        plain: loss of (batch, C) targets.
        values: (G, V), 1 for the value of each group.
        weight: of the dependence.
    """

    def __init__(
        self,
        plain: keras.losses.Loss,
        values: Sequence[Sequence[float]],
        weight: float = 1.0,
        name: str = "independence_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.plain, self.values, self.weight = plain, [list(map(float, row)) for row in values], weight

    def call(self, y_true, y_pred):
        """Return the loss of each row, (batch,) float32, with the penalty of the whole batch on each."""
        y_true, count = ops.cast(y_true, "float32"), len(self.values)
        values = ops.matmul(y_true[:, -count:], ops.convert_to_tensor(self.values, "float32"))
        dependence = hsic(y_pred, values, y_true[:, :-count], normalize=True)
        return ops.cast(self.plain.call(y_true[:, :-count], y_pred), "float32") + self.weight * dependence

    def get_config(self) -> dict:
        plain = keras.saving.serialize_keras_object(self.plain)
        return {**super().get_config(), "plain": plain, "values": self.values, "weight": self.weight}

    @classmethod
    def from_config(cls, config: dict) -> IndependenceLoss:
        """Return the loss of `get_config`."""
        return cls(keras.saving.deserialize_keras_object(config.pop("plain")), **config)
