"""The two contenders of the fine-tuning benchmark: the phases of train.py, and plain Keras `fit`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

import zoo
from cityzoo import predict, tasks
from cityzoo.data.image import views
from cityzoo.fit import auto_settings, fine_tune
from cityzoo.fit.optimizers import optimizer
from cityzoo.fit.run_folder import RunFolder
from cityzoo.fit.schedules import schedule
from cityzoo.modalities.image import settings
from cityzoo.model import AssembledModel, load
from cityzoo.spec import Phase, ResolvedSpec

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
        flags = {
            "backbone": backbone,
            "weights": weights,
            "data": data,
            "image_size": (side, side),
            "views": 1,
        }
        flags |= {"augment": "none", "limit": images, "patience": 10**6, "batch_size": 16}
        self.task = tasks.find("vehicle_detect")
        self.spec = self.task.make_spec(flags)
        self.data = self.task.modality.read(self.spec, self.task)
        few = replace(self.data.val, examples=self.data.val.examples[: max(images // 4, 1)])
        self.data = replace(self.data, val=few)
        self.output = self.task.output_for(self.data.train.class_names)
        self.about = (
            f"{backbone}, weights {Path(weights).name}, {side} x {side} pixels, {len(self.data.train)} "
            f"training images, {len(few)} validation images, batches of 16, no augmentation."
        )

    def planned(self, freeze: str, epochs: int, precision: str, cache: str) -> ResolvedSpec:
        """Return the spec of one phase."""
        rate = HIGH_RATE if freeze == "backbone" else LOW_RATE
        spec = self.spec.replace(precision=precision, cache=cache)
        resolved = auto_settings.resolve(spec, self.task, self.data, self.output)
        return replace(resolved, plan=(Phase(freeze, epochs, rate),))


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
        what = " and ".join(dict.fromkeys(settings.dtype_policies(spec)))
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
    spec, size = bench.spec, bench.spec.fit.batch_size
    _, val = bench.task.modality.views(spec, bench.output, bench.data)
    found = predict.predict_views(model, val, size)
    model.compile(loss=bench.output.loss(spec.modality.image_size))
    batches = _pairs(val.batches(views.sequential_order(len(val)), size))
    loss = model.evaluate(batches, verbose=0)
    return float(bench.output.metrics(bench.data.val, found)["AP50"] or 0), float(loss)


def _ours(bench: Bench, spec: ResolvedSpec, folder: Path) -> _Fit:
    assembled = _model(bench, spec)
    made = RunFolder(folder / f"run{time.time_ns()}")
    made.path.mkdir()
    start = time.perf_counter()
    state = fine_tune.fine_tune(spec, bench.task, bench.output, bench.data, assembled, made)
    seconds = time.perf_counter() - start
    return _Fit(seconds, [row["seconds"] for row in state.history], load(made.last))


def _plain(bench: Bench, spec: ResolvedSpec) -> _Fit:
    assembled, (phase,), fit = _model(bench, spec), spec.plan, spec.fit
    model, (train, val) = assembled.model, bench.task.modality.views(spec, bench.output, bench.data)
    count, size = len(train), fit.batch_size
    steps = count // size
    zoo.freeze(assembled.backbone, phase.freeze)
    rate = schedule(fit.schedule, phase.learning_rate, steps * phase.epochs)
    made = optimizer(fit.optimizer, rate, weight_decay=fit.weight_decay, clip_norm=fit.clip_norm)
    held_out = _pairs(val.batches(views.sequential_order(len(val)), size))
    rows = views.shuffled(count, size, spec.run.seed, 0, phase.epochs, 1)
    ends: list[float] = []
    stamp = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    start = time.perf_counter()
    model.compile(made, bench.output.loss(spec.modality.image_size))
    model.fit(
        _pairs(train.batches(rows, size)),
        steps_per_epoch=steps,
        epochs=phase.epochs,
        validation_data=held_out,
        shuffle=False,
        callbacks=[stamp],
    )
    return _Fit(time.perf_counter() - start, ends, model)


def _pairs(batches: tf.data.Dataset) -> tf.data.Dataset:
    return batches.map(lambda images, target, _: (tf.cast(images, tf.float32), target)).prefetch(2)


def _model(bench: Bench, spec: ResolvedSpec) -> AssembledModel:
    keras.backend.clear_session()
    fine_tune.seed_everything(spec.run.seed)
    return bench.task.modality.build(spec, bench.output, bench.data)
