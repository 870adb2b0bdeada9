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
from cityzoo.fit.feature_cache import Cache
from cityzoo.fit.phases import TrainContext, freeze, make_evaluator
from cityzoo.model import float32_copy, save
from cityzoo.spec import Phase

LEAST_SCENES = 8


def closed_form_phase(fitting: TrainContext, phase: Phase, checkpoint: object = None) -> None:
    """Compute the head's last layer on the training images; the model is left with it.

    Args:
        fitting: what all phases share.
        phase: the one that says so.
        checkpoint: of no use here: a phase of one pass is done or not.

    Raises:
        InputError: the kind has no layer that can be computed, or there is no room for what comes to it.
    """
    progress, output, model = fitting.progress, fitting.output, fitting.assembled.model
    started = time.perf_counter()
    freeze(fitting, phase)
    layer = model.get_layer(output.closed_form_layer)
    embedding = zoo.up_to(model, output.closed_form_layer, "embedding")
    with _with_cache(fitting) as lent:
        source = phase_inputs.cached_suffix_input(lent, embedding)
        judge = make_evaluator(lent, source, None)
        prepared = time.perf_counter()
        rows = source.train.tensors["embedding"]
        groups = np.tile(_groups(fitting), len(rows) // source.train.count)
        progress.solved = output.fit_closed_form(layer, rows, source.train.targets, groups, fitting.spec.seed)
        figures = {
            f"val_{n}": v for n, v in judge()[0].items() if n in output.primary_metrics and v is not None
        }
    name = f"phase {progress.phase + 1}"
    progress.seconds[f"{name} features"] = round(prepared - started, 1)
    progress.seconds[f"{name} solving"] = round(time.perf_counter() - prepared, 1)
    _keep(fitting, figures)


def _groups(fitting: TrainContext) -> np.ndarray:
    """Scenes of the training images, (N,) int; the images themselves where there are too few scenes to part."""
    images = fitting.train.examples.examples
    scenes = np.unique([each.scene for each in images], return_inverse=True)[1]
    return scenes if scenes.max() + 1 >= LEAST_SCENES else np.arange(len(images))


@contextmanager
def _with_cache(fitting: TrainContext) -> Iterator[TrainContext]:
    # One pass needs everything at once: with --cache off it lies on the disk for that long.
    if fitting.cache is not None:
        yield fitting
        return
    with tempfile.TemporaryDirectory(prefix="cityzoo-") as folder:
        yield replace(fitting, cache=Cache(Path(folder), asked=True))


def _keep(fitting: TrainContext, figures: dict[str, float]) -> None:
    progress, model, run = fitting.progress, fitting.assembled.model, fitting.run
    progress.epoch += 1
    progress.spent = fitting.clock()
    row = {"epoch": progress.epoch, "phase": progress.phase + 1, "seconds": round(progress.spent, 1)}
    progress.history.append({**row, **{name: round(float(value), 6) for name, value in figures.items()}})
    progress.best, progress.stale = figures.get(f"val_{fitting.task.monitor}"), 0
    save(float32_copy(model), run.model)
    run_folder.write_history(run.history, progress.history)
    arrays = {"model": model.get_weights(), "best": model.get_weights(), "optimizer": [], "average": []}
    arrays["seeds"] = [keras.ops.convert_to_numpy(each) for each in seed_generator_states(model)]
    save_checkpoint(run.checkpoint, arrays, asdict(progress))
    if distributed.is_chief():
        _to_tensorboard(run.logs, figures, progress.epoch)


def _to_tensorboard(logs: Path, figures: dict[str, float], epoch: int) -> None:
    import tensorflow as tf

    with tf.summary.create_file_writer(str(logs / "validation")).as_default():
        for name, value in figures.items():
            tf.summary.scalar(f"epoch_{name.removeprefix('val_')}", value, step=epoch - 1)
