"""Classify images: a head of pooled features, its loss, and that of semi-supervised training (FixMatch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

LOGITS = "head_logits"
LEVELS = 2
Weighting = Literal["none", "balanced", "sqrt"]
SMALLEST = 1e-7


@dataclass(frozen=True)
class ClassificationHead:
    """Logits from the pooled features of the two coarsest levels.

    The coarsest level encodes shapes, the one before it parts and textures; a linear layer on both is more accurate
    than on the last level alone, most of all with few images. A third level adds almost nothing.

    Attributes:
        num_logits: number of outputs; 1 for two classes (logistic output).
        dropout: dropout rate of the pooled features.
        normalized: scale pooled features to length 1, which makes the logits cosines.
        peaks: use the maximum of each feature in addition to its mean, for small objects.

    Raises:
        ValueError: fewer than 1 logit, or dropout outside [0, 1).

    Example:
        >>> levels = {"P4": keras.Input((4, 4, 48)), "P5": keras.Input((2, 2, 96))}
        >>> ClassificationHead(5)(levels).shape
        (None, 5)
    """

    num_logits: int
    dropout: float = 0.0
    normalized: bool = False
    peaks: bool = False

    def __post_init__(self) -> None:
        if self.num_logits < 1 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"a classification head cannot have num_logits={self.num_logits}, dropout={self.dropout}: "
                "give at least 1 logit, and a dropout of at least 0 and below 1"
            )

    def __call__(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, num_logits) float32 logits.

        Args:
            features: level name to (batch, H / stride, W / stride, C) features, or to pooled ones, (batch, C). Of a
                backbone that pools its features itself, "pooled" alone is used.
        """
        features = {"pooled": features["pooled"]} if "pooled" in features else features
        pools = {"mean": layers.GlobalAveragePooling2D}
        pools |= {"peak": layers.GlobalMaxPooling2D} if self.peaks else {}
        pooled = [
            pool(dtype="float32", name=f"head_{level}_{how}")(features[level])
            if len(features[level].shape) == 4
            else features[level]
            for level in sorted(features)[-LEVELS:]
            for how, pool in pools.items()
        ]
        join = layers.Concatenate(dtype="float32", name="head_embedding")
        x = join(pooled) if len(pooled) > 1 else pooled[0]
        if self.normalized:
            x = layers.UnitNormalization(dtype="float32", name="head_unit")(x)
        if self.dropout:
            x = layers.Dropout(self.dropout, dtype="float32", name="head_dropout")(x)
        return layers.Dense(self.num_logits, dtype="float32", name=LOGITS)(x)


