"""Try batch sizes with a model of its own, before the run's is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from cityzoo.fit import devices, distributed
from cityzoo.fit.auto_batch_size import training_step
from cityzoo.fit.optimizers import optimizer
from cityzoo.modalities import Dataset
from cityzoo.outputs import Output
from cityzoo.spec import Phase, ResolvedSpec
from cityzoo.tasks import Task


def memory_trial(
    task: Task, output: Output, data: Dataset
) -> Callable[[ResolvedSpec[Any]], Callable[[int], None]]:
    """Return a function that makes, for a spec, a trial of batch sizes: steps of a model that trains as a whole."""

    def of_spec(spec: ResolvedSpec[Any]) -> Callable[[int], None]:
        spec = replace(spec.replace(weights="random"), plan=(Phase("none", 1, spec.fit.learning_rate),))
        strategy = devices.strategy()
        with strategy.scope():
            assembled = task.modality.build(spec, output, data)
        train, _ = task.modality.views(spec, output, data)
        first = task.modality.training_batches(assembled, train, spec, 0, 1, None, distributed.process_shard)
        row = next(iter(first.unbatch().as_numpy_iterator()))
        make = partial(optimizer, spec.fit.optimizer, spec.fit.learning_rate)
        step = training_step(assembled.model, output.loss(task.modality.size_hw(spec)), make, row)

        def try_in_scope(size: int) -> None:
            with strategy.scope():
                step(size)

        return try_in_scope

    return of_spec
