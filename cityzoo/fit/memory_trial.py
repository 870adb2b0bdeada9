"""What a training step takes of a device's memory, tried with a model of its own before the run's is built."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from cityzoo.data.image import Dataset
from cityzoo.data.image.views import sequential_order
from cityzoo.fit import devices, fine_tune
from cityzoo.fit.auto_batch_size import training_step
from cityzoo.fit.optimizers import optimizer
from cityzoo.model import assemble
from cityzoo.outputs import Output
from cityzoo.spec import TrainSpec


def memory_trial(output: Output, data: Dataset) -> Callable[[TrainSpec], Callable[[int], None]]:
    """Return what makes, for a spec, a trial of batch sizes: steps of a model of its own, all of which learns."""

    def of_spec(spec: TrainSpec) -> Callable[[int], None]:
        strategy = devices.strategy()
        with strategy.scope():
            policies = devices.dtype_policies(spec)
            model = assemble(
                spec.backbone, output, spec.image_size, "random", policies, "trial", spec.structure
            ).model
        images, target, _ = next(
            iter(fine_tune.training_views(spec, output, data).batches(sequential_order(1), 1))
        )
        row = images[0].numpy().astype(np.float32), target[0].numpy()
        make = partial(optimizer, spec.optimizer, spec.learning_rate)
        step = training_step(model, output.loss(spec.image_size), make, row)

        def in_scope(size: int) -> None:
            with strategy.scope():
                step(size)

        return in_scope

    return of_spec
