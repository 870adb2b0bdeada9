"""The report's section of robustness, where --robustness asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun


def evaluate_section(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return `robustness`, and write robustness.png."""
    from cityzoo.evaluation.robustness import measure

    most = flags.get("robustness")
    if not most:
        return {}
    model, output, seed = subject.model, subject.output, subject.spec.run.seed
    return {"robustness": measure.measure(model, output, truth, seed, most, flags["attack_eps"], folder)}
