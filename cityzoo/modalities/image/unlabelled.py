"""Images without labels that take part in training (FixMatch, or a teacher's answers)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import augment
from cityzoo.data.image import load_images
from cityzoo.data.image.views import AugmentedViews
from cityzoo.errors import InputError
from cityzoo.modalities.image.flags import ResolvedImageFlags
from cityzoo.outputs import Output
from cityzoo.sample import ImageSet
from cityzoo.spec import ResolvedSpec

STRONG = "randaugment"  # what the paper pairs with its weak flips and shifts
STRONG_BOXES = "strong"  # moves, scales and spoils images; boxes move along
LABELLED_ONLY = "labelled_only"  # folder of the run on labeled images alone, within a run


def make_views(
    spec: ResolvedSpec[ResolvedImageFlags], output: Output, modality: Any = None, folder: Path = Path()
) -> tuple[AugmentedViews, ...] | None:
    """Return the images of `--unlabelled`, weakly and strongly augmented; None without any.

    Those with pseudo-labels are strongly augmented alone.

    Args:
        spec: of the run.
        output: of the run.
        modality: of the images, predicts pseudo-labels.
        folder: of the run.

    Raises:
        InputError: nothing there, fewer than a batch, or a task that cannot use them.
    """
    flags, seed, size = spec.modality, spec.run.seed, spec.fit.batch_size
    if flags.unlabelled is None:
        return None
    has_boxes = output.supports_pseudo_labels and not spec.fit.teacher
    if not output.supports_unlabelled and not has_boxes and not spec.fit.teacher:
        raise InputError(
            "--unlabelled supports single-label classification and detection only, other tasks with --teacher: remove "
            "it, or give a teacher"
        )
    found = load_images(flags.unlabelled, labels=flags.bad_boxes)
    if len(found) < size:
        raise InputError(
            f"--unlabelled '{flags.unlabelled}' holds {len(found)} images, less than a batch of {size}: "
            "give more, or a smaller --batch-size"
        )
    nothing = np.zeros(len(output.class_names), np.float32)
    images = tuple(replace(each, target=nothing) for each in found.examples)
    whole = ImageSet("unlabelled", output.class_names, images)
    if int(os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES", "1")) > 1:
        raise InputError("--unlabelled trains in one process only: remove it, or train on one machine")
    if has_boxes:
        from cityzoo.modalities.image.pseudo_labels import pseudo_label

        found = replace(whole, examples=tuple(found.examples))
        found = pseudo_label(found, output, modality, folder / LABELLED_ONLY, folder, size)
        policy = drop_mixes(STRONG_BOXES)
        return (AugmentedViews(found, output, policy, flags.image_size, 1, seed + 1, flags.keep_decoded),)
    policy = drop_mixes(flags.augment)
    weak = AugmentedViews(whole, output, policy, flags.image_size, 1, seed, flags.keep_decoded)
    return weak, replace(weak, policy=drop_mixes(STRONG), seed=seed + 1)


def drop_mixes(policy: Any) -> augment.Policy:
    """Return a policy without mixes: an image that takes parts of its neighbors has no single class to agree on."""
    from augment.registry import load_transforms

    whole = augment.get_policy(policy)
    alone = (step for step in whole.steps if load_transforms()[step.transform].stage != "mix")
    return replace(whole, steps=tuple(alone))
