"""Int8 files of a run: calibrated on its training split, chosen by its validation split."""

from __future__ import annotations

import functools
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.evaluation.compare import better_when_lower
from cityzoo.export import graphs, int8_weights
from cityzoo.export.calibration import Recorder, calibration_batches, record, spread_rows
from cityzoo.export.int8_litert import quantize_litert, write_int8_litert
from cityzoo.export.int8_onnx import quantize_onnx
from cityzoo.export.int8_openvino import quantize_openvino
from cityzoo.export.int8_search import QuantizedFile, silence
from cityzoo.export.onnx_nms import append_nms
from cityzoo.export.rounded_weights import store_rounded_weights
from cityzoo.export.write import FILES, onnx_to_openvino, write
from cityzoo.model import is_fake_quantized
from cityzoo.runtime.detection_outputs import restorer
from cityzoo.runtime.runtime_model import open_model
from heads.memory_bank import BANK

if TYPE_CHECKING:
    import keras

    from cityzoo.evaluation.evaluated_run import EvaluatedRun

LOG = logging.getLogger(__name__)
EXAMPLES = 200  # of the validation split, that recipes are compared on
KEEP_FLOAT = (BANK,)  # distances of patches: differences of large numbers


def write_int8(
    run: EvaluatedRun,
    graph: keras.Model,
    variant: str,
    folder: Path,
    fmt: str,
    allow_loss: float,
    calibration: tuple[int, str | None],
    dynamic_batch: bool = True,
) -> tuple[Path, dict[str, Any]]:
    """Write a run's model with int8 weights and, for images, int8 activations.

    A run that was fine-tuned with fake quantization brings its ranges along. Models of series have dense and recurrent
    layers on inputs of any range: only their weights are stored in 8 bits.

    Args:
        run: with its Keras model.
        graph: with named outputs.
        variant: of the graph; NMS is added here.
        folder: of the file.
        fmt: "onnx", "litert" or "openvino".
        allow_loss: of the main metric, see `QuantizedFile.holds`.
        calibration: number of training examples, and another source for them.
        dynamic_batch: whether the file takes batches of any size; LiteRT takes single examples.

    Returns:
        The file, and what parity.json says about its quantization.

    Raises:
        InputError: a package is missing, or a format without int8.
    """
    if fmt not in ("onnx", "litert", "openvino"):
        raise InputError(f"--int8 does not apply to {fmt}: use --format onnx, litert or openvino")
    path = folder / FILES[fmt]
    with tempfile.TemporaryDirectory(prefix="cityzoo-") as place:

        def write_onnx(model: keras.Model) -> Path:
            return write(model, "onnx", Path(place), False, dynamic_batch)

        if is_fake_quantized(run.folder.model):
            facts: dict[str, Any] = {"recipe": "learned ranges, int8 weights per channel"}
            _write_learned(graph, variant, path, fmt, write_onnx)
        elif run.task.modality.name != "image":
            make_score = functools.partial(_make_score, run, variant, allow_loss)
            facts = int8_weights.write_int8_weights(graph, path, fmt, write_onnx, make_score)
        else:
            found = _search(run, graph, variant, path, fmt, allow_loss, calibration, write_onnx)
            facts = describe(found)
        if variant == graphs.NMS and fmt == "onnx":
            append_nms(path)
    return path, facts


def describe(found: QuantizedFile) -> dict[str, Any]:
    """Return what parity.json says about a search."""
    if not found.holds:
        LOG.warning(
            "WARNING: no way to quantize loses as little as allowed; fine-tune with python -m cityzoo quantize"
        )
    return {
        "recipe": str(found.recipe),
        "layers_in_float": found.kept,
        "attempts": [{"recipe": str(each.recipe), "metric": each.metric} for each in found.attempts],
        "signal_to_noise_db": found.effects,
    }


def _write_learned(
    graph: keras.Model, variant: str, path: Path, fmt: str, write_onnx: Callable[[Any], Path]
) -> None:
    from zoo.quantization.insert import with_rounded_weights

    if fmt == "litert":
        write_int8_litert(graph, path)
        return
    source = write_onnx(with_rounded_weights(graph))
    store_rounded_weights(source)
    if fmt == "onnx":
        shutil.move(source, path)
        return
    if variant == graphs.NMS:
        append_nms(source)
    onnx_to_openvino(source, path)


def _search(
    run: EvaluatedRun,
    graph: keras.Model,
    variant: str,
    path: Path,
    fmt: str,
    allow_loss: float,
    calibration: tuple[int, str | None],
    write_onnx: Callable[[Any], Path],
) -> QuantizedFile:
    with silence():
        batches = calibration_batches(run, *calibration)
    score, least = _make_score(run, variant, allow_loss)
    if fmt == "litert":
        return quantize_litert(graph, path, batches, score, least, KEEP_FLOAT)
    quantizers = {"onnx": quantize_onnx, "openvino": quantize_openvino}
    return quantizers[fmt](write_onnx(graph), path, batches, score, least, KEEP_FLOAT)


def _make_score(run: EvaluatedRun, variant: str, allow_loss: float) -> tuple[Callable[[Path], float], float]:
    """Return the function that a search maximizes, and the least value that will do.

    The main metric on validation examples; an error is negative, as a share of the float model's. Where there is no
    metric, the mean difference of the outputs as a share of their range.
    """
    modality, output = run.task.modality, run.output
    with silence():  # the data was described before
        val = modality.read(run.spec, run.task).val
    val = modality.select(val, spread_rows(len(val), EXAMPLES))
    if variant == graphs.NMS:
        variant = graphs.DECODED
    restore = restorer(variant, len(output.class_names))
    before = Recorder(run.model, keep_inputs=False)
    metrics = output.metrics(val, modality.predict(before, val, output))
    name = next((each for each in output.primary_metrics if metrics.get(each) is not None), "")
    lower = better_when_lower(name, output.lower_is_better)
    reach = max(abs(metrics[name]), 1e-9) if name else 1.0

    def score(path: Path) -> float:
        file = open_model(path, restore=restore)
        if not name:
            want, found = (
                np.concatenate([np.asarray(each).ravel() for each in results])
                for results in (before.results, record(run, val, file).results)
            )
            return -float(np.abs(found - want).mean() / max(np.ptp(want), 1e-9))
        value = output.metrics(val, modality.predict(file, val, output))[name]
        return -value / reach if lower else value

    if not name:
        return score, -allow_loss
    return score, -1.0 - allow_loss if lower else metrics[name] - allow_loss