@keras.saving.register_keras_serializable(package="cityzoo")
class ClassificationLoss(keras.losses.Loss):
    """Cross-entropy of logits, with an optional focal factor (Lin et al. 2017, arXiv 1708.02002).

    Called with y_true (batch, C) float32 and y_pred (batch, C) logits. Single label: rows of y_true sum to 1
    (mixed images have two classes), with softmax. Multi-label: each class is 0 or 1, with sigmoid. Two classes on one
    logit: y_pred is (batch, 1), the second class's, and the loss is the binary
    cross-entropy -y log p - (1 - y) log(1 - p).

    Args:
        several: whether an image can have several classes (multi-label).
        focal: exponent of (1 - p), where p is the probability of the true class; 0: plain cross-entropy.
        class_weights: (C,) weight of each class; empty: 1.
        label_smoothing: share of a label, 0..1, that is distributed over all classes.

    Example:
        >>> import numpy as np
        >>> loss = ClassificationLoss()
        >>> round(float(loss(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]))), 4)  # log 2
        0.6931
    """

    def __init__(
        self,
        several: bool = False,
        focal: float = 0.0,
        class_weights: Sequence[float] = (),
        label_smoothing: float = 0.0,
        name: str = "classification_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.several, self.focal, self.label_smoothing = several, focal, label_smoothing
        self.class_weights = tuple(class_weights)

    def call(self, y_true, y_pred):
        """Return the loss of each image, (batch,) float32."""
        y_true, logits = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        logits = logits if self.several else _of_all(logits)
        weights = ops.convert_to_tensor(self.class_weights or (1.0,), "float32")
        return self._several(y_true, logits, weights) if self.several else self._one(y_true, logits, weights)

    def _one(self, y_true, logits, weights):
        smooth, classes = self.label_smoothing, logits.shape[-1]
        wanted = y_true * (1.0 - smooth) + smooth / classes
        log_p = ops.log_softmax(logits, axis=-1)
        return -ops.sum(weights * wanted * self._hard(ops.exp(log_p)) * log_p, axis=-1)

    def _several(self, y_true, logits, weights):
        wanted = y_true * (1.0 - self.label_smoothing) + self.label_smoothing / 2
        yes, no = -ops.softplus(-logits), -ops.softplus(logits)  # log p, log(1 - p)
        of_yes = weights * wanted * self._hard(ops.exp(yes)) * yes
        of_no = (1.0 - wanted) * self._hard(ops.exp(no)) * no
        return -ops.mean(of_yes + of_no, axis=-1)

    def _hard(self, probability):
        # Not 0, where powers below 1 have an infinite slope.
        return ops.power(ops.maximum(1.0 - probability, SMALLEST), self.focal) if self.focal else 1.0

    def get_config(self) -> dict:
        own = ("several", "focal", "class_weights", "label_smoothing")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def class_weights(counts: Sequence[int], how: Weighting) -> tuple[float, ...]:
    """Return a weight for each class; their mean over all images is 1, which keeps the learning rate valid.

    Args:
        counts: images of each class.
        how: "balanced": equal total weight of all classes; "sqrt": its square root; "none": no weights.

    Example:
        >>> [round(weight, 3) for weight in class_weights((1, 3), "balanced")], class_weights((1, 3), "none")
        ([2.0, 0.667], ())
    """
    if how == "none":
        return ()
    each = 1.0 / np.maximum(counts, 1)
    each = np.sqrt(each) if how == "sqrt" else each
    mean = (each * np.asarray(counts)).sum() / max(sum(counts), 1)
    return tuple(float(weight) for weight in each / mean)


ROWS = 3  # per group: labeled; unlabeled and weakly augmented; the same one, strongly augmented


@keras.saving.register_keras_serializable(package="cityzoo")
class FixMatchLoss(keras.losses.Loss):
    """Loss of a classifier plus its agreement on unlabeled images (Sohn et al. 2020, arXiv 2001.07685).

    Called with y_true (3 n, C) and y_pred (3 n, logits) in groups of three rows: a labeled image; an unlabeled one,
    weakly augmented; the same one, strongly augmented. If the weak one's largest probability reaches the threshold,
    its class becomes the strong one's label. Groups, unlike thirds of a batch, can be split over devices.

    Args:
        labelled: loss of labeled images, from logits.
        threshold: minimum probability of a pseudo-label.
        weight: weight of the unlabeled part.

    Example:
        >>> import numpy as np
        >>> loss = FixMatchLoss(keras.losses.CategoricalCrossentropy(from_logits=True, reduction=None))
        >>> unsure, sure = np.array([[9.0, -9], [0, 0.1], [-9, 9]]), np.array([[9.0, -9], [9, -9], [0, 0]])
        >>> [round(float(loss(np.eye(2)[[0, 0, 0]], each)), 3) for each in (unsure, sure)]  # the other adds log 2
        [0.0, 0.693]
    """

    def __init__(
        self,
        labelled: keras.losses.Loss,
        threshold: float = 0.95,
        weight: float = 1.0,
        name: str = "fixmatch_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.labelled, self.threshold, self.weight = labelled, threshold, weight

    def call(self, y_true, y_pred):
        """Return the loss of each group, (n,) float32."""
        logits = ops.reshape(ops.cast(y_pred, "float32"), (-1, ROWS, y_pred.shape[-1]))
        targets = ops.reshape(ops.cast(y_true, "float32"), (-1, ROWS, y_true.shape[-1]))
        of_labelled = self.labelled.call(targets[:, 0], logits[:, 0])
        weak, strong = ops.stop_gradient(_of_all(logits[:, 1])), _of_all(logits[:, 2])
        guess = ops.softmax(weak, axis=-1)
        sure = ops.cast(ops.max(guess, axis=-1) >= self.threshold, "float32")
        wanted = ops.one_hot(ops.argmax(guess, axis=-1), strong.shape[-1])
        agreement = -ops.sum(wanted * ops.log_softmax(strong, axis=-1), axis=-1)
        return of_labelled + self.weight * sure * agreement

    def get_config(self) -> dict:
        own = {"threshold": self.threshold, "weight": self.weight}
        return {**super().get_config(), "labelled": keras.saving.serialize_keras_object(self.labelled), **own}

    @classmethod
    def from_config(cls, config: dict) -> FixMatchLoss:
        """Return the loss of `get_config`."""
        labelled = keras.saving.deserialize_keras_object(config.pop("labelled"))
        return cls(labelled, **config)


def _of_all(logits):
    # A single logit is that of the second class; the first is 0.
    if logits.shape[-1] > 1:
        return logits
    return ops.concatenate([ops.zeros_like(logits), logits], axis=-1)
