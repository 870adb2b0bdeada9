"""What answers depend on, by interventions on images: the report's section for --interventions."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

LOG = logging.getLogger(__name__)


def evaluate_section(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return `interventions` if flags ask for it, and write interventions.png.

    Parts of images are taken from the run's own training images, or, where these are gone, from the evaluated ones.

    Raises:
        InputError: an output that has no score for each label, or no images.
    """
    most = flags.get("interventions")
    if not most:
        return {}
    from cityzoo.evaluation.interventions.changed_examples import measure_changed

    model, output, seed = subject.model, subject.output, subject.spec.run.seed
    found = measure_changed(subject.task.modality, model, output, truth, seed, most)
    if found is None:
        found = _measure_images(subject, truth, flags, folder, most)
    for name in found["flagged"]:
        LOG.warning("WARNING: answers depend on what should not matter: %s", name)
    return {"interventions": found}


def _measure_images(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path, most: int
) -> dict[str, Any]:
    from cityzoo.errors import InputError
    from cityzoo.evaluation.interventions.known_boxes import restore_boxes
    from cityzoo.evaluation.interventions.measure import measure

    task, spec, own = subject.task, subject.spec, {"data": None, "split": "train", "limit": None}
    try:
        donors, _ = task.modality.read_to_evaluate(spec, task, subject.output.class_names, {**flags, **own})
    except InputError:
        donors = truth
    else:
        donors = restore_boxes(donors, spec.run.data)
    truth = restore_boxes(truth, flags["data"] or spec.run.data)
    groups = task.modality.groups(truth)
    return measure(subject.model, subject.output, truth, donors, spec.run.seed, most, folder, groups)
