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
from cityzoo.fit import hosts, run_folder, sources
from cityzoo.fit.callbacks import seeds_of
from cityzoo.fit.checkpoint import save_checkpoint
from cityzoo.fit.feature_cache import Cache
from cityzoo.fit.phases import Fitting, freeze, judge_of
from cityzoo.model import in_float32, save
from cityzoo.spec import Phase

LEAST_SCENES = 8


def solve_phase(fitting: Fitting, phase: Phase, checkpoint: object = None) -> None:
    """Compute the head's last layer on the training pictures; the model is left with it.

    Args:
        fitting: what all phases share.
        phase: the one that says so.
        checkpoint: of no use here: a phase of one pass is done or not.

    Raises:
        InputError: the kind has no layer that can be computed, or there is no room for what comes to it.
    """
    progress, kind, model = fitting.progress, fitting.kind, fitting.assembled.model
    started = time.perf_counter()
    freeze(fitting, phase)
    layer = model.get_layer(kind.solved)
    embedding = zoo.up_to(model, kind.solved, "embedding")
    with _with_cache(fitting) as lent:
        source = sources.behind(lent, embedding)
        judge = judge_of(lent, source, None)
        prepared = time.perf_counter()
        rows = source.train.tensors["embedding"]
        groups = np.tile(_groups(fitting), len(rows) // source.train.count)
        progress.solved = kind.solve(layer, rows, source.train.targets, groups, fitting.spec.seed)
        figures = {f"val_{n}": v for n, v in judge()[0].items() if n in kind.headline and v is not None}
    name = f"phase {progress.phase + 1}"
    progress.seconds[f"{name} features"] = round(prepared - started, 1)
    progress.seconds[f"{name} solving"] = round(time.perf_counter() - prepared, 1)
    _keep(fitting, figures)


def _groups(fitting: Fitting) -> np.ndarray:
    """Scenes of the training pictures, (N,) int; the pictures themselves where there are too few scenes to part."""
    pictures = fitting.train.pictures.pictures
    scenes = np.unique([each.scene for each in pictures], return_inverse=True)[1]
    return scenes if scenes.max() + 1 >= LEAST_SCENES else np.arange(len(pictures))


@contextmanager
def _with_cache(fitting: Fitting) -> Iterator[Fitting]:
    # One pass needs everything at once: with --cache off it lies on the disk for that long.
    if fitting.cache is not None:
        yield fitting
        return
    with tempfile.TemporaryDirectory(prefix="cityzoo-") as folder:
        yield replace(fitting, cache=Cache(Path(folder), asked=True))


def _keep(fitting: Fitting, figures: dict[str, float]) -> None:
    progress, model, run = fitting.progress, fitting.assembled.model, fitting.run
    progress.epoch += 1
    progress.spent = fitting.clock()
    row = {"epoch": progress.epoch, "phase": progress.phase + 1, "seconds": round(progress.spent, 1)}
    progress.history.append({**row, **{name: round(float(value), 6) for name, value in figures.items()}})
    progress.best, progress.stale = figures.get(f"val_{fitting.task.monitor}"), 0
    save(in_float32(model), run.model)
    run_folder.write_history(run.history, progress.history)
    arrays = {"model": model.get_weights(), "best": model.get_weights(), "optimizer": [], "average": []}
    arrays["seeds"] = [keras.ops.convert_to_numpy(each) for each in seeds_of(model)]
    save_checkpoint(run.checkpoint, arrays, asdict(progress))
    if hosts.is_chief():
        _to_tensorboard(run.logs, figures, progress.epoch)


def _to_tensorboard(logs: Path, figures: dict[str, float], epoch: int) -> None:
    import tensorflow as tf

    with tf.summary.create_file_writer(str(logs / "validation")).as_default():
        for name, value in figures.items():
            tf.summary.scalar(f"epoch_{name.removeprefix('val_')}", value, step=epoch - 1)
