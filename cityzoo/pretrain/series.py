"""Windows of sensors as they are pretrained on: some measurements are hidden, and have to be filled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.values import parse_share
from cityzoo.modalities import Shard
from cityzoo.modalities.series import Series
from cityzoo.pretrain.objectives import MASK, MaskedOutput

if TYPE_CHECKING:
    import keras

    from cityzoo.data.series.windows import WindowSet
    from cityzoo.model import AssembledModel

BLOCK = 3  # rows that are hidden together: single ones are the mean of their neighbours
BATCH = 256  # windows in an evaluation step


@dataclass(frozen=True)
class MaskedSeries(MaskedOutput):
    """Measurements of the first channel that are hidden, in standard deviations of the training rows."""

    class_names: tuple[str, ...] = ()
    mask: float = flag(0.5, MASK, parse_share, "SHARE")
    spread: float = 1.0  # standard deviation of the first channel, once the training rows are known
    history: int = 12  # rows of a window, once they are known

    def with_train_statistics(self, train: WindowSet, may_lack_classes: bool = False) -> MaskedSeries:
        """Return the output that knows the windows and the spread of the training rows."""
        values = train.series.values[train.rows.start : train.rows.stop, :, 0].astype(np.float64)
        return replace(self, spread=float(np.nanstd(values)) or 1.0, history=train.history)

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, sensors, history, 1), each as a change of the last value that is seen."""
        import keras

        changes = keras.layers.Dense(self.history, name="head_masked")(features["nodes"])
        values = changes + features["last"] / features["spread"]
        return keras.ops.expand_dims(values, -1)

    def hide_rows(self, inputs: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Return inputs without the hidden measurements, and the target of the loss, inside a `tf.data` graph.

        The same windows give the same rows, so that a resumed run continues exactly.

        Args:
            inputs: as `cityzoo.data.series.windows.make_inputs` returns them.

        Returns:
            The inputs, and (B, sensors, history, 2) float32: values, and 1 where one was measured and is hidden.
        """
        import tensorflow as tf

        shape = tf.shape(inputs["series"])
        blocks = -(-self.history // BLOCK)
        count = min(max(1, round(self.mask * blocks)), max(1, blocks - 1))
        seed = [tf.bitcast(tf.reduce_sum(inputs["series"]), tf.int32), 0]
        scores = tf.random.stateless_uniform((shape[0], shape[2], blocks), seed)
        chosen = scores <= tf.sort(scores, axis=2)[..., count - 1 : count]
        rows = tf.repeat(tf.cast(chosen, tf.float32), BLOCK, axis=2)[:, :, : self.history]
        seen = 1.0 - tf.transpose(rows, (0, 2, 1))[..., None]
        first = [tf.transpose(inputs[name][..., 0], (0, 2, 1)) for name in ("series", "mask")]
        target = tf.stack([first[0] / self.spread, first[1] * rows], axis=-1)
        hidden = {name: inputs[name] * seen for name in ("series", "mask")}
        return {**inputs, **hidden}, target

    def measure_windows(self, target: np.ndarray, outputs: np.ndarray, seen: np.ndarray) -> list[Any]:
        """Return the error of each window, and that of filling each sensor's gaps with the mean of what is seen.

        Args:
            target: (B, sensors, history, 2), as of `hide_rows`.
            outputs: (B, sensors, history, 1).
            seen: (B, sensors, history), 1 where a measurement is seen.
        """
        total = (target[..., 0] * seen).sum(axis=2, keepdims=True)
        mean = (total / np.maximum(seen.sum(axis=2, keepdims=True), 1))[..., None]
        return list(zip(*(self.errors(target, each) for each in (outputs, mean)), strict=True))


class PretrainingSeries(Series):
    """Windows of sensors with hidden measurements."""

    steps_of_only_phase: ClassVar[int] = 2000

    def training_batches(
        self,
        assembled: AssembledModel,
        views: Any,
        spec: Any,
        first: int,
        last: int,
        shown: int | None,
        shard: Shard,
    ) -> Iterable[Any]:
        """Return batches of windows and of what is hidden in them."""
        import tensorflow as tf

        found: Any = super().training_batches(assembled, views, spec, first, last, shown, shard)
        hide = tf.autograph.experimental.do_not_convert(lambda inputs, _: views.output.hide_rows(inputs))
        return found.map(hide).prefetch(4)

    def predict_views(self, model: keras.Model, views: Any, batch_size: int) -> list[Any]:
        """Return what is measured of every held-out window."""
        from cityzoo.backend import compiled
        from cityzoo.data.series.windows import make_inputs

        windows, run, found = views.examples, compiled(model), []
        for at in range(0, len(windows), BATCH):
            inputs, target = views.output.hide_rows(
                make_inputs(windows.series, windows.origins[at : at + BATCH], windows.history)
            )
            seen = np.transpose(np.asarray(inputs["mask"])[..., 0], (0, 2, 1))
            found += views.output.measure_windows(np.asarray(target), np.asarray(run(inputs)), seen)
        return found


SERIES = PretrainingSeries()
