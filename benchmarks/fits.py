"""The two contenders of the fine-tuning benchmark: train.py's own phases, and plain Keras `fit`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import zoo
from cityzoo import predict, tasks, views
from cityzoo.fit import hardware, run
from cityzoo.fit.optimizers import optimizer
from cityzoo.fit.run_folder import RunFolder
from cityzoo.fit.schedules import schedule
from cityzoo.spec import Phase, TrainSpec

LOOP_EPOCHS = 3
LOW_RATE, HIGH_RATE = 2e-4, 2e-3  # of what was pretrained, of a fresh head


@dataclass(frozen=True)
class Fitted:
    """Hold how long a fit took, what its last epoch is worth on val, and how fast it went."""

    what: str
    seconds: float
    ap50: float | None
    pictures_per_second: float


class Bench:
    """Hold what every case works on: so many pictures, a quarter of that for val."""

    def __init__(self, backbone: str, weights: str, data: str | None, side: int, pictures: int) -> None:
        """Read the data.

        Raises:
            InputError: it cannot be used.
        """
        self.spec = TrainSpec(
            backbone=backbone, weights=weights, data=data, image_size=(side, side), views=1, augment="none",
            limit=pictures, patience=10**6, batch_size=16,
        )  # fmt: skip
        self.task = tasks.find(self.spec.task)
        self.data = run.read_data(self.spec, self.task)
        few = replace(self.data.val, pictures=self.data.val.pictures[: max(pictures // 4, 1)])
        self.data = replace(self.data, val=few)
        self.kind = self.task.kind_for(self.data.train.class_names, self.spec)
        self.about = (
            f"{backbone}, weights {Path(weights).name}, {side} x {side} pixels, {len(self.data.train)} "
            f"pictures to train on, {len(few)} to judge by, batches of 16, no augmentation."
        )

    def planned(self, freeze: str, epochs: int, precision: str, cache: str) -> TrainSpec:
        """Return the spec of one phase."""
        rate = HIGH_RATE if freeze == "backbone" else LOW_RATE
        asked = replace(self.spec, precision=precision, cache=cache, phases=(Phase(freeze, epochs, rate),))
        return hardware.resolve(asked, self.data)


def cached_and_plain(bench: Bench, folder: Path, freeze: str, epochs: int) -> list[Fitted]:
    """Return ours, with nothing in the cache yet, and plain Keras."""
    ours, rows = _ours(bench, bench.planned(freeze, epochs, "auto", str(folder / f"cache-{freeze}")), folder)
    plain = _plain(bench, bench.planned(freeze, epochs, "float32", "off"), validate=False)
    pictures = epochs * len(bench.data.train)
    return [
        Fitted("ours, features included", ours, rows[-1]["val_AP50"], pictures / ours),
        Fitted("plain Keras", plain[0], plain[2], pictures / plain[0]),
    ]


def loop_and_plain(bench: Bench, folder: Path) -> list[Fitted]:
    """Return an epoch of ours and one of plain Keras, both in the precision that train.py chooses."""
    spec = bench.planned("none", LOOP_EPOCHS, "auto", "off")
    return [_an_epoch_of_ours(bench, spec, folder, "train.py's loop"), _an_epoch_of_plain(bench, spec)]


def precisions(bench: Bench, folder: Path) -> list[Fitted]:
    """Return an epoch in what train.py chooses and one in float32."""
    found = []
    for precision in ("auto", "float32"):
        spec = bench.planned("none", LOOP_EPOCHS, precision, "off")
        what = " and ".join(dict.fromkeys(hardware.policies(spec)))
        found.append(_an_epoch_of_ours(bench, spec, folder, f"--precision {precision}: {what}"))
    return found


def _an_epoch_of_ours(bench: Bench, spec: TrainSpec, folder: Path, what: str) -> Fitted:
    _, rows = _ours(bench, spec, folder)
    seconds = (rows[-1]["seconds"] - rows[0]["seconds"]) / (LOOP_EPOCHS - 1)
    return Fitted(what, seconds, rows[-1]["val_AP50"], len(bench.data.train) / seconds)


def _an_epoch_of_plain(bench: Bench, spec: TrainSpec) -> Fitted:
    _, ends, ap50 = _plain(bench, spec, validate=True)
    seconds = (ends[-1] - ends[0]) / (LOOP_EPOCHS - 1)
    return Fitted("plain Keras", seconds, ap50, len(bench.data.train) / seconds)


def _ours(bench: Bench, spec: TrainSpec, folder: Path) -> tuple[float, list[dict[str, Any]]]:
    # Seconds, and the rows of history.csv.
    assembled = _model(bench, spec)
    path = folder / f"run{time.time_ns()}"
    path.mkdir()
    start = time.perf_counter()
    progress = run.fine_tune(spec, bench.task, bench.kind, bench.data, assembled, RunFolder(path))
    return time.perf_counter() - start, progress.history


def _plain(bench: Bench, spec: TrainSpec, validate: bool) -> tuple[float, list[float], float]:
    # Seconds, the moments at which epochs ended, AP50 of the last.
    assembled, (phase,) = _model(bench, spec), spec.phases
    train = run.training_views(spec, bench.kind, bench.data)
    val = replace(train, pictures=bench.data.val)
    count, steps = len(train.pictures), len(train.pictures) // spec.batch_size
    zoo.freeze(assembled.backbone, phase.freeze)
    rate = schedule(spec.schedule, phase.learning_rate, steps * phase.epochs)
    made = optimizer(spec.optimizer, rate, weight_decay=spec.weight_decay, clip_norm=spec.clip_norm)
    rows = views.shuffled(count, spec.batch_size, spec.seed, 0, phase.epochs, 1)
    ends: list[float] = []
    stamp = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    start = time.perf_counter()
    assembled.model.compile(made, bench.kind.loss(spec.image_size))
    assembled.model.fit(
        _pairs(train.batches(rows, spec.batch_size)),
        steps_per_epoch=steps,
        epochs=phase.epochs,
        validation_data=_pairs(val.batches(views.in_order(len(val.pictures)), spec.batch_size))
        if validate
        else None,
        shuffle=False,
        callbacks=[stamp],
    )
    seconds = time.perf_counter() - start
    found = predict.over_views(assembled.model, val, spec.batch_size)
    return seconds, ends, bench.kind.metrics(bench.data.val, found)["AP50"]


def _pairs(batches: tf.data.Dataset) -> tf.data.Dataset:
    return batches.map(lambda images, target, _: (tf.cast(images, tf.float32), target)).prefetch(2)


def _model(bench: Bench, spec: TrainSpec) -> Any:
    keras.backend.clear_session()
    run.seed_everything(spec.seed)
    return run.build_model(spec, bench.kind, bench.data)
