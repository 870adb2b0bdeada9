"""A forecasting run from its spec to its report: what train.py does where data are series of sensors."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras

from cityzoo import tasks
from cityzoo.data.series import manifest
from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.series import Series
from cityzoo.data.series.split import Split, days, forecast_origins
from cityzoo.data.series.split import split as split_in_time
from cityzoo.data.series.windows import forecast, truth
from cityzoo.errors import InputError
from cityzoo.evaluation import forecast_report
from cityzoo.evaluation.evaluation_data import next_free_folder
from cityzoo.fit import devices, refit, run_folder
from cityzoo.model import count_parameters, float32_copy, load, save
from cityzoo.outputs import quantile_forecast
from cityzoo.report import run_report
from cityzoo.spec import TrainSpec
from heads.forecast import apply_conformal, conformal_offsets
from zoo.series.transfer import copy_encoder_weights

ABOUT_IMAGES = {  # flags of evaluate.py and what they are where they are not given
    **{
        "predict": None,
        "robustness": None,
        "explain": None,
        "slice_by": "auto",
        "class_map": None,
        "limit": None,
    },
    **{
        "split": None,
        "labels": "clip",
        "wanted_precision": None,
        "false_alarms": None,
        "score": None,
        "eps": 4.0,
    },
}
LOG = logging.getLogger(__name__)


def train(spec: TrainSpec, resumed: str | None = None) -> dict[str, Any]:
    """Train, judge on the test rows beside the baselines, leave a run folder; return the report.

    Val, the rows between, chooses the number of epochs and sets the widths of the intervals; unless `--refit no`, the
    network then learns once more from the start, from train and val, for that many epochs. Test chooses nothing.

    Raises:
        InputError: anything about the data or the flags that cannot be used.
    """
    if resumed:
        raise InputError(
            "a forecasting run takes minutes and is not gone on with: leave out --resume, train again"
        )
    began = time.perf_counter()
    task, how = _asked(spec)
    series, parts, findings = _read(spec, task, how)
    protocol = forecast_report.protocol_for(
        series, parts.test, how
    )  # what cannot be judged is said before it is learned
    with run_folder.open_or_create(spec, None) as run, devices.strategy().scope():
        model, fit = _learned(spec, how, series, parts, run)
        save(
            float32_copy(model), run.model
        )  # a copy that is not compiled: plain Keras does not know the loss
        manifest.write(run.path, series, how)
    total = count_parameters(model.weights)
    facts = {
        **_made_by(spec, task),
        "weights": _origin(spec),
        "data": findings.source,
        "findings": findings.as_dict(),
        "parameters": {"trainable": fit.trainable, "frozen": total - fit.trainable, "total": total},
        "epochs": fit.epochs,
        "seconds": {"training": round(fit.seconds, 1), "total": round(time.perf_counter() - began, 1)},
    }
    return forecast_report.write(run.path, model, series, protocol, how, facts, spec.seed)


def _learned(
    spec: TrainSpec,
    how: quantile_forecast.Forecasting,
    series: Series,
    parts: Split,
    run: run_folder.RunFolder,
) -> tuple[keras.Model, refit.Fit]:
    model = _fresh(spec, how, series, parts.train)
    save(model, run.before)
    fit = refit.fit(model, spec, how, series, parts.train, parts.val, run)
    origins = forecast_origins(parts.val, how.history, how.horizon)
    widths = conformal_offsets(
        truth(series, origins, how.horizon), forecast(model, series, origins), how.quantiles
    )
    if how.refit == "yes":
        both = range(parts.train.start, parts.val.stop)
        model = _fresh(spec, how, series, both)
        refit.refit(model, spec, how, series, both, fit.epochs, run)
    apply_conformal(model, widths)
    return model, fit


def _fresh(spec: TrainSpec, how: quantile_forecast.Forecasting, series: Series, rows: range) -> keras.Model:
    keras.utils.set_random_seed(spec.seed)
    model = refit.build(spec, how, series, rows)
    _start_from(spec, model)
    return model


def _asked(spec: TrainSpec) -> tuple[tasks.Task, quantile_forecast.Forecasting]:
    task = tasks.find(spec.task)
    return task, quantile_forecast.Forecasting(**_own(quantile_forecast.Forecasting, spec, task))


def _read(
    spec: TrainSpec, task: tasks.Task, how: quantile_forecast.Forecasting
) -> tuple[Series, Split, SeriesFindings]:
    """Read the series, or simulate the task's demo data, and part it; with --days as if nothing had been before them.

    Raises:
        InputError: anything about the data that cannot be used.
    """
    source = spec.data
    if source is None:
        LOG.info("no --data: the demo series of this task, which cityzoo simulates itself")
        source = str(task.demo().write(seed=spec.seed))
    reader = task.reader(**_own(task.reader, spec, task))
    series, findings = reader(source, how.history + how.horizon + 1, spec.format)
    parts = split_in_time(series, how.split)
    if how.days:
        start = days(series, how.days, last=True, rows=parts.train).start
        series = series.rows(slice(start, None))
        parts = Split(*(range(max(part.start - start, 0), part.stop - start) for part in parts))
    return series, parts, findings


def _made_by(spec: TrainSpec, task: tasks.Task) -> dict[str, Any]:
    heeded = {name: value for name, value in asdict(spec).items() if name in (*task.heeds, "options")}
    return {"task": spec.task, "backbone": spec.backbone, "warnings": [], "spec": heeded}


def _origin(spec: TrainSpec) -> dict[str, str] | None:
    if spec.weights in quantile_forecast.FROM_ZERO:
        return None
    return {
        "kind": "file",
        "path": spec.weights,
        "note": "a run of other sensors: its encoder, clock and head",
    }


def _own(declared: type, spec: TrainSpec, task: tasks.Task) -> dict[str, Any]:
    values = {**task.defaults, **spec.options}
    made = {name: values[name] for name in declared.__dataclass_fields__ if name in values}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in made.items()}


def _start_from(spec: TrainSpec, model: keras.Model) -> None:
    if spec.weights in quantile_forecast.FROM_ZERO:
        return
    path = Path(spec.weights)
    path = path / "model.keras" if path.is_dir() else path
    try:
        copied = copy_encoder_weights(load(path), model)
    except ValueError as error:
        raise InputError(f"--weights {spec.weights}: {error}") from error
    LOG.info("taken over from %s: %s", path, ", ".join(copied))


def evaluate(path: Path, spec: TrainSpec, flags: Any) -> dict[str, Any]:
    """Judge a run again, on its own data or on other data of the same sensors; write the report and return it.

    Other data is split in time as the run's was: its last part judges, baselines learn from what is before.

    Raises:
        InputError: data of other sensors, too little of it, or a flag that is about images.
    """
    for flag, default in ABOUT_IMAGES.items():
        if getattr(flags, flag) != default:
            raise InputError(
                f"--{flag.replace('_', '-')} is about images, {tasks.short_name(spec.task)} is about sensors: "
                "leave it out"
            )
    if len(flags.runs) > 1:
        raise InputError("forecasting runs are judged one by one, each beside the baselines: give one RUN")
    task, how = _asked(spec)
    series, parts, findings = _read(spec if flags.data is None else replace(spec, data=flags.data), task, how)
    manifest.require_same(path, series)
    protocol = forecast_report.protocol_for(series, parts.test, how)
    model, known = load(path / "model.keras"), run_report.training_provenance(run_report.earlier_facts(path))
    folder = next_free_folder(flags.out, path, "evaluation") if flags.data or flags.out else path
    facts = {**_made_by(spec, task), **known, "data": findings.source, "findings": findings.as_dict()}
    return forecast_report.write(folder, model, series, protocol, how, facts, spec.seed)
