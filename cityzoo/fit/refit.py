"""Build a forecasting model and let it learn: on train with val to choose the epochs, then on both."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import keras
import numpy as np

import zoo.series.build as backbones
from cityzoo.data.series.series import Series
from cityzoo.data.series.split import forecast_origins
from cityzoo.data.series.windows import Windows
from cityzoo.errors import InputError, unknown
from cityzoo.fit.run_folder import RunFolder, write_history
from cityzoo.model import count_parameters
from cityzoo.outputs.quantile_forecast import Forecasting
from cityzoo.spec import AUTO, TrainSpec
from heads.forecast import QuantileForecastHead
from zoo.series.graph import correlation, transition
from zoo.series.sensor_stats import measure_statistics
from zoo.series.transfer import freeze_encoder, unfreeze

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG = logging.getLogger(__name__)
EPOCHS = 20
WARM_UP, LAST_RATE = 0.05, 0.01  # share of the steps, share of the peak rate


class Fit(NamedTuple):
    """Hold how learning went: the epochs of the best figure, seconds, and how many parameters learned."""

    epochs: int
    seconds: float
    trainable: int


def build(spec: TrainSpec, how: Forecasting, series: Series, rows: range) -> keras.Model:
    """Put the forecasting head on a backbone made for these sensors; scaler and graphs are of the given rows alone.

    Raises:
        InputError: an unknown backbone, no roads where they are asked for, or rows that nothing can be learned from.
    """
    if spec.backbone not in backbones.names():
        raise unknown("backbone of series", spec.backbone, backbones.names())
    values = series.values[rows.start : rows.stop]
    try:
        sensors = measure_statistics(values, how.history, tuple(_graphs(how, series, values)))
        backbone = backbones.build(spec.backbone, sensors, width=how.width)
    except ValueError as error:
        raise InputError(str(error)) from error
    head = QuantileForecastHead(how.horizon, how.quantiles)
    model = keras.Model(backbone.input, head(backbone.output), name=f"forecast_{spec.backbone}")
    model.spread_of_target = sensors.spread[0]
    return model


def _graphs(how: Forecasting, series: Series, values: np.ndarray) -> list[np.ndarray]:
    wanted = "correlation" if how.graph == "auto" else how.graph
    if wanted in ("roads", "both") and series.adjacency is None:
        raise InputError(
            f"--graph {how.graph} needs the roads between sensors: give --adjacency FILE, or --graph correlation"
        )
    if len(series.sensors) < 2 or wanted == "none":
        return []
    roads = [transition(series.adjacency)] if wanted in ("roads", "both") else []
    return roads + ([correlation(values[..., 0])] if wanted in ("correlation", "both") else [])


def fit(
    model: keras.Model,
    spec: TrainSpec,
    how: Forecasting,
    series: Series,
    train: range,
    val: range,
    run: RunFolder,
) -> Fit:
    """Learn from train; the epoch of the least loss on val stays.

    Raises:
        InputError: no window in one of them.
    """
    epochs = EPOCHS if spec.epochs == AUTO else spec.epochs
    batches = _windows(spec, how, series, train, spec.seed)
    held_out = _windows(spec, how, series, val, spec.seed)
    trainable = _compile(model, spec, how, epochs * len(batches))
    LOG.info(
        "%d epochs, %s parameters learn, %d windows, %d held out",
        epochs,
        f"{trainable:,}",
        len(batches.origins),
        len(held_out.origins),
    )
    best = _Best()
    board = keras.callbacks.TensorBoard(str(run.logs), profile_batch=0)
    start = time.perf_counter()
    model.fit(
        batches,
        validation_data=held_out,
        epochs=epochs,
        callbacks=[best, board, keras.callbacks.TerminateOnNaN()],
        verbose="auto",
    )
    if best.weights is None:
        raise InputError("the loss is no number from the first epoch on: lower --learning-rate")
    model.set_weights(best.weights)
    write_history(run.history, best.history)
    return Fit(best.epoch, time.perf_counter() - start, trainable)


def refit(
    model: keras.Model,
    spec: TrainSpec,
    how: Forecasting,
    series: Series,
    rows: range,
    epochs: int,
    run: RunFolder,
) -> None:
    """Learn from train and val for a number of epochs that is settled."""
    LOG.info("once more from the start, from train and val, %d epochs", epochs)
    batches = _windows(spec, how, series, rows, spec.seed)
    planned = EPOCHS if spec.epochs == AUTO else spec.epochs
    _compile(model, spec, how, planned * len(batches))  # the same schedule, left where it was left
    model.fit(batches, epochs=epochs, verbose="auto")


def _windows(spec: TrainSpec, how: Forecasting, series: Series, rows: range, seed: int) -> Windows:
    return Windows(
        series,
        forecast_origins(rows, how.history, how.horizon),
        how.history,
        how.horizon,
        spec.batch_size,
        seed,
    )


def _compile(model: keras.Model, spec: TrainSpec, how: Forecasting, steps: int) -> int:
    starts_from_run = spec.weights not in (AUTO, "random")
    frozen = spec.freeze == "encoder" or (spec.freeze == AUTO and starts_from_run)
    names = freeze_encoder(model) if frozen else unfreeze(model)
    rate = spec.learning_rate
    schedule = keras.optimizers.schedules.CosineDecay(
        rate * 0.05, steps, alpha=LAST_RATE, warmup_target=rate, warmup_steps=max(20, round(steps * WARM_UP))
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=spec.weight_decay, clipnorm=spec.clip_norm or None
    )
    model.compile(optimizer, QuantileForecastHead(how.horizon, how.quantiles).loss(model.spread_of_target))
    LOG.info("learning: %s", ", ".join(_families(names)))
    return count_parameters(model.trainable_weights)


def _families(names: Sequence[str]) -> list[str]:
    return sorted({name.split("_")[0] for name in names})


class _Best(keras.callbacks.Callback):
    """Keep the weights of the epoch with the least loss on val, and every epoch's figures."""

    def __init__(self) -> None:
        super().__init__()
        self.least, self.epoch, self.weights, self.history = float("inf"), 0, None, []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = {name: float(value) for name, value in (logs or {}).items()}
        self.history.append({"epoch": epoch + 1, **{name: round(value, 6) for name, value in logs.items()}})
        if logs.get("val_loss", float("inf")) < self.least:
            self.least, self.epoch, self.weights = logs["val_loss"], epoch + 1, self.model.get_weights()
