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
import zoo.weights
from cityzoo import data as datasets
from cityzoo import demo, preview, tasks
from cityzoo.data.shots import few
from cityzoo.errors import InputError
from cityzoo.fit import adapting, feature_cache, hardware, hosts, run_folder, unlabelled
from cityzoo.fit.callbacks import Progress, seeds_of
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.fit.learning_table import learning_table
from cityzoo.fit.phases import Fitting, fit_phase, freeze
from cityzoo.fit.solving import solve_phase
from cityzoo.kinds import Kind
from cityzoo.model import Assembled, assemble, count_parameters, in_float32, save
from cityzoo.spec import SOLVE, TrainSpec
from cityzoo.transfer import is_model, transfer
from cityzoo.views import Views, in_order

LOG = logging.getLogger(__name__)
CALIBRATION_PICTURES = 16
DRAWING_PROCESSES = 8


def read_task(spec: TrainSpec) -> tuple[tasks.Task, datasets.Dataset, Kind]:
    """Return a spec's task, its data, and its kind for them.

    Raises:
        InputError: anything about the task or the data that cannot be used.
    """
    task = tasks.find(spec.task)
    data = read_data(spec, task)
    return task, data, task.kind_for(data.train.class_names, spec.options).seeing(data.train)


def read_data(spec: TrainSpec, task: tasks.Task) -> datasets.Dataset:
    """Read the labelled pictures, or draw the task's demo data, and say what the check found.

    Raises:
        InputError: anything about the data that cannot be used.
    """
    source = spec.data
    if source is None:
        LOG.info("no --data: training on the demo pictures of this task, which cityzoo draws itself")
        bar = keras.utils.Progbar(None, unit_name="picture")
        workers = min(os.cpu_count() or 1, DRAWING_PROCESSES)
        if task.demo is None:
            raise InputError(f"task '{spec.task}' draws no demo data: give --data")
        source = str(
            demo.materialise(task.demo(), None, spec.seed, progress=partial(_show, bar), workers=workers)
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
    data = replace(data, train=few(data.train, spec.shots, spec.seed))
    data.findings.describe(data.train)
    LOG.info("--shots %d: training on %d of them", spec.shots, len(data.train))
    return data


def _show(bar: keras.utils.Progbar, done: int, total: int) -> None:
    bar.target = total
    bar.update(done)


def same_everywhere(spec: TrainSpec, data: datasets.Dataset) -> None:
    """Refuse to train where the processes of one training were given different things.

    Raises:
        InputError: in every process, with what differs.
    """
    sides = (data.train.pictures, data.val.pictures)
    hosts.agree(
        {
            "flags": asdict(replace(spec, out=None)),
            "pictures": [
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
            "arithmetic": hardware.policies(spec),
        }
    )


def build_model(spec: TrainSpec, kind: Kind, data: datasets.Dataset) -> Assembled:
    """Put the head on the backbone and give it its starting weights.

    Raises:
        InputError: the backbone cannot take this size, or the weights are not to be had.
    """
    name = f"{tasks.short_name(spec.task)}_{spec.backbone}"
    policies = hardware.policies(spec)
    given = "random" if is_model(spec.weights) else spec.weights
    try:
        assembled = assemble(spec.backbone, kind, spec.image_size, given, policies, name, spec.structure)
    except ValueError as error:
        raise InputError(str(error)) from error
    if is_model(spec.weights):
        taken = transfer(assembled.model, spec.weights)
        note = f"a whole model; classes taken over: {', '.join(taken) or 'none'}"
        origin = zoo.Origin("file", spec.weights, zoo.weights.sha256(spec.weights), note)
        assembled = replace(assembled, origin=origin)
    elif assembled.origin.kind == "random":
        calibrate(assembled, spec, kind, data)
    return adapting.adapted(assembled, spec)


def calibrate(assembled: Assembled, spec: TrainSpec, kind: Kind, data: datasets.Dataset) -> None:
    """Bring random weights to unit variance on a batch of the pictures to come; see `zoo.calibrate`."""
    views = Views(data.train, kind, "none", spec.image_size, most_boxes(data), spec.seed)
    count = min(CALIBRATION_PICTURES, len(data.train))
    images, _, _ = next(iter(views.batches(in_order(count), count)))
    zoo.calibrate(assembled.backbone, images.numpy().astype(np.float32))


def most_boxes(data: datasets.Dataset) -> int:
    """Return the boxes of the fullest picture, at least 1."""
    return max(1, *(len(picture.labels) for side in (data.train, data.val) for picture in side.pictures))


def training_views(spec: TrainSpec, kind: Kind, data: datasets.Dataset) -> Views:
    """Return how the training pictures come to the network, augmented as the spec says."""
    policy = augment.get_policy(spec.augment)
    rows = most_boxes(data)
    return Views(data.train, kind, policy, spec.image_size, rows, spec.seed, spec.keep_decoded)


def fine_tune(
    spec: TrainSpec,
    task: tasks.Task,
    kind: Kind,
    data: datasets.Dataset,
    assembled: Assembled,
    run: run_folder.RunFolder,
    resume: bool = False,
) -> Progress:
    """Go through the phases, from the start or from the run's checkpoint.

    Returns:
        How it went; `run` then holds the best and the last model.

    Raises:
        InputError: a phase cannot be done, or the checkpoint does not fit.
    """
    train = training_views(spec, kind, data)
    val = Views(data.val, kind, "none", spec.image_size, train.max_rows, spec.seed)
    cache = feature_cache.choose(spec.cache)
    progress, checkpoint = _restore(assembled, run) if resume else (Progress(), {})
    began = time.perf_counter() - progress.spent
    clock = partial(_seconds_since, began)
    extra = unlabelled.views(spec, kind)
    fitting = Fitting(task, kind, assembled, train, val, spec, run, cache, progress, clock, extra)
    for phase in spec.phases:
        freeze(fitting, phase)  # a stage that the backbone lacks is said now, not after the first phase
    if not resume and hosts.is_chief():
        save(in_float32(assembled.model), run.before)
        preview.to_tensorboard(train, run.logs)
    for number in range(progress.phase, len(spec.phases)):
        progress.phase = number
        progress.stale = progress.stale if checkpoint else 0
        _announce(fitting, number)
        end = sum(each.epochs for each in spec.phases[: number + 1])
        if progress.epoch < end and progress.stale < spec.patience:
            run_phase = solve_phase if spec.phases[number].freeze == SOLVE else fit_phase
            run_phase(fitting, spec.phases[number], checkpoint)
        elif checkpoint:  # the run was stopped just after the last epoch of this phase
            assembled.model.set_weights(checkpoint["best"])
        checkpoint, progress.epoch = {}, end
    adapting.save_both(assembled, spec, run, load_checkpoint(run.checkpoint)[0]["model"])
    return progress


def _seconds_since(moment: float) -> float:
    return time.perf_counter() - moment


def _announce(fitting: Fitting, number: int) -> None:
    spec, phase = fitting.spec, fitting.spec.phases[number]
    if phase.freeze == SOLVE:
        LOG.info("phase %d of %d: the head is computed, frozen: backbone", number + 1, len(spec.phases))
        return
    what = "phase %d of %d: %d epochs, frozen: %s, %s parameters learn"
    freeze(fitting, phase)
    learn = count_parameters(fitting.assembled.model.trainable_weights)
    LOG.info(what, number + 1, len(spec.phases), phase.epochs, phase.freeze, f"{learn:,}")
    LOG.info("%s", learning_table(fitting.assembled, phase.learning_rate, spec.layer_decay))


def _restore(assembled: Assembled, run: run_folder.RunFolder) -> tuple[Progress, dict[str, list[np.ndarray]]]:
    arrays, state = load_checkpoint(run.checkpoint)
    try:
        assembled.model.set_weights(arrays["model"])
        for variable, value in zip(seeds_of(assembled.model), arrays["seeds"], strict=True):
            variable.assign(value)
        return Progress(**state), arrays
    except (ValueError, TypeError) as error:
        raise InputError(f"'{run.checkpoint}' does not fit the spec beside it: train again") from error


def parameters(assembled: Assembled) -> dict[str, int]:
    """Return how many parameters learn in the last phase, how many do not, and all."""
    trainable = count_parameters(assembled.model.trainable_weights)
    total = count_parameters(assembled.model.weights)
    return {"trainable": trainable, "frozen": total - trainable, "total": total}


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and the backend."""
    keras.utils.set_random_seed(seed)
