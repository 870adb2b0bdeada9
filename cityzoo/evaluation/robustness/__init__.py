"""Metrics under corruptions and adversarial perturbations: the report's section for --robustness."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun


def evaluate_section(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return `robustness`, with robustness.png, or `corrupted` if flags ask for it."""
    most = flags.get("robustness")
    if not most:
        return {}
    from cityzoo.evaluation.robustness.changed_examples import measure_changed
    from cityzoo.evaluation.robustness.measure import measure

    model, output, seed = subject.model, subject.output, subject.spec.run.seed
    changed = measure_changed(subject.task.modality, model, output, truth, seed, most)
    if changed:
        return {"corrupted": changed}
    return {"robustness": measure(model, output, truth, seed, most, flags["attack_eps"], folder)}
