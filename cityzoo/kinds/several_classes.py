"""Classification of pictures on which several classes may hold, or none; with thresholds for alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.errors import InputError
from cityzoo.kinds import Seen
from cityzoo.kinds.classification import Classification
from cityzoo.parsing import parse_number
from cityzoo.sample import PictureSet

if TYPE_CHECKING:
    from cityzoo.kinds import Weighed
    from cityzoo.report.layout import Layout


@dataclass(frozen=True)
class SeveralClasses(Classification):
    """Tie the classification head to pictures on which any of some classes may hold, or none.

    Attributes:
        false_alarms: wanted at most among 1,000 frames without the class; sets the thresholds.
    """

    false_alarms: float = flag(
        5.0, "alarms wanted at most in 1,000 frames that have no reason for one", parse_number, "N"
    )
    headline: ClassVar[tuple[str, ...]] = ("mean_auroc", "mean_ap", "loss")
    class_figures: ClassVar[tuple[str, ...]] = ("auroc",)
    several: ClassVar[bool] = True
    learns_unlabelled: ClassVar[bool] = False

    def seeing(self, train: PictureSet) -> Classification:
        """Return the kind with the counts of these pictures.

        Raises:
            InputError: class means were asked for, which know one class a picture.
        """
        if self.head != "linear":
            raise InputError(f"--head {self.head} knows one class a picture: this task needs --head linear")
        return super().seeing(train)

    def words(self, shares: np.ndarray) -> str:
        """Return every class with its probability, or the classes that hold, or "none"."""
        pairs = list(zip(self.class_names, shares, strict=True))
        if set(np.unique(shares)) <= {0.0, 1.0}:
            return "+".join(name for name, share in pairs if share) or "none"
        return ", ".join(f"{name} {share:.2f}" for name, share in pairs)

    def metrics(self, truth: PictureSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return mean AUROC and average precision, log loss, and figures by class."""
        from cityzoo.report.of_classes import several_classes_metrics

        return several_classes_metrics(truth, results)

    def cases(self, truth: PictureSet, results: Sequence[np.ndarray], folder: Path) -> dict[str, Any]:
        """Write `predictions.csv` and sheets; return curves, calibration and the alarm thresholds."""
        from cityzoo.report.of_classes import alarm_thresholds

        found = super().cases(truth, results, folder)
        return {**found, "alarms": alarm_thresholds(truth, results, self.false_alarms)}

    def weighed(self, truth: PictureSet, results: Sequence[np.ndarray]) -> Weighed:
        """Return what gives the figures of weighted pictures."""
        from cityzoo.report.weighed_classes import weighed_several_classes

        return weighed_several_classes(truth, results)

    def layout(self, report: dict[str, Any]) -> Layout:
        """Return what a page shows of a classifier with thresholds."""
        from cityzoo.report.class_layout import several_classes_layout

        return several_classes_layout(self.false_alarms)

    def seen(
        self, pictures: PictureSet, results: Sequence[np.ndarray], report: dict[str, Any], score: float | None
    ) -> Seen:
        """Return probabilities, and the alarms by the report's thresholds (or by --score, or .5)."""
        alarms = report.get("alarms") or {}
        least = [
            score if score is not None else alarms.get(n, {}).get("threshold", 0.5) for n in self.class_names
        ]
        seen = super().seen(pictures, results, report, score)
        raised = [[n for n, p, t in zip(self.class_names, r, least, strict=True) if p >= t] for r in results]
        document = {
            path: {**shares, "alarms": names}
            for (path, shares), names in zip(seen.document.items(), raised, strict=True)
        }
        total = {n: sum(n in names for names in raised) for n in self.class_names}
        line = ", ".join(f"{count} alarms for {name}" for name, count in total.items())
        return Seen(seen.results, seen.file, document, line)
