"""Classifiers under attack: the report's sections for --adversarial and --patch-search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

MOST = 200  # images that a patch is searched and measured on
WITHOUT = "without_adversarial"  # in the run folder: the same training without attacks


def evaluate_section(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return `adversarial` and `patch_search`, with their images, if flags ask for them.

    Raises:
        InputError: not a classifier, a head without gradients, other classes, or too few images.
    """
    if not (flags.get("adversarial") or flags.get("patch_search")):
        return {}
    from cityzoo.outputs.classification import Classification

    if not (isinstance(subject.output, Classification) and subject.output.trainable):
        raise InputError("--adversarial and --patch-search support classifiers of images: remove them")
    found = {}
    if flags.get("adversarial"):
        found["adversarial"] = _measure_levels(subject, truth, flags, folder)
    if share := flags.get("patch_search"):
        from cityzoo.evaluation.adversarial import patch_search

        groups, seed = subject.task.modality.groups(truth), subject.spec.run.seed
        given = subject.model, subject.output, truth, groups
        found["patch_search"] = patch_search.measure(*given, share, seed, MOST, folder)
    return found


def _measure_levels(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    from cityzoo.evaluation.adversarial.attacked_accuracy import LEVELS, Attackable, measure
    from cityzoo.evaluation.compare import require_same_classes
    from cityzoo.fit.adversarial import attack_of
    from cityzoo.model import load

    modality, names = subject.task.modality, subject.output.class_names
    models = {"this model": Attackable(subject.model, subject.output, truth)}
    plain = subject.folder.path / WITHOUT / subject.folder.model.name
    if plain.is_file():
        models["without --adversarial"] = Attackable(load(plain), subject.output, truth)
    for other in flags.get("others", ()):
        require_same_classes(names, other.output.class_names, other.path)
        own = modality.reorder_labels(truth, other.output.class_names)
        models[other.path] = Attackable(other.model, other.output, own)
    groups, seed = modality.groups(truth), subject.spec.run.seed
    attack, trained = attack_of(subject.spec), getattr(subject.spec.modality, "adversarial", None)
    levels = sorted({*LEVELS, max(1, round(attack.eps))}) if attack else LEVELS
    return measure(models, groups, trained, seed, flags["adversarial"], folder, levels)
