"""Build the network behind the frozen encoders: fusion and head."""

from __future__ import annotations

import keras

from cityzoo.data.multimodal import MultimodalDataset
from cityzoo.modalities.multimodal.flags import MultimodalFlags
from cityzoo.model import AssembledModel, label_outputs
from cityzoo.outputs import Output
from cityzoo.spec import ResolvedSpec
from cityzoo.transfer import start_from
from heads.fusion import COMPRESS, Fusion, principal_components


def build(spec: ResolvedSpec[MultimodalFlags], output: Output, data: MultimodalDataset) -> AssembledModel:
    """Put the head on the fusion of the modalities that the training rows have.

    Raises:
        InputError: weights that do not fit.
    """
    train, run = data.train, spec.run
    dropout = 0.0 if spec.modality.fusion == "late" else spec.modality.modality_dropout
    fusion = Fusion(train.sizes, spec.modality.fusion, modality_dropout=dropout)
    inputs = keras.Input((sum(train.sizes.values()) + len(train.sizes),), name="features")
    backbone = keras.Model(inputs, fusion(inputs), name=f"fusion_{fusion.how}")
    _compress(backbone, train)
    outputs = label_outputs(output.build_head(backbone.output), output.class_names)
    model = keras.Model(inputs, outputs, name=f"{run.task_name}_{fusion.how}")
    return start_from(AssembledModel(model, backbone, None), run.weights)


def _compress(backbone: keras.Model, train) -> None:
    """Set the layers of principal components from the training rows that have the modality."""
    rows, present, start = train.features(), train.present(), 0
    names = {layer.name for layer in backbone.layers}
    for number, (modality, size) in enumerate(train.sizes.items()):
        if f"{COMPRESS}{modality}" in names:
            layer = backbone.get_layer(f"{COMPRESS}{modality}")
            known = rows[present[:, number], start : start + size]
            layer.set_weights(principal_components(known, layer.units))
        start += size


def freeze(backbone: keras.Model, stage: str) -> None:
    """Let the layers of the fusion train, except the principal components; at "backbone" none of them."""
    for layer in backbone.layers:
        layer.trainable = stage == "none" and not layer.name.startswith(COMPRESS)
