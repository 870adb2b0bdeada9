"""Classification: one class per example; evaluated by balanced accuracy and AUROC."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.search_range import linear_range, options
from cityzoo.cli.values import parse_number, parse_smoothing
from cityzoo.outputs import ClosedFormInput, PredictionSummary
from cityzoo.outputs.class_checks import count_classes, require_all_classes
from cityzoo.outputs.class_selection import ClassSelection
from cityzoo.outputs.group_robust import GroupRobust
from cityzoo.sample import Example, ExampleSet

if TYPE_CHECKING:
    import keras

    from cityzoo.metrics.weighted import WeightedMetrics
    from cityzoo.outputs.attribution_target import AttributionTarget
    from heads.classification import ClassificationHead
    from heads.linear_probe import Linear

HEADS = ("linear", "prototypes", "cosine")
POOLINGS = ("mean", "mean+peak")
WEIGHTS = ("none", "balanced", "sqrt")


@dataclass(frozen=True)
class Classification(ClassSelection, GroupRobust):
    """Single-label classification; see `cityzoo.outputs.Output`."""

    head: str = flag(
        "linear",
        "what computes the head: logistic regression, class means, or cosines to them",
        choices=HEADS,
        search=options(*HEADS),
    )
    pooling: str = flag(
        "mean",
        "how features become one row: mean, or mean+peak for what is small in its image",
        choices=POOLINGS,
        search=options(*POOLINGS),
    )
    # focal, label_smoothing: see `heads.classification.ClassificationLoss`
    focal: float = flag(
        0.0,
        "exponent of the focal loss, e.g. 2: easy examples count less; 0: cross-entropy",
        parse_number,
        "GAMMA",
        search=options(0.0, 1.0, 2.0, needs_gradients=True),
    )
    class_weights: Literal["none", "balanced", "sqrt"] = flag(
        "none",
        "let rare classes count more: as much as others (balanced), or halfway (sqrt)",
        choices=WEIGHTS,
        search=options(*WEIGHTS),
    )
    label_smoothing: float = flag(
        0.0,
        "share of a label that is given to all classes alike, 0 to 0.9, e.g. 0.1",
        parse_smoothing,
        "SHARE",
        search=linear_range(0.0, 0.2, needs_gradients=True),
    )
    dropout: float = flag(
        0.2,
        "share of the pooled features that is dropped in training, 0 to 0.9",
        parse_smoothing,
        "SHARE",
        search=linear_range(0.0, 0.5, needs_gradients=True),
    )
    flips: bool = flag(
        False, "average predictions over each image and its mirror image; takes twice the time"
    )
    counts: tuple[int, ...] = ()  # images of each class in training, once they are known
    page: ClassVar[str] = "classification"
    primary_metrics: ClassVar[tuple[str, ...]] = ("balanced_accuracy", "accuracy", "mean_auroc", "loss")
    lower_is_better: ClassVar[tuple[str, ...]] = ("loss",)
    closed_form_layer: ClassVar[str] = "head_logits"
    bootstrap_samples: ClassVar[int] = 1000
    per_class_metrics: ClassVar[tuple[str, ...]] = ("f1",)
    several: ClassVar[bool] = False
    supports_unlabelled: ClassVar[bool] = True
    supports_distillation: ClassVar[bool] = True
    imitated_layers: ClassVar[tuple[str, ...]] = ("head_embedding",)
    supports_attribution: ClassVar[bool] = True

    def with_train_statistics(self, train: ExampleSet, may_lack_classes: bool = False) -> Classification:
        """Return the output with the class counts.

        Raises:
            InputError: one class only, several on an image that can have one, or a class without an image.
        """
        counts = count_classes(train, self.class_names, self.several)
        if not may_lack_classes:
            require_all_classes(counts, self.class_names)
        return replace(self, counts=counts)

    @property
    def _head(self) -> ClassificationHead:
        from heads.classification import ClassificationHead

        one_logit = len(self.class_names) == 2 and not self.several and self.head == "linear"
        return ClassificationHead(
            num_logits=1 if one_logit else len(self.class_names),
            dropout=self.dropout,
            normalized=self.head == "cosine",
            peaks=self.pooling == "mean+peak",
        )

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, classes) float32 logits; of two classes (batch, 1), the second one's."""
        return self._head(features)

    def loss(self, size_hw: tuple[int, int] | None) -> keras.losses.Loss:
        """Return the cross-entropy."""
        from heads.classification import ClassificationLoss

        loss = ClassificationLoss(self.several, self.focal, self._weights(), self.label_smoothing)
        return self.make_robust(loss)

    def distillation_loss(self, size_hw: tuple[int, int] | None) -> keras.losses.Loss:
        """Return the divergence of the softened probabilities from the teacher's."""
        from heads.distillation import ClassificationDistillationLoss

        return ClassificationDistillationLoss(several=self.several)

    def select_classes(self, class_names: Sequence[str], outputs: Any) -> Any:
        """Return the logits of some classes; of two that exclude each other the second's over the first's."""
        logits = super().select_classes(class_names, outputs)
        if self.several or len(class_names) != 2 or self.head != "linear":
            return logits
        return logits[..., 1:] - logits[..., :1]

    def average_outputs(self, outputs: Sequence[Any], weights: Sequence[float]) -> Any:
        """Return logits of the weighted mean of the probabilities."""
        from heads.averaging import average_logits

        return average_logits(outputs, weights, self.several)

    def _weights(self) -> tuple[float, ...]:
        from heads.classification import class_weights

        return class_weights(self.counts, self.class_weights) if self.counts else ()

    def fit_closed_form(self, given: ClosedFormInput) -> dict[str, Any]:
        """Compute the layer of logits from the pooled features."""
        found = self._probe(given, np.asarray(given.targets))
        given.layer.set_weights([found.kernel, found.bias])
        return found.facts

    def _probe(self, given: ClosedFormInput, targets: np.ndarray) -> Linear:
        from heads import linear_probe, sparse_probe

        if self.independent_of:  # a closed form knows no penalty: gradients follow
            targets = targets[:, : len(self.class_names)]
        if self.robust_groups and self.groups is not None:
            return self.fit_robust(given, self._weights())
        if self.head == "linear" and sparse_probe.is_sparse(given.inputs):
            return sparse_probe.linear_svm(given.inputs, targets, self.several, self._weights(), given.seed)
        rows = np.asarray(given.inputs, np.float32)
        if self.head == "cosine":
            return linear_probe.cosine_prototypes(rows, targets)
        if self.head == "prototypes":
            return linear_probe.nearest_mean(rows, targets)
        return linear_probe.logistic_regression(
            rows, targets, given.groups, self.several, self._weights(), given.seed
        )

    def decode(
        self, outputs: np.ndarray, matrices: np.ndarray | None, examples: Sequence[Example]
    ) -> list[Any]:
        """Return the probabilities of each image, (C,) float64."""
        logits = np.asarray(outputs, np.float64)
        if self.several:
            return list(1 / (1 + np.exp(-logits)))
        logits = np.concatenate([np.zeros_like(logits), logits], 1) if logits.shape[1] == 1 else logits
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return list(raised / raised.sum(axis=1, keepdims=True))

    def attribution_target(
        self, output: np.ndarray, matrix: np.ndarray, image: Example, number: int
    ) -> AttributionTarget | None:
        """Return where the logit of the `number`-th surest class lies."""
        from cityzoo.outputs.attribution_target import class_attribution_target

        shares = self.decode(output[None], matrix[None], [image])[0]
        return class_attribution_target(shares, len(output), self.class_names, self.several, number)

    def caption(self, shares: np.ndarray) -> str:
        """Return the most probable class, with its probability unless it is 1.

        Example:
            >>> Classification(("bus", "car")).caption(np.array([0.1, 0.9]))
            'car 0.90'
        """
        top = int(np.argmax(shares))
        return self.class_names[top] + ("" if shares[top] == 1 else f" {shares[top]:.2f}")

    def metrics(self, truth: ExampleSet, results: Sequence[Any]) -> dict[str, Any]:
        """Return accuracy, balanced accuracy, AUROC, log loss, and figures by class."""
        from cityzoo.metrics.classification import multiclass_metrics

        return multiclass_metrics(truth, results) | self.group_metrics(truth, results)

    def details(self, truth: ExampleSet, results: Sequence[Any]) -> dict[str, Any]:
        """Return curves and calibration."""
        from cityzoo.metrics.classification_curves import classification_details

        return classification_details(truth, results, self.several)

    def write_results(self, truth: ExampleSet, results: Sequence[Any], folder: Path) -> None:
        """Write `predictions.csv`: path, window, true classes, and a probability for each class."""
        with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "window_xyxy", "true", *truth.class_names])
            for example, shares in zip(truth.examples, results, strict=True):
                names = [truth.class_names[i] for i in np.flatnonzero(example.target)]
                window = " ".join(map(str, getattr(example, "window_xyxy", None) or ()))
                name = getattr(example, "name", example.path)
                writer.writerow([name, window, "+".join(names), *(f"{p:.6f}" for p in shares)])

    def weighted_metrics(self, truth: ExampleSet, results: Sequence[Any]) -> WeightedMetrics:
        """Return what gives the figures of weighted images."""
        from cityzoo.metrics.classification import weighted_multiclass_metrics

        return weighted_multiclass_metrics(truth, results)

    def summarize_predictions(
        self, images: ExampleSet, results: Sequence[Any], report: Mapping[str, Any], score: float | None
    ) -> PredictionSummary:
        """Return the probabilities of every image."""
        rows = {
            getattr(each, "name", each.path): dict(
                zip(self.class_names, (round(float(p), 4) for p in shares), strict=True)
            )
            for each, shares in zip(images.examples, results, strict=True)
        }
        counts = np.bincount([int(np.argmax(r)) for r in results], minlength=len(self.class_names))
        line = ", ".join(f"{name} {count}" for name, count in zip(self.class_names, counts, strict=True))
        return PredictionSummary(list(results), "predictions.json", rows, line)
