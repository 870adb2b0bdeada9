"""Losses of a student against the outputs and features of its teacher (Hinton et al. 2015, arXiv 1503.02531)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cityzoo")
class DetectionDistillationLoss(keras.losses.Loss):
    """Distance of a detector's boxes and logits from those of a teacher with the same points and classes.

    Logits learn the teacher's scores by the quality focal loss (Li et al. 2020, arXiv 2006.04388): the cross-entropy
    is weighted by the squared difference of the scores, so that points where both agree on background cost nothing.
    Boxes learn those of the points that the teacher is sure of, by CIoU weighted by its score. Each image is
    divided by its sum of these weights, as in `heads.detection.DetectionLoss`.

    Called with y_true and y_pred (batch, points, 4 + classes) float32 as `DetectionHead` returns.

    Args:
        min_score: lowest score of a teacher's box that is learned, 0..1.
        box_weight: weight of the box part.

    Example:
        >>> import numpy as np
        >>> sure = np.array([[[0.0, 0, 9, 9, 30]]], "float32")
        >>> float(DetectionDistillationLoss()(sure, sure)) < 1e-6  # the same answer
        True
        >>> round(float(DetectionDistillationLoss(box_weight=0.0)(sure, sure * [1, 1, 1, 1, 0])), 4)  # .5^2 log 2
        0.1733
    """

    def __init__(
        self,
        min_score: float = 0.1,
        box_weight: float = 2.0,
        name: str = "detection_distillation_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.min_score, self.box_weight = min_score, box_weight

    def call(self, y_true, y_pred):
        """Return the loss of each image, (batch,) float32."""
        wanted, logits = ops.sigmoid(y_true[..., 4:]), y_pred[..., 4:]
        cross_entropy = ops.binary_crossentropy(wanted, logits, from_logits=True)
        class_loss = ops.sum(ops.square(wanted - ops.sigmoid(logits)) * cross_entropy, axis=(1, 2))
        best = ops.max(wanted, axis=-1)
        quality = ops.where(best > self.min_score, best, 0.0)
        ciou = keras.utils.bounding_boxes.compute_ciou(y_true[..., :4], y_pred[..., :4], "xyxy")
        box_loss = ops.sum((1.0 - ciou) * quality, axis=1)
        total = ops.maximum(ops.sum(quality, axis=1), 1.0)
        return (class_loss + self.box_weight * box_loss) / total

    def get_config(self) -> dict:
        return {**super().get_config(), "min_score": self.min_score, "box_weight": self.box_weight}


@keras.saving.register_keras_serializable(package="cityzoo")
class ClassificationDistillationLoss(keras.losses.Loss):
    """Kullback-Leibler divergence of softened class probabilities, times the squared temperature.

    Called with y_true and y_pred (batch, C) logits; a single logit is that of the second of two classes.

    Args:
        temperature: logits are divided by it.
        several: whether an image can have several classes: each one then has probabilities of its own (sigmoid).

    Example:
        >>> import numpy as np
        >>> teacher = np.array([[0.0, 4.0]])
        >>> loss = ClassificationDistillationLoss(temperature=2.0)
        >>> round(float(loss(teacher, np.zeros((1, 2)))), 4)  # 4 (log 2 - entropy of sigmoid(2))
        1.3113
    """

    def __init__(
        self,
        temperature: float = 3.0,
        several: bool = False,
        name: str = "classification_distillation_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature, self.several = temperature, several

    def call(self, y_true, y_pred):
        """Return the loss of each image, (batch,) float32."""
        wanted, found = (self._log_probabilities(ops.cast(each, "float32")) for each in (y_true, y_pred))
        divergence = ops.sum(ops.exp(wanted) * (wanted - found), axis=-1)
        return self.temperature**2 * ops.mean(divergence, axis=-1)

    def _log_probabilities(self, logits):
        # (batch, distributions, classes of each): one distribution, or one of two classes for each class.
        logits = logits / self.temperature
        if self.several or logits.shape[-1] == 1:
            return ops.stack([-ops.softplus(logits), -ops.softplus(-logits)], axis=-1)
        return ops.log_softmax(logits, axis=-1)[:, None]

    def get_config(self) -> dict:
        return {**super().get_config(), "temperature": self.temperature, "several": self.several}


@keras.saving.register_keras_serializable(package="cityzoo")
class RegressionDistillationLoss(keras.losses.Loss):
    """Mean absolute difference of outputs in units of `scale`.

    Called with y_true and y_pred (batch, ...) float32.

    Args:
        scale: such as the standard deviation of the target.
    """

    def __init__(
        self,
        scale: float = 1.0,
        name: str = "regression_distillation_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        """Return the loss of each example, (batch,) float32."""
        difference = ops.abs(y_true - y_pred)
        return ops.mean(difference, axis=tuple(range(1, len(y_true.shape)))) / self.scale

    def get_config(self) -> dict:
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="cityzoo")
class ChannelDistillationLoss(keras.losses.Loss):
    """Channel-wise divergence of features: where each channel is active (Shu et al. 2021, "CWD", arXiv 2011.13256).

    Called with y_true and y_pred (batch, h, w, C) features. Each channel's softmax over its positions is compared, so
    that the scale of features does not matter.

    Args:
        temperature: features are divided by it.

    Example:
        >>> import numpy as np
        >>> left = np.array([[[[30.0], [0.0]]]])
        >>> round(float(ChannelDistillationLoss()(left, left)), 4)
        0.0
        >>> round(float(ChannelDistillationLoss()(left, np.zeros((1, 1, 2, 1)))), 4)  # log 2
        0.6931
    """

    def __init__(
        self,
        temperature: float = 1.0,
        name: str = "channel_distillation_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        """Return the loss of each image, (batch,) float32."""
        wanted, found = (self._log_shares(ops.cast(each, "float32")) for each in (y_true, y_pred))
        divergence = ops.sum(ops.exp(wanted) * (wanted - found), axis=1)
        return self.temperature**2 * ops.mean(divergence, axis=-1)

    def _log_shares(self, features):
        _, height, width, channels = features.shape
        rows = ops.reshape(features, (-1, height * width, channels))
        return ops.log_softmax(rows / self.temperature, axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable(package="cityzoo")
class EmbeddingDistillationLoss(keras.losses.Loss):
    """One less the cosine of pooled features and those of the teacher.

    Called with y_true and y_pred (batch, C) float32.

    Example:
        >>> import numpy as np
        >>> loss = EmbeddingDistillationLoss()
        >>> [round(float(loss(np.array([[0.0, 2.0]]), np.array([row]))), 4) for row in ([0.0, 9.0], [9.0, 0.0])]
        [0.0, 1.0]
    """

    def __init__(self, name: str = "embedding_distillation_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Return the loss of each example, (batch,) float32."""
        wanted, found = (ops.normalize(ops.cast(each, "float32"), axis=-1) for each in (y_true, y_pred))
        return 1.0 - ops.sum(wanted * found, axis=-1)


@keras.saving.register_keras_serializable(package="cityzoo")
class WeightedLoss(keras.losses.Loss):
    """Another loss times a weight, for losses that `compile` adds up.

    Args:
        loss: the other loss.
        weight: its factor.
    """

    def __init__(
        self, loss: keras.losses.Loss, weight: float, name: str = "weighted_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.loss, self.weight = loss, weight

    def call(self, y_true, y_pred):
        """Return the loss of each example, (batch,) float32."""
        return self.weight * self.loss.call(y_true, y_pred)

    def get_config(self) -> dict:
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss, "weight": self.weight}

    @classmethod
    def from_config(cls, config: dict) -> WeightedLoss:
        """Return the loss of `get_config`."""
        return cls(keras.saving.deserialize_keras_object(config.pop("loss")), **config)
