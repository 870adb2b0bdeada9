"""The graph that a file gets: a trained model with named outputs, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from cityzoo.errors import InputError
from cityzoo.export import detection_variants
from cityzoo.export.portable import portable
from cityzoo.runtime.detection_outputs import DECODED, NMS, PLAIN, RAW
from zoo import graph as walk

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs import Output


class NamedOutput(NamedTuple):
    """An output of an exported file, as its preprocessing.json describes it."""

    name: str
    meaning: str
    unit: str


LOGITS_OF_MANY = "one logit for each class; softmax gives probabilities"
LOGIT_OF_TWO = "the logit of the second class; its sigmoid is that class's probability"
SEVERAL = "one logit for each class; its sigmoid is the probability that the class is there"
OF_PAGE = {
    "classification": NamedOutput("logits", LOGITS_OF_MANY, ""),
    "intent": NamedOutput("logits", LOGITS_OF_MANY, ""),
    "multilabel": NamedOutput("logits", SEVERAL, ""),
    "tagging": NamedOutput("tags", "(tokens, tags): logits of O, B and I of each class at a word's first token", ""),
    "counting": NamedOutput("density", "objects in each cell of 8 x 8 pixels; the sum is the count", "objects"),
    "anomaly": NamedOutput(
        "distances", "distance of each cell of 8 x 8 pixels to what is normal; the score is the largest one after a "
        "Gaussian blur of 0.8 cells", ""
    ),
    "forecast": NamedOutput("quantiles", "(steps ahead, sensors, quantiles) of the first quantity", "of the quantity"),
}  # fmt: skip
OF_DETECTOR = {
    RAW: [
        NamedOutput("distances_P*", "softplus, times the level's stride: distances to left, top, right, bottom", ""),
        NamedOutput("logits_P*", "one logit for each class; its sigmoid is the score", ""),
    ],
    DECODED: [
        NamedOutput("boxes", "x1, y1, x2, y2 of each point, before NMS", "pixels of the network's input"),
        NamedOutput("scores", "0 to 1, of each point and class", ""),
    ],
    NMS: [
        NamedOutput("boxes", "x1, y1, x2, y2, best first; rows of padding are -1", "pixels of the network's input"),
        NamedOutput("classes", "position in class_names; -1 in rows of padding", ""),
        NamedOutput("num_detections", "rows that are not padding", ""),
        NamedOutput("scores", "0 to 1; -1 in rows of padding", ""),
    ],
}  # fmt: skip


def is_detector(output: Output) -> bool:
    """Return whether an output's boxes and logits are in one tensor, which a file must not have."""
    return output.page == "detection"


def choose_variant(output: Output, wanted: str | None, fmt: str, int8: bool = False) -> str:
    """Return the variant to export.

    Args:
        output: of the run.
        wanted: one of `VARIANTS`; None: raw for int8 in LiteRT, else decoded.
        fmt: the format.
        int8: whether the file will be quantized.

    Raises:
        InputError: a variant for something that is no detector, or NMS where the format has none.
    """
    if not is_detector(output):
        if wanted not in (None, PLAIN):
            raise InputError(f"--variant {wanted} applies to detectors only: remove it")
        return PLAIN
    if wanted == NMS and fmt not in ("onnx", "openvino"):
        raise InputError(
            f"format '{fmt}' has no non-maximum suppression: remove --nms, or use --format onnx or openvino"
        )
    return wanted or (RAW if int8 and fmt == "litert" else DECODED)


def require_expressible(model: keras.Model) -> None:
    """Raise InputError for a model that computes in Python what no file format can express."""
    from heads.box_fusion_layer import WeightedBoxesFusion

    if any(isinstance(layer, WeightedBoxesFusion) for layer in model.layers):
        raise InputError(
            f"model '{model.name}' fuses boxes one after another in Python, which no file can hold; evaluate.py and "
            "benchmark run it: to export, fuse with --boxes mean, or distil it: --by distil"
        )


def make_graph(model: keras.Model, output: Output, variant: str) -> keras.Model:
    """Return a model with the same weights whose outputs are a dict by name.

    NMS is added when an ONNX file is written: its graph here is that of `DECODED`.

    Raises:
        InputError: a variant that the model's head does not allow.
    """
    import keras

    if variant == RAW:
        outputs = detection_variants.raw_outputs(model)
    elif variant in (DECODED, NMS):
        outputs = detection_variants.decoded_outputs(model)
    elif isinstance(model.output, dict):
        outputs = model.output
    else:
        outputs = {describe_outputs(output, variant, model.output.shape)[0].name: model.output}
    inputs = model.input if isinstance(model.input, dict) else model.inputs
    return portable(keras.Model(inputs, outputs, name=model.name))


def fix_inputs(graph: keras.Model, shapes: Mapping[str, tuple[int, ...]]) -> keras.Model:
    """Return the same graph for inputs of fixed sizes, where a format has no others.

    Args:
        graph: with a dict of named outputs.
        shapes: of some inputs, without the batch axis.
    """
    import keras

    if not shapes:
        return graph
    inputs = {
        tensor.name: keras.Input(
            shapes.get(tensor.name, tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name
        )
        for tensor in graph.inputs
    }
    feeds = {id(tensor): inputs[tensor.name] for tensor in graph.inputs}
    values = walk.run(graph, keras.tree.flatten(graph.output), feeds)
    outputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], graph.output)
    only = inputs if isinstance(graph.input, dict) else list(inputs.values())
    return keras.Model(only, outputs, name=graph.name)


def describe_outputs(output: Output, variant: str, shape: tuple[int | None, ...] = ()) -> list[NamedOutput]:
    """Return name, meaning and unit of the outputs of a file.

    Args:
        output: of the run.
        variant: of the file.
        shape: of the Keras model's output.
    """
    if variant != PLAIN:
        return OF_DETECTOR[variant]
    known = OF_PAGE.get(output.page, NamedOutput("outputs", "as the Keras model returns them", ""))
    if output.page == "counting" and len(shape) == 2:
        return [NamedOutput("count", "objects in the image", "objects")]
    if output.page == "classification" and shape[-1:] == (1,):
        return [known._replace(meaning=LOGIT_OF_TWO)]
    return [known]
