"""Multi-label classification, with thresholds for alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.values import parse_number
from cityzoo.errors import InputError
from cityzoo.outputs import PredictionSummary
from cityzoo.outputs.classification import HEADS, Classification
from cityzoo.sample import ExampleSet

if TYPE_CHECKING:
    from cityzoo.metrics.weighted import WeightedMetrics


@dataclass(frozen=True)
class MultiLabelClassification(Classification):
    """Any number of classes per example."""

    head: str = flag(
        "linear",
        "what computes the head: logistic regression; several classes at once have no other",
        choices=HEADS,
    )
    # wanted at most among 1,000 frames without the class; sets the thresholds
    false_alarms: float = flag(5.0, "maximum false alarms per 1,000 negative {unit}", parse_number, "N")
    page: ClassVar[str] = "multilabel"
    primary_metrics: ClassVar[tuple[str, ...]] = ("mean_auroc", "mean_ap", "loss")
    per_class_metrics: ClassVar[tuple[str, ...]] = ("auroc",)
    several: ClassVar[bool] = True
    label_layouts: ClassVar[tuple[str, ...]] = ("csv", "cvat")
    supports_unlabelled: ClassVar[bool] = False

    def with_train_statistics(self, train: ExampleSet, may_lack_classes: bool = False) -> Classification:
        """Return the output with the class counts.

        Raises:
            InputError: class means were asked for, which know one class an image.
        """
        if self.head != "linear":
            raise InputError(
                f"--head {self.head} supports one class per image: this task needs --head linear"
            )
        return super().with_train_statistics(train, may_lack_classes)

    def caption(self, shares: np.ndarray) -> str:
        """Return every class with its probability, or the classes that hold, or "none"."""
        pairs = list(zip(self.class_names, shares, strict=True))
        if set(np.unique(shares)) <= {0.0, 1.0}:
            return "+".join(name for name, share in pairs if share) or "none"
        return ", ".join(f"{name} {share:.2f}" for name, share in pairs)

    def metrics(self, truth: ExampleSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return mean AUROC and average precision, log loss, and figures by class."""
        from cityzoo.metrics.classification import multilabel_metrics

        return multilabel_metrics(truth, results) | self.group_metrics(truth, results)

    def details(self, truth: ExampleSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return curves, calibration and the alarm thresholds."""
        from cityzoo.metrics.classification import alarm_thresholds

        alarms = alarm_thresholds(truth, results, self.false_alarms)
        return {**super().details(truth, results), "alarms": alarms}

    def weighted_metrics(self, truth: ExampleSet, results: Sequence[np.ndarray]) -> WeightedMetrics:
        """Return what gives the figures of weighted images."""
        from cityzoo.metrics.classification import weighted_multilabel_metrics

        return weighted_multilabel_metrics(truth, results)

    def summarize_predictions(
        self,
        images: ExampleSet,
        results: Sequence[np.ndarray],
        report: Mapping[str, Any],
        score: float | None,
    ) -> PredictionSummary:
        """Return probabilities, and the alarms by the report's thresholds (or by --score, or .5)."""
        seen = super().summarize_predictions(images, results, report, score)
        raised = self.prelabel(results, report, score)
        document = {
            path: {**shares, "alarms": list(names)}
            for (path, shares), names in zip(seen.document.items(), raised, strict=True)
        }
        total = {n: sum(n in names for names in raised) for n in self.class_names}
        line = ", ".join(f"{count} alarms for {name}" for name, count in total.items())
        return PredictionSummary(seen.results, seen.file, document, line)

    def prelabel(
        self, results: Sequence[np.ndarray], report: Mapping[str, Any], score: float | None
    ) -> list[tuple[str, ...]]:
        """Return the classes of each by the report's thresholds, or by `score`, or .5."""
        alarms = report.get("alarms") or {}
        names = self.class_names
        least = [score if score is not None else alarms.get(name, {}).get("threshold", 0.5) for name in names]
        return [tuple(n for n, p, t in zip(names, row, least, strict=True) if p >= t) for row in results]
