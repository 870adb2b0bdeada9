"""The two contenders of the fine-tuning benchmark: train.py's own phases, and plain Keras `fit`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

import zoo
from cityzoo import predict, tasks
from cityzoo.data.image import views
from cityzoo.fit import devices, fine_tune
from cityzoo.fit.optimizers import optimizer
from cityzoo.fit.run_folder import RunFolder
from cityzoo.fit.schedules import schedule
from cityzoo.model import AssembledModel, load
from cityzoo.spec import Phase, TrainSpec

LOOP_EPOCHS = 3
LOW_RATE, HIGH_RATE = 2e-4, 2e-3  # of what was pretrained, of a fresh head


@dataclass(frozen=True)
class Fitted:
    """Seconds and speed of a fit, and the validation metrics of its last epoch."""

    what: str
    seconds: float
    images_per_second: float
    ap50: float
    val_loss: float


class Bench:
    """Data of all cases: some images, and a quarter as many for validation."""

    def __init__(self, backbone: str, weights: str, data: str | None, side: int, images: int) -> None:
        """Read the data.

        Raises:
            InputError: it cannot be used.
        """
        self.spec = TrainSpec(
            backbone=backbone, weights=weights, data=data, image_size=(side, side), views=1, augment="none",
            limit=images, patience=10**6, batch_size=16,
        )  # fmt: skip
        self.task = tasks.find(self.spec.task)
        self.data = fine_tune.read_data(self.spec, self.task)
        few = replace(self.data.val, examples=self.data.val.examples[: max(images // 4, 1)])
        self.data = replace(self.data, val=few)
        self.output = self.task.output_for(self.data.train.class_names)
        self.about = (
            f"{backbone}, weights {Path(weights).name}, {side} x {side} pixels, {len(self.data.train)} "
            f"images to train on, {len(few)} to judge by, batches of 16, no augmentation."
        )

    def planned(self, freeze: str, epochs: int, precision: str, cache: str) -> TrainSpec:
        """Return the spec of one phase."""
        rate = HIGH_RATE if freeze == "backbone" else LOW_RATE
        asked = replace(self.spec, precision=precision, cache=cache, phases=(Phase(freeze, epochs, rate),))
        return devices.resolve(asked, self.data, self.output)


def cached_and_plain(bench: Bench, folder: Path, freeze: str, epochs: int) -> list[Fitted]:
    """Return ours, with nothing in the cache yet, and plain Keras."""
    ours = _ours(bench, bench.planned(freeze, epochs, "auto", str(folder / f"cache-{freeze}")), folder)
    plain = _plain(bench, bench.planned(freeze, epochs, "float32", "off"))
    images = epochs * len(bench.data.train)
    return [
        Fitted("ours, features included", ours.seconds, images / ours.seconds, *_worth(bench, ours.model)),
        Fitted("plain Keras", plain.seconds, images / plain.seconds, *_worth(bench, plain.model)),
    ]


def loop_and_plain(bench: Bench, folder: Path) -> list[Fitted]:
    """Return an epoch of ours and one of plain Keras, both in the precision that train.py chooses."""
    spec = bench.planned("none", LOOP_EPOCHS, "auto", "off")
    ours, plain = _ours(bench, spec, folder), _plain(bench, spec)
    return [_an_epoch(bench, "train.py's loop", ours), _an_epoch(bench, "plain Keras", plain)]


def precisions(bench: Bench, folder: Path) -> list[Fitted]:
    """Return an epoch in what train.py chooses and one in float32."""
    found = []
    for precision in ("auto", "float32"):
        spec = bench.planned("none", LOOP_EPOCHS, precision, "off")
        what = " and ".join(dict.fromkeys(devices.dtype_policies(spec)))
        found.append(_an_epoch(bench, f"--precision {precision}: {what}", _ours(bench, spec, folder)))
    return found


@dataclass(frozen=True)
class _Fit:
    # Seconds in all, the moments at which epochs ended, and the model as the last one left it.
    seconds: float
    ends: list[float]
    model: keras.Model


def _an_epoch(bench: Bench, what: str, fit: _Fit) -> Fitted:
    seconds = (fit.ends[-1] - fit.ends[0]) / (len(fit.ends) - 1)
    return Fitted(what, seconds, len(bench.data.train) / seconds, *_worth(bench, fit.model))


def _worth(bench: Bench, model: keras.Model) -> tuple[float, float]:
    # AP50 and loss on val.
    spec = bench.spec
    val = replace(fine_tune.training_views(spec, bench.output, bench.data), examples=bench.data.val)
    found = predict.predict_views(model, val, spec.batch_size)
    model.compile(loss=bench.output.loss(spec.image_size))
    batches = _pairs(val.batches(views.sequential_order(len(val.examples)), spec.batch_size))
    loss = model.evaluate(batches, verbose=0)
    return float(bench.output.metrics(bench.data.val, found)["AP50"] or 0), float(loss)


def _ours(bench: Bench, spec: TrainSpec, folder: Path) -> _Fit:
    assembled = _model(bench, spec)
    made = RunFolder(folder / f"run{time.time_ns()}")
    made.path.mkdir()
    start = time.perf_counter()
    progress = fine_tune.fine_tune(spec, bench.task, bench.output, bench.data, assembled, made)
    seconds = time.perf_counter() - start
    return _Fit(seconds, [row["seconds"] for row in progress.history], load(made.last))


def _plain(bench: Bench, spec: TrainSpec) -> _Fit:
    assembled, (phase,) = _model(bench, spec), spec.phases
    model, train = assembled.model, fine_tune.training_views(spec, bench.output, bench.data)
    val = replace(train, examples=bench.data.val)
    count, steps = len(train.examples), len(train.examples) // spec.batch_size
    zoo.freeze(assembled.backbone, phase.freeze)
    rate = schedule(spec.schedule, phase.learning_rate, steps * phase.epochs)
    made = optimizer(spec.optimizer, rate, weight_decay=spec.weight_decay, clip_norm=spec.clip_norm)
    held_out = _pairs(val.batches(views.sequential_order(len(val.examples)), spec.batch_size))
    rows = views.shuffled(count, spec.batch_size, spec.seed, 0, phase.epochs, 1)
    ends: list[float] = []
    stamp = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    start = time.perf_counter()
    model.compile(made, bench.output.loss(spec.image_size))
    model.fit(
        _pairs(train.batches(rows, spec.batch_size)),
        steps_per_epoch=steps,
        epochs=phase.epochs,
        validation_data=held_out,
        shuffle=False,
        callbacks=[stamp],
    )
    return _Fit(time.perf_counter() - start, ends, model)


def _pairs(batches: tf.data.Dataset) -> tf.data.Dataset:
    return batches.map(lambda images, target, _: (tf.cast(images, tf.float32), target)).prefetch(2)


def _model(bench: Bench, spec: TrainSpec) -> AssembledModel:
    keras.backend.clear_session()
    fine_tune.seed_everything(spec.seed)
    return fine_tune.build_model(spec, bench.output, bench.data)
