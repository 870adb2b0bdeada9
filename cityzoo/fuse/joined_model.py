"""Several models as one flat Keras model of the same inputs, and their outputs for examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.model import label_outputs
from cityzoo.outputs.raw_outputs import skip_decoding
from zoo import graph

if TYPE_CHECKING:
    import keras

    from cityzoo.evaluation.evaluated_run import EvaluatedRun


def join_models(
    models: Sequence[keras.Model],
    combine: Callable[[list[Any]], Any],
    class_names: Sequence[str],
    name: str,
) -> keras.Model:
    """Return one model of the same inputs whose output is combined from those of several.

    Args:
        models: functional models of one output, with inputs of the same shapes and names.
        combine: the models' symbolic outputs -> the output.
        class_names: that the model carries; none for outputs without classes.
        name: of the model.
    """
    import keras

    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name), models[0].input
    )
    outputs = [graft(model, inputs, f"member{number}_") for number, model in enumerate(models, 1)]
    joined = combine(outputs)
    joined = label_outputs(joined, class_names) if class_names else joined
    return keras.Model(inputs, joined, name=name)


def graft(model: keras.Model, inputs: Any, prefix: str) -> Any:
    """Return a functional model's output for other inputs, computed by copies of its layers with longer names.

    Args:
        model: with one output.
        inputs: symbolic tensors, in the structure of its own.
        prefix: of the names.
    """
    import keras

    own, given = keras.tree.flatten(model.input), keras.tree.flatten(inputs)
    feeds = {id(tensor): new for tensor, new in zip(own, given, strict=True)}
    targets = keras.tree.flatten(model.output)
    values = graph.run(model, targets, feeds, graph.copy_layers(prefix))
    return keras.tree.map_structure(lambda tensor: values[id(tensor)], model.output)


class RawOutputs(NamedTuple):
    """What a network returned for examples, not decoded.

    Attributes:
        values: (N, ...) float32; outputs of varying length are padded by zeros.
        matrices: (N, 3, 3) float32 of images, see `Output.decode`; None where examples are no images.
        examples: the N examples as they were decoded.
    """

    values: np.ndarray
    matrices: np.ndarray | None
    examples: list[Any]


def predict_raw(run: EvaluatedRun, examples: Any) -> RawOutputs:
    """Return what a run's model outputs for each example.

    Args:
        run: its output says how examples come to the network.
        examples: N of them.
    """
    rows = run.task.modality.predict(run.model, examples, skip_decoding(run.output))
    values, matrices, seen = (list(column) for column in zip(*rows, strict=True))
    longest = max(len(each) for each in values)
    padded = [np.pad(x, [(0, longest - len(x)), *[(0, 0)] * (x.ndim - 1)]) for x in values]
    return RawOutputs(np.stack(padded), None if matrices[0] is None else np.stack(matrices), seen)
