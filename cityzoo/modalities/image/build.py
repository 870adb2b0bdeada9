"""Build image models: backbone and head, starting weights, parameter-efficient adaptation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import augment
import zoo
import zoo.pretrained
import zoo.registry
from cityzoo import peft
from cityzoo.data.image import Dataset
from cityzoo.data.image.rare_classes import repeat_rare
from cityzoo.data.image.views import AugmentedViews
from cityzoo.errors import InputError
from cityzoo.modalities.image.flags import ResolvedImageFlags
from cityzoo.modalities.image.settings import dtype_policies
from cityzoo.model import AssembledModel, assemble, is_fake_quantized, load
from cityzoo.outputs import Output
from cityzoo.spec import ResolvedSpec
from cityzoo.transfer import adopt_widths, is_model, start_from

CALIBRATION_IMAGES = 16
ImageSpec = ResolvedSpec[ResolvedImageFlags]


def build(spec: ImageSpec, output: Output, data: Dataset) -> AssembledModel:
    """Put the head on the backbone and give it its starting weights.

    Raises:
        InputError: the backbone cannot take this size, or the weights are unavailable.
    """
    run, flags = spec.run, spec.modality
    name = f"{run.task_name}_{run.backbone}".replace(zoo.registry.JOIN, "_")
    given = "random" if is_model(run.weights) else run.weights
    policies = dtype_policies(spec)
    try:
        assembled = assemble(run.backbone, output, flags.image_size, given, policies, name, flags.structure)
    except ValueError as error:
        raise InputError(str(error)) from error
    if is_model(run.weights) and is_fake_quantized(Path(run.weights)):
        return _load_fake_quantized(assembled, run.weights)
    if is_model(run.weights):
        assembled = start_from(adopt_widths(assembled, run.weights), run.weights)
    elif assembled.origin and assembled.origin.kind == "random":
        calibrate(assembled, spec, output, data)
    return peft.adapt(assembled, flags.adapt, flags.delta, spec.plan, run.seed)


def _load_fake_quantized(assembled: AssembledModel, path: str) -> AssembledModel:
    import keras

    from zoo.quantization.fold import fold_batchnorm
    from zoo.quantization.insert import insert_fake_quantization

    model, levels = load(path), dict(assembled.backbone.output)
    folded, levels = fold_batchnorm(assembled.model, levels)
    _, levels = insert_fake_quantization(folded, extra=levels)
    # The levels of the backbone are outputs of layers that have the same names in the file.
    outputs = {
        name: model.get_layer(tensor._keras_history.operation.name).output for name, tensor in levels.items()
    }
    backbone = keras.Model(model.input, outputs, name=assembled.backbone.name)
    origin = zoo.Origin("file", path, zoo.pretrained.sha256(path), "a whole model with fake quantization")
    return replace(assembled, model=model, backbone=backbone, origin=origin)


def calibrate(assembled: AssembledModel, spec: ImageSpec, output: Output, data: Dataset) -> None:
    """Bring random weights to unit variance on a batch of training images; see `zoo.calibrate`."""
    views = AugmentedViews(
        data.train, output, "none", spec.modality.image_size, max_boxes(data), spec.run.seed
    )
    count = min(CALIBRATION_IMAGES, len(data.train))
    images, _, _ = views.load_batch([(row, 0) for row in range(count)])
    zoo.calibrate(assembled.backbone, images.numpy().astype(np.float32))


def max_boxes(data: Dataset) -> int:
    """Return the largest number of boxes in an image, at least 1."""
    return max(1, *(len(image.labels) for side in (data.train, data.val) for image in side.examples))


def make_views(spec: ImageSpec, output: Output, data: Dataset) -> tuple[AugmentedViews, AugmentedViews]:
    """Return the training images, augmented as the spec says, and the validation images as they are."""
    flags, rows = spec.modality, max_boxes(data)
    policy = augment.get_policy(flags.augment)
    shown = repeat_rare(data.train, flags.repeat_rare)
    train = AugmentedViews(shown, output, policy, flags.image_size, rows, spec.run.seed, flags.keep_decoded)
    return train, AugmentedViews(data.val, output, "none", flags.image_size, rows, spec.run.seed)
