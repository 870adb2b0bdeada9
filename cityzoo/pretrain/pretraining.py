"""Pretrain a backbone: a run folder with its report, and a weights file for train.py."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from cityzoo.fit import auto_settings, devices, distributed, fine_tune, run_data
from cityzoo.fit.context import TrainState
from cityzoo.fit.run_folder import RunFolder, open_or_create
from cityzoo.modalities import Dataset
from cityzoo.model import AssembledModel
from cityzoo.pretrain.frames import require_distinct
from cityzoo.pretrain.hidden_tokens import measure_frequency
from cityzoo.pretrain.objectives import Pretraining, SimCLR
from cityzoo.pretrain.page import layout
from cityzoo.pretrain.probe import OWN
from cityzoo.pretrain.request import PROGRAM, PretrainingRequest, require_pairs
from cityzoo.report.write import write_report
from cityzoo.spec import ResolvedSpec
from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
WEIGHTS = "backbone.weights.h5"
COLLAPSED = 0.05  # spread of the projections
CHANCE = 5  # examples whose other view is found; 1 by chance, however many there are


def pretrain(request: PretrainingRequest, resumed: str | None = None) -> dict[str, Any]:
    """Pretrain, write the weights and the report of a run, and return it.

    Args:
        request: what to do, checked.
        resumed: the run folder to continue; None: a new one.

    Raises:
        InputError: unusable data, a loss that is not finite, or an interruption.
    """
    started, task, asked = time.perf_counter(), request.task, request.spec
    data = task.modality.read(asked, task)
    if asked.run.strict:
        data.findings.require_all_used()
    if request.is_image:
        require_distinct(data.train, asked.run.data)
    output = _make_output(task, asked, data)
    spec = auto_settings.resolve(asked, task, data, output)
    require_pairs(request.method, spec.fit.batch_size)
    fine_tune.seed_everything(spec.run.seed)
    with open_or_create(spec, resumed, PROGRAM) as folder:
        request.write(folder.path)
        changes = run_data.check_resumed(folder, task.modality, data)
        with distributed.distribution_scope(), devices.strategy().scope():
            assembled = task.modality.build(spec, output, data)
            before = _measure_before(request, spec, output, data, assembled)
            state = fine_tune.fine_tune(spec, task, output, data, assembled, folder, resume=bool(resumed))
        file = folder.model if request.is_series else Path(request.out or folder.path / WEIGHTS)
        if not request.is_series:
            _save_backbone(task, assembled, spec, file)
        if request.is_image:
            task.modality.write_preview(
                task.modality.views(spec, output, data)[0], str(folder.path / "views.png")
            )
        report = _describe(request, spec, data, assembled, state, file) | before
        report["warnings"] += _find_warnings(request, report, len(data.val)) + changes
        return _finish(request, spec, folder, report, started)


def _make_output(task: Task, spec: Any, data: Dataset) -> Pretraining:
    output: Any = task.output_for(data.train.class_names, spec.output)
    if isinstance(output, SimCLR):
        output = replace(output, neighbours=spec.reader["neighbours"])
    return output.with_train_statistics(data.train)


def _measure_before(
    request: PretrainingRequest,
    spec: ResolvedSpec[Any],
    output: Any,
    data: Dataset,
    assembled: AssembledModel,
) -> dict[str, float]:
    """Return the metrics of the held-out texts before training and by frequency; nothing of other examples."""
    if not request.is_text:
        return {}
    modality = request.task.modality
    train, val = modality.views(spec, output, data)
    found = output.metrics(data.val, modality.predict_views(assembled.model, val, spec.fit.batch_size))
    return {f"{name}_before": value for name, value in found.items()} | measure_frequency(train, val)


def _save_backbone(task: Any, assembled: AssembledModel, spec: ResolvedSpec[Any], file: Path) -> None:
    from zoo.weights_file import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(assembled.backbone, task.modality.make_network(spec, assembled), file)


def _describe(
    request: PretrainingRequest,
    spec: ResolvedSpec[Any],
    data: Any,
    assembled: AssembledModel,
    state: TrainState,
    file: Path,
) -> dict[str, Any]:
    last = state.history[-1]
    metrics = {name: last.get(f"val_{name}", np.nan) for name in request.task.output.primary_metrics}
    return {
        "task": f"Pretraining by {request.method}",
        "backbone": spec.run.backbone,
        "method": request.method,
        **metrics,
        "examples": request.task.modality.unit,
        "n_train": len(data.train),
        "split": data.val.split,
        f"n_{request.task.modality.unit}": len(data.val),
        **({"n_distant": _count_distant(spec, data)} if spec.reader.get("neighbours") else {}),
        "data": data.findings.as_dict()["source"],
        "findings": data.findings.as_dict(),
        "warnings": [],
        "weights": None if assembled.origin is None else asdict(assembled.origin),
        "weights_file": str(file),
        "sha256": zoo.pretrained.sha256(file),
        "parameters": fine_tune.parameter_counts(assembled),
        "epochs": len(state.history),
        "spec": spec.as_dict(),
    }


def _find_warnings(request: PretrainingRequest, metrics: dict[str, Any], count: int) -> list[str]:
    warnings = []
    if metrics.get("spread", np.nan) < COLLAPSED:
        warnings.append(
            f"all projections are nearly equal (spread {metrics['spread']:.3f}): the backbone has learned nothing; try "
            "--method simclr, a lower --learning-rate or a larger --batch-size"
        )
    elif metrics.get("pair_accuracy", np.nan) * count < CHANCE:
        warnings.append(
            f"the other view of {metrics['pair_accuracy']:.1%} of {count} images is found, hardly more than by chance: "
            "start from --weights of ImageNet or of --method mae, or give more --epochs"
        )
    if metrics.get("masked_error", np.nan) >= metrics.get("error_of_mean", np.nan):
        warnings.append(
            "what is hidden is predicted no better than by the mean of what is seen: train longer"
        )
    if metrics.get("masked_accuracy", np.nan) <= metrics.get("accuracy_of_frequency", np.nan):
        warnings.append(
            "the most frequent token is right as often: the encoder has learned nothing; train longer"
        )
    if not request.is_series and not request.probe:
        warnings.append("not compared with other starting weights: give labeled data with --probe")
    return warnings


def _count_distant(spec: ResolvedSpec[Any], data: Any) -> int:
    """Return how many training images have no neighbouring frame."""
    distance = spec.reader["neighbours"]
    steps = np.diff([image.target[0] for image in data.train.examples])
    near = np.concatenate([[False], steps <= distance, [False]])
    return int((~(near[1:] | near[:-1])).sum())


def _finish(
    request: PretrainingRequest,
    spec: ResolvedSpec[Any],
    folder: RunFolder,
    report: dict[str, Any],
    started: float,
) -> dict[str, Any]:
    if request.probe:
        known = request.against or request.published_weights
        name = "published" if request.is_text else "ImageNet"
        weights = {"random": "random", **({name: known} if known else {}), OWN: report["weights_file"]}
        report["probe"] = request.make_probe(spec).compare(weights)
        for name, row in report["probe"]["rows"].items():
            LOG.info("%s", _line(report["probe"], name, row))
    report["seconds"] = {"total": round(time.perf_counter() - started, 1)}
    _, page = write_report(folder.path, report, layout())
    for warning in report["warnings"]:
        LOG.warning("WARNING: %s", warning)
    shown = (
        f"{name} {report[name]:.3f}"
        for name in request.task.output.primary_metrics
        if report[name] is not None
    )
    LOG.info("held-out: %s", ", ".join(shown))
    LOG.info("report: %s", page)
    flags = f"{request.task_flag}--backbone {spec.run.backbone} --weights {report['weights_file']}"
    LOG.info("train from it: python train.py %s --data DATA", flags)
    return report


def _line(probe: dict[str, Any], name: str, row: dict[str, Any]) -> str:
    shown = f"{name} weights: {probe['metric']} {row['linear']:.3f} with {probe['n_train']} labels"
    shown += f", {row['few']:.3f} with {probe['shots']} of each class"
    if "few_lead" in row:
        low, high = row["few_lead_interval"]
        shown += f"; pretrained leads by {row['linear_lead']:+.3f}, {row['few_lead']:+.3f} ({low:+.3f} to {high:+.3f})"
    return shown
