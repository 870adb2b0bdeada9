"""Export a run into a folder: the file, its description, its proof, an example script, a card."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError, disk_full
from cityzoo.evaluation.run_facts import environment
from cityzoo.export import description, documents, graphs, int8, parity, write
from cityzoo.export.calibration import record, spread_rows
from cityzoo.export.onnx_nms import IOU, MOST, SCORE, append_nms
from cityzoo.replace_file import unfinished_name
from cityzoo.runtime import metadata, probes
from cityzoo.runtime.detection_outputs import detections, restorer
from cityzoo.runtime.runtime_model import RuntimeModel, model_files, open_model
from cityzoo.runtime.text_input import paddings

if TYPE_CHECKING:
    import keras

    from cityzoo.evaluation.evaluated_run import EvaluatedRun

LOG = logging.getLogger(__name__)
EXAMPLE = "example.png"
REFUSED = "-refused"  # added to the name of a folder whose file failed the gate


@dataclass(frozen=True)
class Options:
    """How a run is exported.

    Attributes:
        format: "onnx", "litert", "openvino" or "saved_model".
        precision: "float32", "float16" or "int8".
        variant: of a detector, see `cityzoo.export.graphs`; None: chosen.
        dynamic_batch: whether the file takes batches of any size; None: unless LiteRT.
        allow_loss: of the main metric; None: by the precision.
        calibration: examples of the training split that int8 is calibrated with.
        calibration_data: another source for them.
    """

    format: str
    precision: str = "float32"
    variant: str | None = None
    dynamic_batch: bool | None = None
    allow_loss: float | None = None
    calibration: int = 128
    calibration_data: str | None = None


def export_run(run: EvaluatedRun, truth: Any, target: Path, options: Options) -> dict[str, Any]:
    """Export a run into a new folder and return its parity.json.

    A file that fails the gate is kept next to the folder, under a name that ends in "-refused".

    Args:
        run: with its Keras model.
        truth: held-out examples, with labels.
        target: the folder.
        options: how.

    Raises:
        InputError: the folder exists or cannot be written, or the format cannot express the model.
    """
    graphs.require_expressible(run.model)
    variant = graphs.choose_variant(run.output, options.variant, options.format, options.precision == "int8")
    with _new_folder(target) as place:
        graph = graphs.make_graph(run.model, run.output, variant)
        companions = documents.copy_companions(run, place.folder)
        path, quantization = _write_file(run, graph, variant, place.folder, options)
        restore = restorer(variant, len(run.output.class_names))
        file = _open_written(path, options.format, restore)
        about = description.describe(run, file, options.format, variant, options.precision)
        metadata.embed(path, options.format, about)
        file = open_model(path, restore=restore, padding=paddings(about))
        _write_probes(run, truth, graph, variant, place.folder)
        proof = parity.verify_parity(
            run, file, truth, variant, options.precision, place.folder, options.allow_loss
        )
        proof |= {
            "quantization": quantization,
            "probes": probes.differences(file, place.folder),
            "sha256": file.digest,
            "companions": companions,
            "bytes": sum(each.stat().st_size for each in model_files(path)),
            **environment(run.spec.run.seed),
        }
        documents.write(run, place.folder, about, proof)
        place.passed = proof["passed"]
    documents.add_to_report(run, target.name, proof)
    LOG.info("%s", parity.verdict_line(proof, run.task.modality.unit))
    return proof


@dataclass
class _Place:
    folder: Path
    passed: bool = False


@contextmanager
def _new_folder(target: Path) -> Iterator[_Place]:
    # Written under a hidden name, so that an interrupted export leaves nothing that looks whole.
    if target.exists():
        raise InputError(f"'{target}' exists: give a new --out or remove it")
    place = _Place(unfinished_name(target))
    try:
        place.folder.mkdir(parents=True)
        yield place
        final = target if place.passed else target.with_name(target.name + REFUSED)
        if final != target and final.exists():
            shutil.rmtree(final)  # of an earlier attempt
        place.folder.replace(final)
    except OSError as error:
        reason = disk_full(error) or error.strerror or str(error)
        raise InputError(f"'{target}' cannot be written ({reason}): give another --out") from error
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


def _write_file(
    run: EvaluatedRun, graph: keras.Model, variant: str, folder: Path, options: Options
) -> tuple[Path, dict[str, Any]]:
    dynamic = options.format != "litert" if options.dynamic_batch is None else options.dynamic_batch
    fmt, fp16 = options.format, options.precision == "float16"
    if fmt == "litert":
        graph = graphs.fix_inputs(graph, run.task.modality.fixed_shape(run.model))
    if options.precision == "int8":
        loss = parity.BOUNDS["int8"] if options.allow_loss is None else options.allow_loss
        calibration = (options.calibration, options.calibration_data)
        return int8.write_int8(run, graph, variant, folder, fmt, loss, calibration, dynamic)
    if variant == graphs.NMS and fmt == "openvino":
        source = write.write(graph, "onnx", folder, False, dynamic)
        append_nms(source)
        write.onnx_to_openvino(source, folder / write.FILES[fmt], fp16)
        source.unlink()
        return folder / write.FILES[fmt], {}
    path = write.write(graph, fmt, folder, fp16, dynamic)
    if variant == graphs.NMS:
        append_nms(path)
    return path, {}


def _open_written(path: Path, fmt: str, restore: Any) -> RuntimeModel:
    try:
        return open_model(path, restore=restore)
    except InputError as error:
        if isinstance(error.__cause__, ImportError):
            raise
        raise InputError(
            f"the runtime of '{fmt}' cannot run this model ({error.__cause__}): use another --format"
        ) from error


def _write_probes(run: EvaluatedRun, truth: Any, graph: keras.Model, variant: str, folder: Path) -> None:
    chosen = run.task.modality.select(truth, spread_rows(len(truth), probes.COUNT))
    batches = record(run, chosen).batches
    batches = batches[::2] if getattr(run.output, "flips", False) else batches
    names = batches[0] if isinstance(batches[0], dict) else None
    inputs: Any = (
        {name: np.concatenate([batch[name] for batch in batches]) for name in names}
        if names
        else np.concatenate(batches)
    )

    def answer(given: Any) -> dict[str, np.ndarray]:
        found = {name: np.asarray(array) for name, array in graph.predict(given, verbose=0).items()}
        return detections(found, SCORE, IOU, MOST) if variant == graphs.NMS else found

    order = run.task.modality.feeding_order(run.model, chosen, run.output)
    sources = run.task.modality.sources(run.task.modality.select(chosen, list(dict.fromkeys(order))))
    probes.write(folder, inputs, answer, sources)
    if run.task.modality.name == "image":
        from PIL import Image

        Image.fromarray(inputs[0].round().astype(np.uint8)).save(folder / EXAMPLE)
