"""A run from its spec to its weights: the steps that train.py names."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict, replace
from functools import partial

import keras
import numpy as np

import augment
import zoo
import zoo.pretrained
from cityzoo import demo, tasks
from cityzoo.data import image as datasets
from cityzoo.data.image.few_shot import sample_shots
from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.errors import InputError
from cityzoo.fit import devices, distributed, feature_cache, peft, preview, run_folder, semi_supervised
from cityzoo.fit.callbacks import TrainState, seed_generator_states
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.fit.closed_form import closed_form_phase
from cityzoo.fit.parameter_table import learning_table
from cityzoo.fit.phases import TrainContext, fit_phase, freeze
from cityzoo.fit.transfer import is_model, load_matching_weights
from cityzoo.model import AssembledModel, assemble, count_parameters, float32_copy, save
from cityzoo.outputs import Output
from cityzoo.spec import SOLVE, TrainSpec

LOG = logging.getLogger(__name__)
CALIBRATION_IMAGES = 16
DRAWING_PROCESSES = 8


def load_task_data(spec: TrainSpec) -> tuple[tasks.Task, datasets.Dataset, Output]:
    """Return a spec's task, its data, and its kind for them.

    Raises:
        InputError: anything about the task or the data that cannot be used.
    """
    task = tasks.find(spec.task)
    data = read_data(spec, task)
    return task, data, task.output_for(data.train.class_names, spec.options).with_train_statistics(data.train)


def read_data(spec: TrainSpec, task: tasks.Task) -> datasets.Dataset:
    """Read the labelled images, or draw the task's demo data, and say what the check found.

    Raises:
        InputError: anything about the data that cannot be used.
    """
    source = spec.data
    if source is None:
        LOG.info("no --data: training on the demo images of this task, which cityzoo draws itself")
        bar = keras.utils.Progbar(None, unit_name="image")
        workers = min(os.cpu_count() or 1, DRAWING_PROCESSES)
        if task.demo is None:
            raise InputError(f"task '{spec.task}' draws no demo data: give --data")
        source = str(
            demo.write_demo(task.demo(), None, spec.seed, progress=partial(_show, bar), workers=workers)
        )
    data = task.read(
        source,
        spec.options,
        format=spec.format,
        classes=spec.classes,
        class_map=spec.class_map,
        labels=spec.labels,
        val=spec.val,
        exif=spec.exif,
        split_by=spec.split_by,
        limit=spec.limit,
    )
    if spec.shots is None:
        return data
    data = replace(data, train=sample_shots(data.train, spec.shots, spec.seed))
    data.findings.describe(data.train)
    LOG.info("--shots %d: training on %d of them", spec.shots, len(data.train))
    return data


def _show(bar: keras.utils.Progbar, done: int, total: int) -> None:
    bar.target = total
    bar.update(done)


def check_processes_agree(spec: TrainSpec, data: datasets.Dataset) -> None:
    """Refuse to train where the processes of one training were given different things.

    Raises:
        InputError: in every process, with what differs.
    """
    sides = (data.train.examples, data.val.examples)
    distributed.require_equal_across_processes(
        {
            "flags": asdict(replace(spec, out=None)),
            "images": [
                (
                    each.path,
                    each.window_xyxy,
                    each.boxes_xyxy.tolist(),
                    each.labels.tolist(),
                    str(each.target),
                )
                for s in sides
                for each in s
            ],
            "arithmetic": devices.dtype_policies(spec),
        }
    )


def build_model(spec: TrainSpec, output: Output, data: datasets.Dataset) -> AssembledModel:
    """Put the head on the backbone and give it its starting weights.

    Raises:
        InputError: the backbone cannot take this size, or the weights are not to be had.
    """
    name = f"{tasks.short_name(spec.task)}_{spec.backbone}"
    policies = devices.dtype_policies(spec)
    given = "random" if is_model(spec.weights) else spec.weights
    try:
        assembled = assemble(spec.backbone, output, spec.image_size, given, policies, name, spec.structure)
    except ValueError as error:
        raise InputError(str(error)) from error
    if is_model(spec.weights):
        taken = load_matching_weights(assembled.model, spec.weights)
        note = f"a whole model; classes taken over: {', '.join(taken) or 'none'}"
        origin = zoo.Origin("file", spec.weights, zoo.pretrained.sha256(spec.weights), note)
        assembled = replace(assembled, origin=origin)
    elif assembled.origin.kind == "random":
        calibrate(assembled, spec, output, data)
    return peft.adapted(assembled, spec)


def calibrate(assembled: AssembledModel, spec: TrainSpec, output: Output, data: datasets.Dataset) -> None:
    """Bring random weights to unit variance on a batch of the images to come; see `zoo.calibrate`."""
    views = AugmentedViews(data.train, output, "none", spec.image_size, max_boxes_per_image(data), spec.seed)
    count = min(CALIBRATION_IMAGES, len(data.train))
    images, _, _ = next(iter(views.batches(sequential_order(count), count)))
    zoo.calibrate(assembled.backbone, images.numpy().astype(np.float32))


def max_boxes_per_image(data: datasets.Dataset) -> int:
    """Return the boxes of the fullest image, at least 1."""
    return max(1, *(len(image.labels) for side in (data.train, data.val) for image in side.examples))


def training_views(spec: TrainSpec, output: Output, data: datasets.Dataset) -> AugmentedViews:
    """Return how the training images come to the network, augmented as the spec says."""
    policy = augment.get_policy(spec.augment)
    rows = max_boxes_per_image(data)
    return AugmentedViews(data.train, output, policy, spec.image_size, rows, spec.seed, spec.keep_decoded)


def fine_tune(
    spec: TrainSpec,
    task: tasks.Task,
    output: Output,
    data: datasets.Dataset,
    assembled: AssembledModel,
    run: run_folder.RunFolder,
    resume: bool = False,
) -> TrainState:
    """Go through the phases, from the start or from the run's checkpoint.

    Returns:
        How it went; `run` then holds the best and the last model.

    Raises:
        InputError: a phase cannot be done, or the checkpoint does not fit.
    """
    train = training_views(spec, output, data)
    val = AugmentedViews(data.val, output, "none", spec.image_size, train.max_rows, spec.seed)
    cache = feature_cache.choose(spec.cache)
    progress, checkpoint = _restore(assembled, run) if resume else (TrainState(), {})
    began = time.perf_counter() - progress.spent
    clock = partial(_seconds_since, began)
    extra = semi_supervised.views(spec, output)
    fitting = TrainContext(task, output, assembled, train, val, spec, run, cache, progress, clock, extra)
    for phase in spec.phases:
        freeze(fitting, phase)  # a stage that the backbone lacks is said now, not after the first phase
    if not resume and distributed.is_chief():
        save(float32_copy(assembled.model), run.before)
        preview.to_tensorboard(train, run.logs)
    for number in range(progress.phase, len(spec.phases)):
        progress.phase = number
        progress.stale = progress.stale if checkpoint else 0
        _announce(fitting, number)
        end = sum(each.epochs for each in spec.phases[: number + 1])
        if progress.epoch < end and progress.stale < spec.patience:
            run_phase = closed_form_phase if spec.phases[number].freeze == SOLVE else fit_phase
            run_phase(fitting, spec.phases[number], checkpoint)
        elif checkpoint:  # the run was stopped just after the last epoch of this phase
            assembled.model.set_weights(checkpoint["best"])
        checkpoint, progress.epoch = {}, end
    peft.save_both(assembled, spec, run, load_checkpoint(run.checkpoint)[0]["model"])
    return progress


def _seconds_since(moment: float) -> float:
    return time.perf_counter() - moment


def _announce(fitting: TrainContext, number: int) -> None:
    spec, phase = fitting.spec, fitting.spec.phases[number]
    if phase.freeze == SOLVE:
        LOG.info("phase %d of %d: the head is computed, frozen: backbone", number + 1, len(spec.phases))
        return
    what = "phase %d of %d: %d epochs, frozen: %s, %s parameters learn"
    freeze(fitting, phase)
    learn = count_parameters(fitting.assembled.model.trainable_weights)
    LOG.info(what, number + 1, len(spec.phases), phase.epochs, phase.freeze, f"{learn:,}")
    LOG.info("%s", learning_table(fitting.assembled, phase.learning_rate, spec.layer_decay))


def _restore(
    assembled: AssembledModel, run: run_folder.RunFolder
) -> tuple[TrainState, dict[str, list[np.ndarray]]]:
    arrays, state = load_checkpoint(run.checkpoint)
    try:
        assembled.model.set_weights(arrays["model"])
        for variable, value in zip(seed_generator_states(assembled.model), arrays["seeds"], strict=True):
            variable.assign(value)
        return TrainState(**state), arrays
    except (ValueError, TypeError) as error:
        raise InputError(f"'{run.checkpoint}' does not fit the spec beside it: train again") from error


def parameter_counts(assembled: AssembledModel) -> dict[str, int]:
    """Return how many parameters learn in the last phase, how many do not, and all."""
    trainable = count_parameters(assembled.model.trainable_weights)
    total = count_parameters(assembled.model.weights)
    return {"trainable": trainable, "frozen": total - trainable, "total": total}


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and the backend."""
    keras.utils.set_random_seed(seed)
