"""After training: calibrate on validation data, and train once more on train and val for the epochs that val chose."""

from __future__ import annotations

import functools
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo import tasks
from cityzoo.backend import compiled
from cityzoo.fit import fine_tune
from cityzoo.fit.context import TrainState
from cityzoo.fit.run_folder import RunFolder
from cityzoo.modalities import Dataset
from cityzoo.model import AssembledModel, float32_copy, save
from cityzoo.outputs import Output
from cityzoo.spec import CLOSED_FORM, ResolvedSpec
from cityzoo.spec_file import read_spec

LOG = logging.getLogger(__name__)
FOLDER = "refit"  # in the run's folder: a run of its own, with its own checkpoint


def finish(
    spec: ResolvedSpec[Any],
    task: tasks.Task,
    output: Output,
    data: Dataset,
    assembled: AssembledModel,
    folder: RunFolder,
    state: TrainState,
) -> Output:
    """Calibrate the best model; if the output asks for it, refit it first on train and val; save the result.

    Returns the output with the thresholds that the validation data chose.
    Everything here is a function of the run's checkpoint, so a run that is stopped here is resumed exactly.
    """

    @functools.cache
    def predict() -> tuple[Any, np.ndarray]:
        return data.val, task.modality.raw_outputs(compiled(assembled.model), data.val)

    if task.modality.training_spec(spec) != spec:
        assembled = _at_whole_size(spec, task, output, data, folder)
    fitted = output.calibrate(assembled.model, predict)
    chosen = output.choose_thresholds(predict, fitted)
    refits = (
        getattr(output, "refit", False) and state.best_epoch > 0
    )  # 0: no epoch was better than the run before
    if refits:
        assembled = _refit(spec, task, data, folder, state)
    if fitted is not None:
        output.apply_calibration(assembled.model, fitted)
    if fitted is not None or refits:
        save(float32_copy(assembled.model), folder.model)
    return chosen


def _at_whole_size(
    spec: ResolvedSpec[Any], task: tasks.Task, output: Output, data: Dataset, folder: RunFolder
) -> AssembledModel:
    # The same weights behind a larger input than they were trained with.
    assembled = task.modality.build(spec.replace(weights=str(folder.model)), output, data)
    save(float32_copy(assembled.model), folder.model)
    return assembled


def _refit(
    spec: ResolvedSpec[Any], task: tasks.Task, data: Dataset, folder: RunFolder, state: TrainState
) -> AssembledModel:
    joined = data.with_val()
    output = task.output_for(joined.train.class_names, spec.output).with_train_statistics(joined.train)
    plan, left = [], state.best_epoch
    for phase in spec.plan:
        epochs = min(phase.epochs, left)
        left -= epochs
        if epochs:
            plan.append(replace(phase, epochs=epochs, schedule_epochs=phase.epochs))
    spec = replace(spec, plan=tuple(plan))
    own = _open_folder(Path(folder.path, FOLDER), spec)
    epochs = sum(phase.epochs for phase in plan if phase.freeze != CLOSED_FORM)
    LOG.info("training again from the start on train and val, %d epochs", epochs)
    fine_tune.seed_everything(spec.run.seed)
    assembled = task.modality.build(spec, output, joined)
    is_begun = own.checkpoint.is_file()
    fine_tune.fine_tune(spec, task, output, joined, assembled, own, is_begun, state.found_rate)
    return assembled


def _open_folder(path: Path, spec: ResolvedSpec[Any]) -> RunFolder:
    # What was begun for another number of epochs, before the run was extended, is of no use.
    folder = RunFolder(path)
    if folder.spec.is_file() and getattr(read_spec(folder.spec), "plan", None) != spec.plan:
        shutil.rmtree(path)
    path.mkdir(exist_ok=True)
    spec.write(folder.spec)
    return folder
