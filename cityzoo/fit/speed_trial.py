"""Measure a batch in the frozen part and training steps, with a model of its own, before the run's is built."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import keras

import zoo
from cityzoo.backend import compiled
from cityzoo.fit import devices, distributed, fine_tune
from cityzoo.fit.optimizers import optimizer
from cityzoo.fit.time_budget import Costs, adapt
from cityzoo.modalities import Dataset
from cityzoo.outputs import Output
from cityzoo.spec import CLOSED_FORM, Phase, ResolvedSpec, TrainSpec
from cityzoo.tasks import Task

REPEATS = 3  # the fastest counts: other programs only make it slower


_MEASURED: dict[str, Costs] = {}  # repeats of a run in one process all get the plan of the first


def plan_within_time(
    asked: TrainSpec[Any], spec: ResolvedSpec[Any], task: Task, output: Output, data: Dataset, started: float
) -> tuple[ResolvedSpec[Any], Task, Dataset, Output]:
    """Return a run's spec, changed as far as its time requires, and the task, data and output that it then has.

    Args:
        asked: as given by the user.
        spec: the same with nothing left to choose.
        task: that is trained.
        output: of the task.
        data: as read.
        started: when the run began, by `time.perf_counter`.

    Raises:
        InputError: --minutes of 0.
    """
    key = repr(spec.replace(seed=0, out=None))

    def measure() -> Costs:
        if key not in _MEASURED:
            _MEASURED[key] = measure_costs(spec, task, output, data, started)
        return _MEASURED[key]

    chosen = adapt(asked, spec, task, data, measure)
    if chosen.run.limit == spec.run.limit:
        return chosen, task, data, output
    return (chosen, *fine_tune.load_task_data(chosen))


def measure_costs(
    spec: ResolvedSpec[Any], task: Task, output: Output, data: Dataset, started: float
) -> Costs:
    """Return what an example and a step of each phase take on this machine, in seconds; see `plan_within_time`."""
    spent, modality = time.perf_counter() - started, task.modality
    spec = modality.training_spec(spec)
    fine_tune.seed_everything(spec.run.seed)
    with devices.strategy().scope():
        assembled = modality.build(spec.replace(weights="random"), output, data)
        train, _ = modality.views(spec, output, data)
        batches = modality.training_batches(assembled, train, spec, 0, 1, None, distributed.process_shard)
        inputs, target = next(iter(batches))
        found = [_costs_of_phase(spec, task, output, assembled, phase, inputs, target) for phase in spec.plan]
    # Layers of the run's model are numbered as if there had been no other.
    keras.utils.clear_session()
    return Costs(spent, sum(example for example, _ in found), tuple(step for _, step in found))


def _costs_of_phase(
    spec: ResolvedSpec[Any],
    task: Task,
    output: Output,
    assembled: Any,
    phase: Phase,
    inputs: Any,
    target: Any,
) -> tuple[float, float]:
    modality, trained, example = task.modality, assembled.model, 0.0
    if phase.freeze == CLOSED_FORM:
        return 0.0, 0.0
    modality.freeze(assembled, spec, phase.freeze)
    shown = modality.views_shown(spec, phase.freeze)
    is_cached = shown is not None and getattr(spec.modality, "cache", "off") != "off"
    prefix = modality.prefix(assembled.backbone, phase.freeze) if is_cached else None
    if prefix is not None:
        run = partial(compiled(prefix), inputs)
        example = _fastest(run) / spec.fit.batch_size
        inputs, trained = run(), zoo.suffix(prefix, assembled.model)
    trained.compile(optimizer(spec.fit.optimizer, phase.learning_rate), output.loss(modality.size_hw(spec)))
    return example, _fastest(partial(trained.train_on_batch, inputs, target))


def _fastest(run: Callable[[], Any]) -> float:
    run()  # traces
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
