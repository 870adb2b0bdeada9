"""Classification: one class a picture, or several; judged by balanced accuracy and AUROC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.errors import InputError
from cityzoo.kinds import Kind, Seen
from cityzoo.parsing import parse_number, parse_smoothing
from cityzoo.sample import Picture, PictureSet

if TYPE_CHECKING:
    import keras

    from cityzoo.kinds import Weighed
    from cityzoo.kinds.asking import Asked
    from cityzoo.report.layout import Layout
    from heads.classification import ClassificationHead
    from heads.linear_probe import Linear

HEADS = ("linear", "prototypes", "cosine")
POOLINGS = ("mean", "mean+peak")
WEIGHTS = ("none", "balanced", "sqrt")


@dataclass(frozen=True)
class Classification(Kind):
    """Tie the classification head to pictures that have one class each; see `cityzoo.kinds.Kind`.

    Attributes:
        class_names: what targets stand for, in order.
        head: what computes the last layer: "linear" (logistic regression), "prototypes" (nearest class mean) or
            "cosine" (prototypes by angle).
        pooling: "mean" of each feature, or "mean+peak": its highest value as well, for what is small in its picture.
        focal, label_smoothing: see `heads.classification.ClassificationLoss`.
        class_weights: "none"; "balanced": each class counts the same; "sqrt": halfway there.
        dropout: share of the pooled features dropped in training.
        flips: "yes" judges and predicts by the mean over each picture and its mirror image.
        counts: pictures of each class in training, once they are known.
    """

    class_names: tuple[str, ...]
    head: str = flag(
        "linear",
        "what computes the head: logistic regression, class means, or cosines to them",
        choices=HEADS,
    )
    pooling: str = flag(
        "mean",
        "how features become one row: mean, or mean+peak for what is small in its picture",
        choices=POOLINGS,
    )
    focal: float = flag(
        0.0,
        "exponent of the focal loss, e.g. 2: easy pictures count less; 0: cross-entropy",
        parse_number,
        "GAMMA",
    )
    class_weights: str = flag(
        "none",
        "let rare classes count more: as much as others (balanced), or halfway (sqrt)",
        choices=WEIGHTS,
    )
    label_smoothing: float = flag(
        0.0,
        "share of a label that is given to all classes alike, 0 to 0.9, e.g. 0.1",
        parse_smoothing,
        "SHARE",
    )
    dropout: float = flag(
        0.2, "share of the pooled features that is dropped in training, 0 to 0.9", parse_smoothing, "SHARE"
    )
    flips: str = flag(
        "no", "judge by the mean over a picture and its mirror image: twice the time", choices=("no", "yes")
    )
    counts: tuple[int, ...] = ()
    headline: ClassVar[tuple[str, ...]] = ("balanced_accuracy", "accuracy", "mean_auroc", "loss")
    lower: ClassVar[tuple[str, ...]] = ("loss",)
    solved: ClassVar[str] = "head_logits"
    draws: ClassVar[int] = 1000
    class_figures: ClassVar[tuple[str, ...]] = ("f1",)
    several: ClassVar[bool] = False
    learns_unlabelled: ClassVar[bool] = True
    explained: ClassVar[bool] = True

    def seeing(self, train: PictureSet) -> Classification:
        """Return the kind with the counts of these pictures.

        Raises:
            InputError: one class only, or several on a picture that can have one.
        """
        targets = np.stack([picture.target for picture in train.pictures])
        if not self.several and len(self.class_names) < 2:
            raise InputError(
                f"one class only ({', '.join(self.class_names)}): there is nothing to tell apart; give pictures of "
                "another class as well"
            )
        odd = np.flatnonzero(targets.sum(axis=1) != 1)
        if not self.several and len(odd):
            path, count = train.pictures[odd[0]].path, int(targets[odd[0]].sum())
            hint = "incident_classify takes several" if count else "give it a class, or leave it out"
            raise InputError(f"'{path}' carries {count} classes: this task takes one a picture; {hint}")
        missing = [
            name for name, count in zip(self.class_names, targets.sum(axis=0), strict=True) if not count
        ]
        if missing:
            raise InputError(
                f"no picture of {', '.join(missing)} to train on: give some, leave the class out by --classes, or set "
                "other thresholds where labels are made from boxes (see --help)"
            )
        return replace(self, counts=tuple(int(count) for count in targets.sum(axis=0)))

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

    def outputs(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, classes) float32 logits; of two classes (batch, 1), the second one's."""
        return self._head(features)

    def loss(self, size_hw: tuple[int, int]) -> keras.losses.Loss:
        """Return the cross-entropy."""
        from heads.classification import ClassificationLoss

        return ClassificationLoss(self.several, self.focal, self._weights(), self.label_smoothing)

    def _weights(self) -> tuple[float, ...]:
        from heads.classification import rarity_weights

        return rarity_weights(self.counts, self.class_weights) if self.counts else ()

    def solve(
        self,
        layer: keras.layers.Layer,
        inputs: np.ndarray,
        targets: np.ndarray,
        groups: np.ndarray,
        seed: int,
    ) -> dict[str, Any]:
        """Compute the layer of logits from the pooled features."""
        found = self._solved(np.asarray(inputs, np.float32), np.asarray(targets), groups, seed)
        layer.set_weights([found.kernel, found.bias])
        return found.facts

    def _solved(self, rows: np.ndarray, targets: np.ndarray, groups: np.ndarray, seed: int) -> Linear:
        from heads import linear_probe

        if self.head == "cosine":
            return linear_probe.cosine_prototypes(rows, targets)
        if self.head == "prototypes":
            return linear_probe.nearest_mean(rows, targets)
        weights = self._weights()
        return linear_probe.logistic_regression(rows, targets, groups, self.several, weights, seed)

    def results(
        self, outputs: np.ndarray, matrices: np.ndarray, pictures: Sequence[Picture]
    ) -> list[np.ndarray]:
        """Return the probabilities of each picture, (C,) float64."""
        logits = np.asarray(outputs, np.float64)
        if self.several:
            return list(1 / (1 + np.exp(-logits)))
        logits = np.concatenate([np.zeros_like(logits), logits], 1) if logits.shape[1] == 1 else logits
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return list(raised / raised.sum(axis=1, keepdims=True))

    def asked(self, output: np.ndarray, matrix: np.ndarray, picture: Picture, number: int) -> Asked | None:
        """Return where the logit of the `number`-th surest class lies."""
        from cityzoo.kinds.asking import class_asked

        shares = self.results(output[None], matrix[None], [picture])[0]
        return class_asked(shares, len(output), self.class_names, self.several, number)

    def draw(self, image: np.ndarray, truth: Picture | None, result: np.ndarray) -> np.ndarray:
        """Return the picture above a line that names what was said of it."""
        from cityzoo.report.captions import captioned

        known = "" if truth is None else f"   true: {self.words(truth.target)}"
        return captioned(image, f"{self.words(result)}{known}")

    def draw_target(self, image: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return the picture above the name of its class."""
        from cityzoo.report.captions import captioned

        return captioned(image, self.words(target))

    def words(self, shares: np.ndarray) -> str:
        """Return the classes that hold, with their probability unless it is 1.

        Example:
            >>> Classification(("bus", "car")).words(np.array([0.1, 0.9]))
            'car 0.90'
        """
        top = int(np.argmax(shares))
        return self.class_names[top] + ("" if shares[top] == 1 else f" {shares[top]:.2f}")

    def metrics(self, truth: PictureSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return accuracy, balanced accuracy, AUROC, log loss, and figures by class."""
        from cityzoo.report.of_classes import one_class_metrics

        return one_class_metrics(truth, results)

    def cases(self, truth: PictureSet, results: Sequence[np.ndarray], folder: Path) -> dict[str, Any]:
        """Write `predictions.csv` and sheets of mistakes and right answers; return curves and calibration."""
        from cityzoo.report import class_cases
        from cityzoo.report.class_details import details

        class_cases.write_predictions(truth, results, folder / "predictions.csv")
        class_cases.draw_sheets(truth, results, self.words, folder, self.several)
        return details(truth, results, self.several)

    def weighed(self, truth: PictureSet, results: Sequence[np.ndarray]) -> Weighed:
        """Return what gives the figures of weighted pictures."""
        from cityzoo.report.weighed_classes import weighed_one_class

        return weighed_one_class(truth, results)

    def layout(self, report: dict[str, Any]) -> Layout:
        """Return what a page shows of a classifier."""
        from cityzoo.report.class_layout import one_class_layout

        return one_class_layout(self.class_names)

    def seen(
        self, pictures: PictureSet, results: Sequence[np.ndarray], report: dict[str, Any], score: float | None
    ) -> Seen:
        """Return the probabilities of every picture."""
        rows = {
            each.path: dict(zip(self.class_names, (round(float(p), 4) for p in shares), strict=True))
            for each, shares in zip(pictures.pictures, results, strict=True)
        }
        counts = np.bincount([int(np.argmax(r)) for r in results], minlength=len(self.class_names))
        line = ", ".join(f"{name} {count}" for name, count in zip(self.class_names, counts, strict=True))
        return Seen(list(results), "predictions.json", rows, line)
