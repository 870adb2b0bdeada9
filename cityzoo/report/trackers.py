"""Finished runs in experiment trackers: MLflow and Weights & Biases, through their own clients.

Nothing is sent unless --track names a tracker. Where it goes is the client's own setting: MLFLOW_TRACKING_URI (default:
mlflow.db in the current folder), WANDB_MODE=offline or the account that wandb is logged in to.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from cityzoo.errors import InputError, unknown
from cityzoo.metrics.keys import look_up
from cityzoo.report.number_format import format_text, is_number

LOG = logging.getLogger(__name__)
ALWAYS = "tensorboard"  # written for every run
FILES = ("report.html", "report.json", "spec.json", "history.csv", "model.keras")
LONGEST_VALUE = 500  # characters of a setting, which both trackers keep
PROJECT = "cityzoo"  # of Weights & Biases


class TrackedRun(NamedTuple):
    """What a tracker gets to know of a run.

    Attributes:
        name: of the run folder.
        task: the experiment, or group.
        settings: flat, of spec.json.
        history: one row per epoch, numbers by name, `epoch` from 1.
        metrics: of the report's first level, and before fine-tuning as `before/NAME`.
        files: of the run folder.
    """

    name: str
    task: str
    settings: dict[str, str | int | float | bool]
    history: list[dict[str, float]]
    metrics: dict[str, float]
    files: list[Path]

    @property
    def registered_name(self) -> str:
        """Return the name of the model in the tracker's registry: each run of the task is a version of it."""
        return f"{PROJECT}-{self.task}"


def require_trackers(names: Sequence[str]) -> None:
    """Refuse what --track names before a training is wasted.

    Raises:
        InputError: an unknown tracker, or its client is not installed.

    Example:
        >>> require_trackers(["tensorboard"])
    """
    for name in names:
        if name not in (ALWAYS, *TRACKERS):
            raise unknown("tracker", name, (ALWAYS, *TRACKERS))
        if name != ALWAYS and importlib.util.find_spec(name) is None:
            raise InputError(f'--track {name} needs its client: pip install "cityzoo[{name}]"')


def read_tracked(folder: Path, task: str, report: Mapping[str, Any]) -> TrackedRun:
    """Return what trackers get of a finished run.

    Args:
        folder: of the run.
        task: its name.
        report: contents of report.json.
    """
    sections = [each for each in report["spec"].values() if isinstance(each, Mapping)]
    settings = {key: _plain(value) for section in sections for key, value in section.items()}
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        history = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
    metrics = {name: float(value) for name, value in report.items() if is_number(value)}
    before = look_up(report, "before") or {}
    metrics |= {f"before/{name}": float(value) for name, value in before.items() if is_number(value)}
    files = [folder / name for name in FILES if (folder / name).is_file()]
    return TrackedRun(folder.name, task, settings, history, metrics, files)


def _plain(value: object) -> str | int | float | bool:
    return value if isinstance(value, bool | int | float) else format_text(value)[:LONGEST_VALUE]


def track_run(names: Sequence[str], folder: Path, task: str, report: Mapping[str, Any]) -> None:
    """Log a finished run with each of the trackers; one that fails is named, and the run is kept.

    Args:
        names: of trackers.
        folder: of the run.
        task: its name.
        report: contents of report.json.
    """
    for name in dict.fromkeys(name for name in names if name != ALWAYS):
        track, failure = TRACKERS[name]
        client = importlib.import_module(name)
        try:
            place = track(client, read_tracked(folder, task, report))
        except (OSError, attrgetter(failure)(client)) as error:
            LOG.warning("WARNING: --track %s failed, the run itself is complete: %s", name, error)
        else:
            LOG.info("tracked by %s: %s", name, place)


def _track_mlflow(mlflow: Any, run: TrackedRun) -> str:
    mlflow.set_experiment(f"{PROJECT} {run.task}")
    with mlflow.start_run(run_name=run.name) as active:
        mlflow.log_params(run.settings)
        for row in run.history:
            step = int(row.get("epoch", 0))
            mlflow.log_metrics(
                {f"epoch/{name}": value for name, value in row.items() if name != "epoch"}, step=step
            )
        mlflow.log_metrics(run.metrics)
        for file in run.files:
            mlflow.log_artifact(str(file))
        client = mlflow.MlflowClient()
        if not client.search_registered_models(f"name = '{run.registered_name}'"):
            client.create_registered_model(run.registered_name)
        source = f"{active.info.artifact_uri}/model.keras"
        version = client.create_model_version(run.registered_name, source, active.info.run_id)
        return f"{run.registered_name} version {version.version} at {mlflow.get_tracking_uri()}"


def _track_wandb(wandb: Any, run: TrackedRun) -> str:
    with wandb.init(project=PROJECT, group=run.task, name=run.name, config=run.settings) as active:
        for row in run.history:
            active.log({f"epoch/{name}": value for name, value in row.items()}, step=int(row.get("epoch", 0)))
        active.summary.update(run.metrics)
        artifact = wandb.Artifact(run.registered_name, type="model", metadata=run.metrics)
        for file in run.files:
            artifact.add_file(str(file))
        active.log_artifact(artifact)
        return f"{run.registered_name} at {active.url or active.dir}"


# Name of the client's module: what logs a run, and the error of the client.
TRACKERS: dict[str, tuple[Callable[[Any, TrackedRun], str], str]] = {
    "mlflow": (_track_mlflow, "exceptions.MlflowException"),
    "wandb": (_track_wandb, "errors.Error"),
}
