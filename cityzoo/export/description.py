"""`preprocessing.json`: all that a program needs to feed an exported file and to understand its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cityzoo import __version__
from cityzoo.data.series import manifest
from cityzoo.export import graphs
from cityzoo.export.onnx_nms import IOU, MOST, SCORE
from cityzoo.metrics.keys import look_up
from cityzoo.runtime.base_model import RuntimeModel, TensorInfo
from cityzoo.runtime.rejection import read_rule
from zoo.pretrained import sha256

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

SCHEMA = 1
FLIPS = "evaluation takes the mean of the outputs for an image and its mirror image"


def describe(run: EvaluatedRun, file: RuntimeModel, fmt: str, variant: str, precision: str) -> dict[str, Any]:
    """Return the document for a file.

    Args:
        run: that was exported.
        file: the exported file.
        fmt: its format.
        variant: see `cityzoo.export.graphs`.
        precision: "float32", "float16" or "int8".
    """
    known = graphs.describe_outputs(run.output, variant, getattr(run.model.output, "shape", ()))
    return {
        "schema": SCHEMA,
        "cityzoo": __version__,
        "task": run.spec.run.task_name,
        "summary": run.task.summary,
        "output": run.output.page,
        "model": file.path.name,
        "format": fmt,
        "variant": variant,
        "precision": precision,
        "class_names": list(run.output.class_names),
        "inputs": [_describe_input(run, each) for each in file.inputs],
        "outputs": [_describe_output(known, each) for each in file.outputs],
        "thresholds": thresholds(run.facts),
        **_rejection(run.facts),
        **({"nms": {"score": SCORE, "iou": IOU, "most": MOST}} if variant == graphs.NMS else {}),
        **({"flips": FLIPS} if getattr(run.output, "flips", False) else {}),
        **_series(run),
        "source_sha256": sha256(run.folder.model),
        "weights": look_up(run.facts, "weights"),
    }


def _describe_input(run: EvaluatedRun, tensor: TensorInfo) -> dict[str, Any]:
    about: dict[str, Any] = {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype}
    return about | run.task.modality.describe_input(run.model, run.output, tensor.shape)


def _describe_output(known: list[graphs.NamedOutput], tensor: TensorInfo) -> dict[str, Any]:
    about: dict[str, Any] = {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype}
    for each in known:
        if each.name == tensor.name or tensor.name.startswith(each.name.rstrip("*")):
            return {**about, "meaning": each.meaning, "unit": each.unit}
    return about


def thresholds(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the thresholds that a run's report recommends, by what they are for.

    Example:
        >>> thresholds({"thresholds": {"best F1": {"score": 0.4}}, "alarm": {"threshold": 2.5}})
        {'best F1': 0.4, 'alarm': 2.5}
    """
    found = {
        name: row.get("score", row.get("threshold")) if isinstance(row, Mapping) else row
        for name, row in (report.get("thresholds") or {}).items()
    }
    alarms = report.get("alarms") or {}  # of classes
    found |= {
        f"alarm: {name}": row.get("threshold") for name, row in alarms.items() if isinstance(row, Mapping)
    }
    alarm = look_up(report, "alarm/threshold")
    best = look_up(report, "operating_point/score")
    found |= {"alarm": alarm} if alarm is not None else {}
    found |= {"best F1": best} if best is not None and "best F1" not in found else {}
    return {name: value for name, value in found.items() if value is not None}


def _rejection(report: Mapping[str, Any]) -> dict[str, Any]:
    rule = read_rule(report)
    return {"rejection": rule.as_dict()} if rule else {}


def _series(run: EvaluatedRun) -> dict[str, Any]:
    path = run.folder.path / manifest.NAME
    if not path.is_file():
        return {}
    about = json.loads(path.read_text(encoding="utf-8"))
    about["scaling"] = (
        "none: values in the units above, the model scales them itself; 0 and mask 0 where missing"
    )
    return {"series": about}
