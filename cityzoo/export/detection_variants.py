"""The three graphs of an exported detector: raw convolutions, decoded boxes, and detections after NMS."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.runtime.detection_outputs import grid, levels_of
from zoo import graph

if TYPE_CHECKING:
    import keras

LOGITS, DISTANCES = "head_logits", "head_distances"  # layers of `heads.detection.DetectionHead`


def raw_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the outputs of the head's last convolutions by name: `distances_P3`, `logits_P3`, ...

    Boxes and logits in one tensor would share one scale in int8, which costs three quarters of the AP.

    Raises:
        InputError: the model has no such layers.
    """
    height, found = model.inputs[0].shape[1], {}
    for node in graph.nodes(model):
        kind = {LOGITS: "logits", DISTANCES: "distances"}.get(node.operation.name)
        if kind:
            tensor = node.outputs[0]
            found[f"{kind}_P{int(math.log2(height // tensor.shape[1]))}"] = tensor
    if not found or len(found) % 2:
        raise InputError(
            f"model '{model.name}' lacks the layers {LOGITS} and {DISTANCES} of a detection head: export the variant "
            "'decoded' instead of 'raw'"
        )
    return found


def decoded_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return `boxes` (B, N, 4), pixels of the network's input, and `scores` (B, N, classes), 0..1, of a constant grid.

    A model whose head is another one is cut behind its own decoding.
    """
    from keras import layers, ops

    try:
        raw = raw_outputs(model)
    except InputError:
        split = layers.Lambda(
            lambda fused: {"boxes": fused[..., :4], "scores": ops.sigmoid(fused[..., 4:])}, name="exported"
        )
        return split(model.output)
    cells = {level: tuple(raw[f"logits_{level}"].shape[1:3]) for level in levels_of(raw)}
    centers, strides = grid(cells)

    def rows(found: dict[str, Any], kind: str) -> Any:
        parts = [found[f"{kind}_{level}"] for level in cells]
        flat = [ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3])) for x in parts]
        return ops.concatenate(flat, axis=1)

    def decode(found: dict[str, Any]) -> dict[str, Any]:
        sides = ops.softplus(rows(found, "distances")) * strides
        boxes = ops.concatenate([centers - sides[..., :2], centers + sides[..., 2:]], axis=-1)
        return {"boxes": boxes, "scores": ops.sigmoid(rows(found, "logits"))}

    # In one layer: names of single operations may be taken by the loaded model.
    return layers.Lambda(decode, name="exported")(raw)
