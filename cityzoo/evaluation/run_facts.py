"""How a run was made and where its metrics were computed."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import __version__, tasks
from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.fit.context import TrainState
    from cityzoo.modalities import Findings
    from cityzoo.model import AssembledModel
    from cityzoo.spec import ResolvedSpec

PACKAGES = ("tensorflow", "keras", "numpy")
PROVENANCE = (
    *("task", "backbone", "warnings", "weights", "parameters", "solved", "epochs", "seconds", "spec"),
    *("unlabelled", "teacher", "usual_count", "exported", "new_sources"),
)


def environment(seed: int) -> dict[str, Any]:
    """Return where metrics were computed: device, versions, commit."""
    import keras

    from cityzoo.backend import device_name

    versions = {"python": platform.python_version(), "cityzoo": __version__}
    for package in (*PACKAGES, keras.backend.backend()):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {"device": device_name(), "versions": versions, "commit": _commit(), "seed": seed}


def _commit() -> str | None:
    here = Path(__file__).parent
    try:
        words = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        found = subprocess.run(words, cwd=here, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return None  # no git on this machine
    return found.stdout.strip() or None


def training_facts(
    spec: ResolvedSpec[Any], findings: Findings, assembled: AssembledModel, state: TrainState, seconds: float
) -> dict[str, Any]:
    """Return what a report says of how the model was made.

    Args:
        spec: of the run.
        findings: of the data check.
        assembled: the model.
        state: epochs, seconds by phase, what computing the head in closed form reports.
        seconds: of the whole run so far.
    """
    from cityzoo.fit.fine_tune import parameter_counts
    from cityzoo.fit.more_time import predict_gain

    task = tasks.find(spec.run.task)
    origin, warnings, found = assembled.origin, [], findings.as_dict()
    if origin is not None and origin.kind == "random":
        warnings.append(
            f"trained from RANDOM backbone weights, results are far below those with pretrained ones ({origin.note})"
        )
    if spec.run.continue_ and not state.best_epoch:
        warnings.append(
            f"no epoch was better on validation data than the start, the model of '{spec.run.continue_}': it was kept"
        )
    return {
        "task": spec.run.task,
        "backbone": spec.run.backbone,
        "data": found["source"],
        "findings": found,
        "warnings": warnings,
        "weights": None if origin is None else asdict(origin),
        "parameters": parameter_counts(assembled),
        "teacher": _teacher_facts(spec),
        **_pruning_facts(spec),
        "solved": state.solved,
        "more_time": predict_gain(state.history, task.monitor, task.monitor in task.output.lower_is_better),
        "epochs": len(state.history),
        "seconds": {**state.seconds, "total": seconds},
        "spec": spec.as_dict(),
    }


def _pruning_facts(spec: ResolvedSpec[Any]) -> dict[str, Any]:
    # `python -m cityzoo prune` leaves what it removed next to the model that training started from.
    start = Path(spec.run.weights)
    path = start.with_name("pruning.json")
    if start.name != "pruned.keras" or not path.is_file():
        return {}
    return {"pruning": {k: v for k, v in json.loads(path.read_text()).items() if k != "request"}}


def _teacher_facts(spec: ResolvedSpec[Any]) -> dict[str, Any] | None:
    if not spec.fit.teacher:
        return None
    from cityzoo.fit.distillation_teacher import split_teacher

    path, digest = split_teacher(spec.fit.teacher)
    report = earlier_facts(Path(path))
    names = tasks.find(spec.run.task).output.primary_metrics
    metrics = {name: report[name] for name in names if report.get(name) is not None}
    return {"run": path, "sha256": digest, "backbone": report.get("backbone"), "metrics": metrics}


def earlier_facts(folder: Path) -> dict[str, Any]:
    """Return the report that a run has, or nothing where it has none (its training was stopped).

    Raises:
        InputError: it is damaged.
    """
    path = folder / "report.json"
    try:
        report = json.loads(path.read_text()) if path.is_file() else {}
    except ValueError as error:
        raise InputError(f"'{path}' is damaged ({error}): remove it and evaluate again") from error
    if not isinstance(report, dict):
        raise InputError(f"'{path}' is damaged (not a report): remove it and evaluate again")
    return report


def training_provenance(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a report says of how its model was made; it holds for any evaluation data.

    Example:
        >>> training_provenance({"task": "vehicle_detect", "AP50": 0.6, "epochs": 38})
        {'task': 'vehicle_detect', 'epochs': 38}
    """
    return {name: report[name] for name in PROVENANCE if name in report}
