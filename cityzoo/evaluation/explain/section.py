"""The report's section of explanations, where --explain asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun


def evaluate_section(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return `explanations`, and write explanations.png."""
    from cityzoo.evaluation.explain import explain

    wanted = flags.get("explain")
    if not wanted:
        return {}
    wanted = int(wanted) if wanted.isdecimal() else wanted
    model, output, seed = subject.model, subject.output, subject.spec.run.seed
    found = explain.explanations(model, output, truth, subject.results(truth), wanted, folder, seed)
    return {"explanations": found}
