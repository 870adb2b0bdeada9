"""Build sound models: backbone and head."""

from __future__ import annotations

import keras

import zoo
import zoo.audio.backbones
from cityzoo.errors import InputError
from cityzoo.modalities.audio.data import count_samples
from cityzoo.modalities.audio.flags import ResolvedAudioFlags
from cityzoo.model import AssembledModel, label_outputs
from cityzoo.outputs import Output
from cityzoo.spec import ResolvedSpec
from cityzoo.transfer import start_from


def build(spec: ResolvedSpec[ResolvedAudioFlags], output: Output) -> AssembledModel:
    """Put the head on the backbone and give the model its starting weights.

    Raises:
        InputError: a clip length or a spectrogram that the backbone cannot take, or weights that do not fit.
    """
    run = spec.run
    try:
        samples = count_samples(spec.modality.clip_seconds)
        backbone = zoo.audio.backbones.build(run.backbone, samples, spec.modality.max_hz)
    except ValueError as error:
        raise InputError(str(error)) from error
    outputs = label_outputs(output.build_head(backbone.output), output.class_names)
    model = keras.Model(backbone.inputs[0], outputs, name=f"{run.task_name}_{run.backbone}")
    return start_from(AssembledModel(model, backbone, None), run.weights)


def prefix(backbone: keras.Model, stage: str) -> keras.Model | None:
    """Return the part of a backbone up to a stage, or all of it, whose outputs can be cached."""
    if stage == "backbone":
        return keras.Model(backbone.inputs[0], dict(backbone.output), name=f"{backbone.name}_to_pooled")
    return zoo.prefix(backbone, stage, levels=())
