"""Detections that cannot be: the report's section for --rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

FIT = "fit"  # value of --rules that makes rules from the labels of the run's training images


def evaluate_section(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return `rules` if flags ask for it, and write rules.png and, if rules were fitted, rules.yaml.

    Raises:
        InputError: rules that cannot be used, or a run that does not predict boxes.
    """
    if not flags.get("rules"):
        return {}
    from cityzoo.evaluation.rules.violations import load_rules, measure

    rules = load_rules(subject, flags, folder)
    groups = subject.task.modality.groups(truth)
    return {
        "rules": measure(
            rules, subject.output, truth, subject.results(truth), groups, folder, subject.spec.run.seed
        )
    }
