"""Intents: one class per text, or none of them; what is too uncertain is not answered."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.values import parse_share
from cityzoo.errors import InputError
from cityzoo.metrics import intents, rejection
from cityzoo.outputs import ClosedFormInput, PredictionSummary, rejection_choice
from cityzoo.outputs.classification import Classification
from cityzoo.sample import Example, ExampleSet

if TYPE_CHECKING:
    from cityzoo.metrics.weighted import WeightedMetrics
    from cityzoo.runtime.rejection import RejectionRule


class IntentResult(NamedTuple):
    """What a model makes of a text."""

    shares: np.ndarray  # (C,) float64, probabilities
    energy: float  # logarithm of the sum of exponentiated logits: low for what the model does not know

    @property
    def logits(self) -> np.ndarray:
        """Logits of the classes, (C,) float64."""
        return np.log(np.maximum(self.shares, np.finfo(float).tiny)) + self.energy


@dataclass(frozen=True)
class Intent(Classification):
    """Single-label classification that knows when not to answer; see `cityzoo.outputs.Output`.

    Texts outside of all classes have targets of zeros. They train nothing, serve to choose the score that refuses and
    its threshold, and are reported on their own: accuracy counts texts within the classes alone.
    """

    # of the texts within the classes
    keep: float = flag(
        0.9,
        "share of the texts within the classes that is answered; sets the threshold",
        parse_share,
        "SHARE",
    )
    wrong_at_most: float | None = flag(
        None,
        "share of the answers that may be wrong, those to texts outside of all classes included; sets the threshold "
        "instead of --keep",
        parse_share,
        "SHARE",
    )
    pooling: str = "mean"  # encoders pool their tokens themselves
    flips: bool = False  # texts have no mirror image
    robust_groups: str | None = None
    independent_of: str | None = None
    rule: RejectionRule | None = None  # of an earlier report
    page: ClassVar[str] = "intent"
    primary_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "balanced_accuracy", "outside_auroc", "loss")
    result_type: ClassVar[type] = IntentResult
    supports_unlabelled: ClassVar[bool] = False
    supports_attribution: ClassVar[bool] = False

    def with_train_statistics(self, train: ExampleSet, may_lack_classes: bool = False) -> Intent:
        """Return the output with the class counts.

        Raises:
            InputError: one class only, several on a text, or a share that cannot be.
        """
        for name, share in (("keep", self.keep), ("wrong-at-most", self.wrong_at_most)):
            if share is not None and not 0 < share < 1:
                raise InputError(f"--{name} {share:g}: give a share above 0 and below 1, e.g. 0.9")
        return super().with_train_statistics(_take(train, _inside(train)), may_lack_classes)  # type: ignore[return-value]

    def restore(self, report: Mapping[str, Any]) -> Intent:
        """Return the output with the rule that the run chose on its validation texts."""
        from cityzoo.runtime.rejection import read_rule

        return replace(self, rule=read_rule(report))

    def fit_closed_form(self, given: ClosedFormInput) -> dict[str, Any]:
        """Compute the layer of logits from the texts within the classes."""
        inside = np.flatnonzero(rejection.find_inside(np.asarray(given.targets)))
        if len(inside) == len(given.targets):
            return super().fit_closed_form(given)
        inputs, targets, groups = (
            np.asarray(each)[inside] for each in (given.inputs, given.targets, given.groups)
        )
        return super().fit_closed_form(given._replace(inputs=inputs, targets=targets, groups=groups))

    def decode(
        self, outputs: np.ndarray, matrices: np.ndarray | None, examples: Sequence[Example]
    ) -> list[IntentResult]:
        """Return probabilities and energy of each text."""
        from cityzoo.runtime.rejection import SCORES, class_logits

        shares = super().decode(outputs, matrices, examples)
        energies = SCORES["energy"](class_logits(outputs))
        return [IntentResult(*each) for each in zip(shares, energies.tolist(), strict=True)]

    def caption(self, result: Any) -> str:
        """Return the most probable class, with its probability."""
        return super().caption(getattr(result, "shares", result))

    def metrics(self, truth: ExampleSet, results: Sequence[IntentResult]) -> dict[str, Any]:
        """Return accuracy of the texts within the classes, metrics of refusing, and metrics by class."""
        targets = _targets(truth)
        values = self.weighted_metrics(truth, results)(np.ones((1, len(truth))))
        rows = intents.rows_by_class(truth.class_names, targets, values)
        totals = {name: intents.plain(value[0]) for name, value in values.items() if "/" not in name}
        confused = intents.count_confusions(truth.class_names, targets, _shares(results))
        return {**totals, "per_class": rows, "confused": confused}

    def weighted_metrics(self, truth: ExampleSet, results: Sequence[IntentResult]) -> WeightedMetrics:
        """Return a function from weights of the texts to the same metrics."""
        rule = self.choose_rule(truth, results)
        scores = rule.decide(_logits(results)).scores
        return rejection.weighted_rejection_metrics(
            truth.class_names, _targets(truth), _shares(results), scores, rule.threshold
        )

    def choose_rule(self, truth: ExampleSet, results: Sequence[IntentResult]) -> RejectionRule:
        """Return the rule of the run; in training, or for another --keep, the one that suits these texts."""
        keep = None if self.wrong_at_most else self.keep
        if self.rule and (self.rule.keep, self.rule.wrong_at_most) == (keep, self.wrong_at_most):
            return self.rule
        default = "max probability" if self.head == "prototypes" else "energy"
        targets, logits = _targets(truth), _logits(results)
        return rejection_choice.choose_rule(logits, targets, self.keep, self.wrong_at_most, default)

    def details(self, truth: ExampleSet, results: Sequence[IntentResult]) -> dict[str, Any]:
        """Return the rule that refuses, curves, calibration, and texts that were answered or refused wrongly."""
        from cityzoo.metrics.calibration import calibration, calibration_table
        from cityzoo.metrics.classification_curves import top_k

        rule, inside, logits = self.choose_rule(truth, results), _inside(truth), _logits(results)
        found = {
            "rejection": rejection_choice.describe_rejection(rule, logits, _targets(truth)),
            "mistakes": intents.find_mistakes(truth, rule.decide(logits).shares, rule.decide(logits).labels),
        }
        if not inside.any():
            return found
        within, shares = _take(truth, inside), list(_shares(results)[inside])
        measured = calibration(within, shares, multilabel=False)
        return {
            **found,
            "calibration": {**measured, "table": calibration_table(measured)},
            "top_k": top_k(within, shares),
        }

    def write_results(self, truth: ExampleSet, results: Sequence[IntentResult], folder: Path) -> None:
        """Write `predictions.csv`: place, true class, answer, its probability and the score."""
        rule = self.choose_rule(truth, results)
        decision, names = rule.decide(_logits(results)), truth.class_names
        with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "true", "answer", "best", "probability", "score"])
            for example, label, shares, score in zip(truth.examples, *decision, strict=True):
                true = "+".join(names[i] for i in np.flatnonzero(example.target)) or intents.OUTSIDE
                best = int(shares.argmax())
                answer = names[label] if label >= 0 else intents.OUTSIDE
                writer.writerow(
                    [example.path, true, answer, names[best], f"{shares[best]:.6f}", f"{score:.6f}"]
                )

    def summarize_predictions(
        self,
        examples: ExampleSet,
        results: Sequence[IntentResult],
        report: Mapping[str, Any],
        score: float | None,
    ) -> PredictionSummary:
        """Return the answer to every text, by the rule of the report or by --score, the lowest probability."""
        from cityzoo.runtime.rejection import RejectionRule, read_rule

        given = None if score is None else RejectionRule("max probability", score)
        rule = given or read_rule(report) or RejectionRule("max probability", 0.0)
        decision = rule.decide(_logits(results))
        rows, refused = {}, 0
        for example, label, shares in zip(examples.examples, decision.labels, decision.shares, strict=True):
            best = int(shares.argmax())
            answer = self.class_names[label] if label >= 0 else intents.OUTSIDE
            rows[example.path] = {
                "answer": answer,
                "best": self.class_names[best],
                "probability": round(float(shares[best]), 4),
            }
            refused += label < 0
        line = f"{len(rows) - refused} answered, {refused} not: outside of all classes, or too uncertain"
        return PredictionSummary(list(results), "predictions.json", rows, line)

    def headline(self, report: Mapping[str, Any]) -> str:
        """Return what refusing does."""
        found = report.get("rejection") or {}
        if not found.get("score") or report.get("kept") is None:
            return ""
        rejected, rows = report.get("outside_rejected"), report.get("baselines") or {}
        outside = f", refuses {100 * (rejected or 0):.1f} % of the texts outside of all classes"
        tail = "" if rejected is None else outside
        better = [name for name, row in rows.items() if (row.get("lead_interval") or [0, 0])[1] < 0]
        warning = f"; WORSE than {', '.join(better)}, which is simpler: use that instead" if better else ""
        return (
            f"answers {100 * report['kept']:.1f} % of the texts within the classes, "
            f"{100 * (report.get('answered_accuracy') or 0):.1f} % of these correctly{tail} "
            f"({found['score']} of {found['threshold']:.3g} or more){warning}"
        )


def _targets(truth: ExampleSet) -> np.ndarray:
    return np.stack([np.asarray(example.target, np.float64) for example in truth.examples])


def _inside(truth: ExampleSet) -> np.ndarray:
    return rejection.find_inside(_targets(truth))


def _shares(results: Sequence[IntentResult]) -> np.ndarray:
    return np.stack([result.shares for result in results])


def _logits(results: Sequence[IntentResult]) -> np.ndarray:
    return np.stack([result.logits for result in results])


def _take(truth: ExampleSet, chosen: np.ndarray) -> ExampleSet:
    return replace(truth, examples=tuple(truth.examples[row] for row in np.flatnonzero(chosen)))
