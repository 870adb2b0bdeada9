"""Build forecasting models: backbone, head, graphs, and weights of another city's model."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import keras
import numpy as np

import zoo
import zoo.series.build as backbones
from cityzoo.data.series import manifest
from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import WindowSet
from cityzoo.errors import InputError, unknown
from cityzoo.modalities.series.flags import SeriesFlags
from cityzoo.model import AssembledModel, load
from cityzoo.outputs import Output
from cityzoo.spec import ResolvedSpec
from zoo.series.build import copy_encoder_weights
from zoo.series.sensor_stats import correlation, measure_statistics, transition

LOG = logging.getLogger(__name__)


def build(spec: ResolvedSpec[SeriesFlags], output: Output, train: WindowSet) -> AssembledModel:
    """Put a head on a backbone made for these sensors; scaler and graphs are measured on the training rows alone.

    Raises:
        InputError: an unknown backbone, missing roads, rows that nothing can be learned from, or unusable weights.
    """
    run, flags, series = spec.run, spec.modality, train.series
    if run.backbone not in backbones.names():
        raise unknown("backbone of series", run.backbone, backbones.names())
    values = series.values[train.rows.start : train.rows.stop]
    try:
        sensors = measure_statistics(values, flags.history, tuple(_graphs(flags.graph, series, values)))
        backbone = backbones.build(run.backbone, sensors, width=flags.hidden_size)
    except ValueError as error:
        raise InputError(str(error)) from error
    model = keras.Model(backbone.input, output.build_head(backbone.output), name=f"forecast_{run.backbone}")
    origin = _start_from(run.weights, model, series.sensors)
    return AssembledModel(model, backbone, origin, random.getstate())


def _graphs(graph: str, series: Series, values: np.ndarray) -> list[np.ndarray]:
    wanted = "correlation" if graph == "auto" else graph
    if wanted in ("roads", "both") and series.adjacency is None:
        raise InputError(
            f"--graph {graph} needs the roads between sensors: give --adjacency FILE, or --graph correlation"
        )
    if len(series.sensors) < 2 or wanted == "none":
        return []
    given = series.adjacency
    roads = [transition(given)] if given is not None and wanted in ("roads", "both") else []
    return roads + ([correlation(values[..., 0])] if wanted in ("correlation", "both") else [])


def _start_from(weights: str, model: keras.Model, sensors: tuple[str, ...]) -> zoo.Origin | None:
    if weights in ("auto", "random"):
        return None
    path = Path(weights)
    path = path / "model.keras" if path.is_dir() else path
    try:
        known = {name: row for row, name in enumerate(manifest.read_sensors(path.parent))}
        copied = copy_encoder_weights(load(path), model, [known.get(name) for name in sensors])
    except ValueError as error:
        raise InputError(f"--weights {weights}: {error}") from error
    LOG.info("copied from %s: %s", path, ", ".join(copied))
    count = sum(name in known for name in sensors)
    note = (
        f"a run that knows {count} of {len(sensors)} sensors: its encoder, clock, head and their embeddings"
    )
    return zoo.Origin("file", weights, note=note)
