"""Detections that cannot be: the report's section for --rules."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

LOG = logging.getLogger(__name__)
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
    found = measure(
        rules, subject.output, truth, subject.results(truth), groups, folder, subject.spec.run.seed
    )
    broken = sum(row["place"] + row["height"] for row in found["violations"].values())
    LOG.info(
        "rules: %d of %d detections with a score of %.2f or more break them, %d of %d labels",
        *(broken, found["detections"], found["score"], found["labels"], found["boxes"]),
    )
    return {"rules": found}
