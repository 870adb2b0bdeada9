"""Series of many sensors on one grid of times: windows of history in, the rows after them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.errors import InputError, unknown
from cityzoo.modalities import Masks, Modality, Shard
from cityzoo.modalities.identity import Names
from cityzoo.modalities.series.checks import SeriesChecks
from cityzoo.modalities.series.flags import SeriesEvaluateFlags, SeriesFlags
from cityzoo.outputs.quantile_forecast import QuantileForecast
from cityzoo.spec import ResolvedSpec, TrainSpec
from zoo.series.build import BACKBONES

if TYPE_CHECKING:
    import keras

    from cityzoo.data.series.windows import WindowSet
    from cityzoo.modalities.series.data import SeriesDataset, WindowViews
    from cityzoo.model import AssembledModel
    from cityzoo.tasks import Task

FROM_SCRATCH = ("auto", "random")
BATCH_SIZE = 64  # windows, in inference
Spec = ResolvedSpec[SeriesFlags]


class Series(SeriesChecks, Modality[SeriesFlags]):
    """Windows of a series, cut as they are needed."""

    name: ClassVar[str] = "series"
    unit: ClassVar[str] = "windows"
    flags: ClassVar[type] = SeriesFlags
    companions: ClassVar[tuple[str, ...]] = ("sensors.json",)
    evaluate_flags: ClassVar[type] = SeriesEvaluateFlags
    freeze_points: ClassVar[tuple[str, ...]] = ("none", "encoder")
    report_sections: ClassVar[tuple[str, ...]] = ("sensor_rules", "interventions")
    help_words: ClassVar[Mapping[str, str]] = {
        "weights": "auto|random|RUN",
        "about_weights": "auto: random; or a run folder or its model.keras: the encoder is copied",
        "about_freeze": "auto: encoder if --weights names a run, else none",
        "plan": "encoder:5,none:15",
    }

    def backbones(self) -> Mapping[str, str]:
        import zoo.series.build

        return zoo.series.build.rows()

    def check(self, spec: TrainSpec[SeriesFlags], task: Task) -> None:
        weights = spec.run.weights
        if spec.run.backbone not in BACKBONES:
            raise unknown("backbone of series", spec.run.backbone, BACKBONES)
        if weights not in FROM_SCRATCH and not Path(weights).exists():
            raise InputError(
                f"--weights '{weights}' is neither a run folder nor its model.keras, nor auto or random"
            )
        QuantileForecast(alarm=tuple(spec.output.get("alarm", ()))).check_rules(None)

    def read(self, spec: TrainSpec[SeriesFlags], task: Task) -> SeriesDataset:
        from cityzoo.modalities.series import data

        return data.read(spec, task)

    def read_to_evaluate(
        self, spec: TrainSpec[SeriesFlags], task: Task, class_names: Sequence[str], flags: Mapping[str, Any]
    ) -> tuple[WindowSet, Any]:
        from cityzoo.modalities.series import data

        if flags["data"]:
            spec = spec.replace(data=flags["data"], format=flags["format"], limit=flags["limit"])
        elif flags["limit"]:
            spec = spec.replace(limit=flags["limit"])
        found = data.read(spec, task)
        return found.test, found.findings

    def read_new(
        self, spec: TrainSpec[SeriesFlags], task: Task, path: str, flags: Mapping[str, Any]
    ) -> WindowSet:
        from cityzoo.modalities.series import data

        return data.read_all(spec, task, path)

    def data_names(self, examples: WindowSet) -> Names:
        series = examples.series
        return {"sensors": series.sensors, "channels": series.channels, "units": series.units}

    def named_labels(self, examples: WindowSet, source: str) -> Iterable[tuple[str, bytes]]:
        from cityzoo.modalities.series import data

        return data.days_of(examples)

    def default_freeze(self, spec: TrainSpec[SeriesFlags]) -> str:
        return "none" if self.starts_untrained(spec) else "encoder"

    def starts_untrained(self, spec: TrainSpec[SeriesFlags]) -> bool:
        return spec.run.weights in FROM_SCRATCH

    def build(self, spec: Spec, output: QuantileForecast, data: SeriesDataset) -> AssembledModel:
        from cityzoo.modalities.series import build

        return build.build(spec, output, data.train)

    def freeze(self, assembled: AssembledModel, spec: Spec, stage: str) -> None:
        from zoo.series.build import freeze_encoder, unfreeze

        (freeze_encoder if stage == "encoder" else unfreeze)(assembled.model)

    def stage_of_layers(self, backbone: keras.Model) -> Mapping[str, str]:
        return {layer.name: layer.name.partition("_")[0] for layer in backbone.layers}

    def optimizer_settings(self, spec: Spec) -> dict[str, Any]:
        return {"decays_vectors": True, "clips_each_variable": True}

    def schedule_settings(self, spec: Spec, steps: int) -> dict[str, Any]:
        rise = max(20, round(steps * 0.05))
        return {"warm_up": rise, "steps": steps + rise} if spec.fit.schedule == "cosine" else {}

    def views(
        self, spec: Spec, output: QuantileForecast, data: SeriesDataset
    ) -> tuple[WindowViews, WindowViews]:
        from cityzoo.modalities.series.data import WindowViews

        return WindowViews(data.train, output), WindowViews(data.val, output)

    def steps_per_epoch(self, views: WindowViews, batch_size: int) -> int:
        return -(-len(views) // batch_size)

    def training_batches(
        self,
        assembled: AssembledModel,
        views: WindowViews,
        spec: Spec,
        first: int,
        last: int,
        shown: int | None,
        shard: Shard,
    ) -> Iterable[Any]:
        import tensorflow as tf

        from cityzoo.data.series.windows import batches

        windows, batch_size = views.examples, spec.fit.batch_size
        if shard(lambda: iter(()), batch_size)[1] != batch_size:
            raise InputError("series train in one process: start a single one")
        generate = batches(windows, batch_size, spec.run.seed, assembled.shuffle_state, first, last)
        inputs, target = next(generate())
        signature = {name: tf.TensorSpec((None, *a.shape[1:]), a.dtype) for name, a in inputs.items()}
        return tf.data.Dataset.from_generator(
            generate, output_signature=(signature, tf.TensorSpec((None, *target.shape[1:]), target.dtype))
        ).prefetch(4)

    def examples_of_step(
        self,
        assembled: AssembledModel,
        views: WindowViews,
        spec: Spec,
        epoch: int,
        step: int,
        shown: int | None,
    ) -> list[tuple[str, int]]:
        from cityzoo.data.series.windows import batch_orders

        windows, seed, state = views.examples, spec.run.seed, assembled.shuffle_state
        (epoch_batches,) = batch_orders(len(views), spec.fit.batch_size, seed, state, epoch, epoch + 1)
        return [(str(windows.series.times[row]), epoch) for row in windows.origins[epoch_batches[step]]]

    def predict(self, model: keras.Model, examples: WindowSet, output: QuantileForecast) -> list[Any]:
        from cityzoo.backend import compiled

        outputs = self.raw_outputs(compiled(model), examples)
        return output.decode(outputs, None, examples.examples)

    def raw_outputs(self, run: Callable[[Any], Any], examples: WindowSet) -> np.ndarray:
        from cityzoo.modalities.series.data import forecast

        return forecast(run, examples, BATCH_SIZE)

    def identify(self, examples: WindowSet) -> list[Any]:
        import hashlib

        digest = hashlib.sha256(np.ascontiguousarray(examples.series.values).tobytes()).hexdigest()
        return [digest, examples.origins.tolist(), examples.history, examples.horizon]

    def select(self, examples: WindowSet, rows: Sequence[int]) -> WindowSet:
        return replace(examples, origins=examples.origins[list(rows)], window_counts=None)

    def join(self, sets: Sequence[WindowSet]) -> WindowSet:
        from cityzoo.data.series.windows import join_windows

        return join_windows(sets)

    def example_names(self, examples: WindowSet, source: str) -> list[str]:
        return [str(examples.series.times[row]) for row in examples.origins]

    def groups(self, examples: WindowSet) -> list[str]:
        from cityzoo.modalities.series.slices import blocks_of

        return blocks_of(examples)

    def input_signals(self, examples: WindowSet, row: int) -> dict[str, list[float]]:
        """Return the measurements of a window; see `cityzoo.monitor.drift.read_inputs`."""
        from cityzoo.data.series.windows import make_inputs
        from cityzoo.monitor.drift import read_inputs

        return read_inputs(make_inputs(examples.series, examples.origins[row : row + 1], examples.history))

    def slices(self, examples: WindowSet, by: str) -> Masks:
        from cityzoo.modalities.series.slices import slices_of

        return slices_of(examples)

    def write_manifest(self, folder: Path, data: SeriesDataset, output: QuantileForecast) -> None:
        from cityzoo.data.series import manifest

        manifest.write(folder, data.train, output.quantiles)

    def check_manifest(self, folder: Path, examples: WindowSet) -> None:
        from cityzoo.data.series import manifest

        manifest.require_same(folder, examples)

    def write_examples(
        self,
        output: QuantileForecast,
        examples: WindowSet,
        results: Sequence[Any],
        details: Mapping[str, Any],
        folder: Path,
    ) -> dict[str, Any]:
        from cityzoo.visualize import forecasts

        best = output.baselines(examples)[details["best_baseline"]]
        return {
            "images": forecasts.draw_forecasts(
                folder, examples, np.stack(list(results)), output.quantiles, best
            )
        }


SERIES = Series()
