"""A phase without gradients: the last layer is computed in one pass from what comes to it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

import zoo
from cityzoo.fit import distributed, phase_inputs, run_folder
from cityzoo.fit.callbacks import seed_generator_states
from cityzoo.fit.checkpoint import save_checkpoint
from cityzoo.fit.context import TrainContext
from cityzoo.fit.feature_cache import Cache
from cityzoo.fit.fold_data import group_training
from cityzoo.fit.phases import freeze, known_metric, make_evaluator
from cityzoo.model import save
from cityzoo.outputs import ClosedFormInput
from cityzoo.spec import Phase

LEAST_SCENES = 8


def closed_form_phase(context: TrainContext, phase: Phase, checkpoint: object = None) -> None:
    """Compute the head's last layer from the training examples; the model is left with it.

    Args:
        context: what all phases share.
        phase: the phase.
        checkpoint: not used; a phase of one pass is done or not.

    Raises:
        InputError: the output has no such layer, or there is no room for its inputs.
    """
    state, output, model = context.state, context.output, context.assembled.model
    started = time.perf_counter()
    freeze(context, phase)
    layer = model.get_layer(output.closed_form_layer)
    embedding = zoo.up_to(model, output.closed_form_layer, "embedding")
    with _with_cache(context) as lent:
        source = phase_inputs.cached_suffix_input(lent, embedding)
        evaluate = make_evaluator(lent, source, None)
        prepared = time.perf_counter()
        rows = source.train.tensors["embedding"]
        groups = np.tile(_groups(context), len(rows) // source.train.count)
        given = ClosedFormInput(layer, rows, source.train.targets, groups, context.spec.run.seed)
        state.solved = output.fit_closed_form(given)
        shown = (*output.primary_metrics, context.task.monitor, known_metric(context.task))
        metrics = {f"val_{n}": v for n, v in evaluate()[0].items() if n in shown and v is not None}
    name = f"phase {state.phase + 1}"
    state.seconds[f"{name} features"] = round(prepared - started, 1)
    state.seconds[f"{name} solving"] = round(time.perf_counter() - prepared, 1)
    _save(context, metrics)


def _groups(context: TrainContext) -> np.ndarray:
    """Videos or scenes of the training examples, (N,) int; the examples themselves where there are too few scenes."""
    examples = context.train.examples
    groups = group_training("video", context.modality, examples)
    return (
        groups if groups.max() + 1 >= LEAST_SCENES else group_training("example", context.modality, examples)
    )


@contextmanager
def _with_cache(context: TrainContext) -> Iterator[TrainContext]:
    # One pass needs everything at once: with --cache off it lies on the disk for that long.
    if context.cache is not None:
        yield context
        return
    with tempfile.TemporaryDirectory(prefix="cityzoo-") as folder:
        yield replace(context, cache=Cache(Path(folder), asked=True))


def _save(context: TrainContext, metrics: dict[str, float]) -> None:
    state, model, folder = context.state, context.assembled.model, context.folder
    state.epoch += 1
    state.spent = context.elapsed_seconds()
    row = {"epoch": state.epoch, "phase": state.phase + 1, "seconds": round(state.spent, 1)}
    state.history.append({**row, **{name: round(float(value), 6) for name, value in metrics.items()}})
    state.best, state.stale, state.best_epoch = metrics.get(f"val_{context.task.monitor}"), 0, state.epoch
    context.float32_twin.set_weights(model.get_weights())
    save(context.float32_twin, folder.model)
    run_folder.write_history(folder.history, state.history)
    arrays = {"model": model.get_weights(), "best": model.get_weights(), "optimizer": [], "average": []}
    arrays["seeds"] = [keras.ops.convert_to_numpy(each) for each in seed_generator_states(model)]
    save_checkpoint(folder.checkpoint, arrays, asdict(state))
    if distributed.is_chief():
        _to_tensorboard(folder.logs, metrics, state.epoch)


def _to_tensorboard(logs: Path, metrics: dict[str, float], epoch: int) -> None:
    import tensorflow as tf

    with tf.summary.create_file_writer(str(logs / "validation")).as_default():
        for name, value in metrics.items():
            tf.summary.scalar(f"epoch_{name.removeprefix('val_')}", value, step=epoch - 1)
