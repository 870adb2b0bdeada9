"""Int8 for LiteRT: activations by the ranges of fake quantization, weights per channel, by TensorFlow's converter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.export.int8_search import Attempt, QuantizedFile, Recipe
from cityzoo.export.write import explain_errors, make_signature

if TYPE_CHECKING:
    import keras

SENSITIVITY_EXAMPLES = 8


def quantize_litert(
    model: keras.Model,
    path: Path,
    batches: Iterable[np.ndarray],
    evaluate: Callable[[Path], float],
    least: float,
    keep_float: Sequence[str] = (),
) -> QuantizedFile:
    """Write a Keras model as a .tflite file that computes in int8.

    The converter quantizes whatever lies between two ranges, so that no single layer can stay in float: where the
    metric does not hold, the result says what each layer costs, and fine-tuning with fake quantization is the remedy.

    What follows the last convolutions and dense layers stays in float. An image input becomes uint8, outputs are
    float32, each behind a scale of its own.

    Args:
        model: of one input, with a dict of named outputs.
        path: of the file.
        batches: inputs from the training split, a few dozen examples.
        evaluate: returns a file's metric; higher is better.
        least: the lowest metric that will do.
        keep_float: names of layers that stay in float with everything behind them, such as a memory of neighbors.
    """
    from zoo.quantization import insert, sensitivity
    from zoo.quantization.fold import fold_batchnorm

    folded, batches = fold_batchnorm(model)[0], [np.asarray(batch, np.float32) for batch in batches]
    quantized, _ = insert.insert_fake_quantization(folded, keep_float=keep_float)
    insert.set_ranges(quantized, batches)

    write_int8_litert(quantized, path)
    metric, recipe = evaluate(path), Recipe("int8")
    effects: dict[str, float] = {}
    if metric < least:
        effects = sensitivity.measure_layers(folded, quantized, batches[0][:SENSITIVITY_EXAMPLES], keep_float)
    return QuantizedFile(path, recipe, metric, metric >= least, {}, (Attempt(recipe, metric),), effects)


def write_int8_litert(model: keras.Model, path: Path) -> None:
    """Write a model with fake quantization as an int8 file: it says all ranges itself.

    Args:
        model: from `zoo.quantization.insert_fake_quantization`, with ranges set or learned.
        path: of the .tflite file.

    Raises:
        InputError: LiteRT cannot express a layer.
    """
    import tensorflow as tf

    from zoo.quantization.insert import with_rounded_weights

    plain = with_rounded_weights(model)
    options: dict[str, Any] = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if len(plain.inputs[0].shape) == 4:
        options["inference_input_type"] = tf.uint8
    with explain_errors(plain, "litert"):
        plain.export(
            str(path), format="litert", input_signature=make_signature(plain, False), verbose=False, **options
        )


def quantize_litert_weights(model: keras.Model, path: Path) -> None:
    """Write a Keras model as a .tflite file with int8 weights; activations stay in float or are rounded as they come.

    For models of dense and recurrent layers, whose inputs have no fixed range, and for text encoders.
    """
    import tensorflow as tf

    with explain_errors(model, "litert"):
        model.export(
            str(path),
            format="litert",
            input_signature=make_signature(model, False),
            verbose=False,
            optimizations=[tf.lite.Optimize.DEFAULT],
        )
