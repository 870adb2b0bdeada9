"""A run from its spec to its weights: the steps that train.py names."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from cityzoo import peft, tasks
from cityzoo.errors import InputError
from cityzoo.fit import distributed, feature_cache
from cityzoo.fit.adversarial import add_attack
from cityzoo.fit.callbacks import seed_generator_states
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.fit.closed_form import closed_form_phase
from cityzoo.fit.context import TrainContext, TrainState, never
from cityzoo.fit.continued_data import ContinuedDataset, continue_data
from cityzoo.fit.distillation_teacher import load_teacher
from cityzoo.fit.fold_data import hold_out_fold
from cityzoo.fit.imprinting import imprint_new_classes
from cityzoo.fit.optimizers import stage_rates
from cityzoo.fit.phases import fit_phase, freeze
from cityzoo.fit.replay_memory import write_memory
from cityzoo.fit.robust_groups import add_groups
from cityzoo.fit.run_folder import RunFolder, write_history
from cityzoo.fit.weight_consolidation import hold_important_weights
from cityzoo.modalities import Dataset
from cityzoo.model import AssembledModel, count_parameters, save
from cityzoo.outputs import Output
from cityzoo.spec import CLOSED_FORM, Phase, ResolvedSpec, TrainSpec

LOG = logging.getLogger(__name__)


def load_task_data(spec: TrainSpec[Any]) -> tuple[tasks.Task, Dataset, Output]:
    """Return a spec's task, its data, and its output for that data.

    Raises:
        InputError: anything about the task or the data that cannot be used.
    """
    task = tasks.find(spec.run.task)
    data = task.modality.read(spec, task)
    if spec.run.strict:
        data.findings.require_all_used()
    if spec.run.continue_:
        data = continue_data(spec, task, data)
    if spec.run.fold:
        data = hold_out_fold(spec, task.modality, data)
    output = task.output_for(data.train.class_names, spec.output)
    lacking: dict[str, Any] = {"may_lack_classes": True} if spec.run.continue_ else {}
    task, output = add_groups(spec, task, data, output.with_train_statistics(data.train, **lacking))
    return add_attack(spec, task), data, output


def check_processes_agree(spec: ResolvedSpec[Any], task: tasks.Task, data: Dataset) -> None:
    """Refuse to train if the processes of one training were given different things.

    Raises:
        InputError: in every process, with what differs.
    """
    distributed.require_equal_across_processes(
        {
            "flags": spec.replace(out=None).as_dict(),
            task.modality.unit: task.modality.fingerprint(data),
            "arithmetic": task.modality.dtype_policies(spec),
        }
    )


def fine_tune(
    spec: ResolvedSpec[Any],
    task: tasks.Task,
    output: Output,
    data: Dataset,
    assembled: AssembledModel,
    folder: RunFolder,
    resume: bool = False,
    found_rate: float = 0.0,
    is_enough: Callable[[TrainState], bool] = never,
) -> TrainState:
    """Go through the phases, from the start or from the run's checkpoint.

    Returns:
        How it went; `folder` then holds the best and the last model.

    Raises:
        InputError: a phase cannot be done, or the checkpoint does not fit.
    """
    train, val = task.modality.views(spec, output, data)
    cache = feature_cache.choose(getattr(spec.modality, "cache", "off"))
    state, checkpoint = _restore(assembled, folder) if resume else (TrainState(found_rate=found_rate), {})
    elapsed_seconds = partial(_seconds_since, time.perf_counter() - state.spent)
    extra = task.modality.unlabelled_views(spec, output, folder.path)
    teacher = load_teacher(spec, task, output, assembled, data.train, checkpoint.get("adapters", []))
    context = TrainContext(
        *(task, output, assembled, train, val, spec, folder, cache, state, elapsed_seconds, extra, teacher),
        *(is_enough, getattr(data, "known_val", 0)),
    )
    twin = _begin(context, data, is_new=not checkpoint)
    for number in range(state.phase, len(spec.plan)):
        state.phase = number
        state.stale = state.stale if checkpoint else 0
        _log_phase(context, number)
        end = sum(each.epochs for each in spec.plan[: number + 1])
        if state.epoch < end and state.stale < spec.fit.patience:
            run_phase = closed_form_phase if spec.plan[number].freeze == CLOSED_FORM else fit_phase
            run_phase(context, spec.plan[number], checkpoint)
            if is_enough(state):
                break
        elif checkpoint:  # the run was stopped just after the last epoch of this phase
            assembled.model.set_weights(checkpoint["best"])
        checkpoint, state.epoch = {}, end
    last = load_checkpoint(folder.checkpoint)[0]["model"]
    peft.save_models(assembled, twin, folder.model, folder.last, folder.delta, last)
    return state


def _begin(context: TrainContext, data: Dataset, is_new: bool) -> keras.Model:
    """Check every phase; save the model before training and a preview; return its twin in float32."""
    for phase in context.spec.plan:
        freeze(context, phase)  # a missing stage is reported now, not after the first phase
    if isinstance(data, ContinuedDataset) and is_new:
        imprint_new_classes(context, data)
    twin = context.float32_twin  # made in all processes, for JAX
    if is_new and distributed.is_chief():
        save(twin, context.folder.before)
        if policy := context.spec.run.policy:
            shutil.copyfile(policy, context.folder.path / "policy.yaml")
        context.task.modality.log_preview(context.train, context.folder.logs)
    if isinstance(data, ContinuedDataset):
        hold_important_weights(context, data)
        if distributed.is_chief():
            write_memory(context.folder.path, data.memory, data.forgotten)
    return twin


def _seconds_since(moment: float) -> float:
    return time.perf_counter() - moment


def _log_phase(context: TrainContext, number: int) -> None:
    phase, total = context.spec.plan[number], len(context.spec.plan)
    if phase.freeze == CLOSED_FORM:
        LOG.info("phase %d/%d: fitting the head in closed form, backbone frozen", number + 1, total)
        return
    freeze(context, phase)
    trainable = count_parameters(context.assembled.model.trainable_weights)
    LOG.info(
        "phase %d/%d: %d epochs, frozen up to %s, %s trainable parameters",
        *(number + 1, total, phase.epochs, phase.freeze, f"{trainable:,}"),
    )
    LOG.info("%s", parameter_table(context, phase))


def parameter_table(context: TrainContext, phase: Phase) -> str:
    """Return a line for each stage and for the head: parameters, trainable ones, peak learning rate."""
    backbone, model, modality = context.assembled.backbone, context.assembled.model, context.modality
    of_layer = modality.stage_of_layers(backbone)
    factors = modality.layer_decay(context.spec), modality.backbone_rate(context.spec)
    rates = stage_rates(of_layer, backbone, model, *factors)
    counts: dict[str, list[float]] = {}
    for layer in sorted(backbone.layers, key=lambda layer: of_layer[layer.name]):
        row = counts.setdefault(of_layer[layer.name], [0, 0, 0.0])
        row[0] += count_parameters(layer.weights)
        row[1] += count_parameters(layer.trainable_weights)
        row[2] = max([row[2], *(phase.learning_rate * rates[w.path] for w in layer.trainable_weights)])
    total, trainable = (
        count_parameters(of(model)) - count_parameters(of(backbone))
        for of in (lambda m: m.weights, lambda m: m.trainable_weights)
    )
    counts["head"] = [total, trainable, phase.learning_rate]
    rows = [f"  {'stage':<8}{'parameters':>12}{'trainable':>12}{'rate':>10}"]
    rows += [
        f"  {n:<8}{a:>12,}{b:>12,}{f'{rate:.2g}' if b else '-':>10}"
        for n, (a, b, rate) in counts.items()
        if a
    ]
    return "\n".join(rows)


def _restore(assembled: AssembledModel, folder: RunFolder) -> tuple[TrainState, dict[str, list[np.ndarray]]]:
    if folder.is_unbegun:
        LOG.info("no epoch of this run was finished: training starts from the beginning")
        return TrainState(), {}
    arrays, values = load_checkpoint(folder.checkpoint)
    try:
        assembled.model.set_weights(arrays["model"])
        for variable, value in zip(seed_generator_states(assembled.model), arrays["seeds"], strict=True):
            variable.assign(value)
        state = TrainState(**values)
        write_history(folder.history, state.history)
        return state, arrays
    except (ValueError, TypeError) as error:
        raise InputError(f"'{folder.checkpoint}' does not fit the spec next to it: train again") from error


def parameter_counts(assembled: AssembledModel) -> dict[str, int]:
    """Return the numbers of trainable (in the last phase), frozen and all parameters."""
    trainable = count_parameters(assembled.model.trainable_weights)
    total = count_parameters(assembled.model.weights)
    return {"trainable": trainable, "frozen": total - trainable, "total": total}


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and the backend."""
    keras.utils.set_random_seed(seed)
