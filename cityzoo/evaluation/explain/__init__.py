"""Explain predictions by gradients and occlusion, with sanity checks: the report's section for --explain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun


def evaluate_section(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return `explanations` if flags ask for them, and write explanations.png."""
    wanted = flags.get("explain")
    if not wanted:
        return {}
    from cityzoo.evaluation.explain.explain import explanations

    wanted = int(wanted) if wanted.isdecimal() else wanted
    model, output, seed = subject.model, subject.output, subject.spec.run.seed
    results = subject.results(truth)
    own = subject.task.modality.explain(model, output, truth, results, wanted, seed)
    if own is not None:
        return {"explanations": own}
    return {"explanations": explanations(model, output, truth, results, wanted, folder, seed)}
