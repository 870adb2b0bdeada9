"""A detector averaged with itself on the mirrored image: test-time augmentation inside the model."""

from __future__ import annotations

from typing import Any

from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.fuse.ensemble import Fused
from cityzoo.fuse.joined_model import graft
from cityzoo.model import label_outputs


def mirror_model(run: EvaluatedRun) -> Fused:
    """Return a model that sees each image and its mirror image, and averages the outputs at each point.

    Args:
        run: of a detector.

    Raises:
        InputError: another output than boxes.
    """
    import keras

    mirror: Any = getattr(run.output, "mirror_outputs", None)
    if mirror is None:
        raise InputError(
            f"--by mirror is for detectors, '{run.path}' is a run of {run.spec.run.task_name}: classifiers of images "
            "take --flips in training"
        )
    given = run.model.input
    images = keras.Input(given.shape[1:], dtype=given.dtype, name=given.name)
    both = keras.ops.concatenate([images, keras.ops.flip(images, axis=2)], axis=0)
    plain, mirrored = keras.ops.split(graft(run.model, both, "member1_"), 2, axis=0)
    outputs = (plain + mirror(mirrored, tuple(given.shape[1:3]))) / 2
    outputs = label_outputs(outputs, run.output.class_names)
    return Fused(keras.Model(images, outputs, name=f"{run.model.name}_mirrored"), {"combined": "mirror"})
