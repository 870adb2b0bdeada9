"""What happens after each epoch: the held-out images are judged, the best is kept, TensorBoard gets images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import keras

from cityzoo.fit import checkpoint, run_folder
from cityzoo.fit.ema import WeightEMA
from cityzoo.fit.nan_guard import NanGuard
from cityzoo.model import float32_copy, save
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    from cityzoo.fit.phases import TrainContext
    from cityzoo.outputs import Output

IMAGES_EVERY = 5  # epochs
SHOWN = 4  # images
Figures = dict[str, float | None]


@dataclass
class TrainState:
    """Hold how far a run has come; what a resumed one starts from.

    Attributes:
        phase: number of the current phase, from 0.
        epoch: epochs finished, over all phases.
        best: the monitored figure of the best epoch so far; None before the first.
        stale: epochs since then.
        history: a row of figures for each epoch.
        solved: what computing the head says of itself.
        seconds: spent on each part of each phase.
        spent: seconds from the start of fine-tuning to the end of the last epoch, pauses left out.
    """

    phase: int = 0
    epoch: int = 0
    best: float | None = None
    stale: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    solved: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    spent: float = 0.0


class EvaluationCallback(keras.callbacks.Callback):
    """Add the held-out figures (`val_AP`, ...) to the logs of each epoch."""

    def __init__(
        self, judge: Callable[[], tuple[Figures, Sequence[Any]]], guard: NanGuard, shown: Sequence[str]
    ) -> None:
        """Take what judges the model as it is, who knows if it is broken, and the figures that are shown."""
        super().__init__()
        self.judge, self.guard, self.shown, self.results = judge, guard, shown, []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Judge, and put every plain number into the logs."""
        if self.guard.broken:
            return
        figures, self.results = self.judge()
        logs.update({f"val_{name}": figures[name] for name in self.shown if figures.get(name) is not None})


class CheckpointCallback(keras.callbacks.Callback):
    """Keep the best epoch as `model.keras`, and after each epoch all that is needed to go on."""

    def __init__(self, fitting: TrainContext, average: WeightEMA | None, guard: NanGuard) -> None:
        """Take the run; where weights are averaged, the average is what is kept as the model."""
        super().__init__()
        self.whole, self.run, self.progress = fitting.assembled.model, fitting.run, fitting.progress
        self.monitor, self.patience = f"val_{fitting.task.monitor}", fitting.spec.patience
        self.lower = fitting.task.monitor in fitting.output.lower_is_better
        self.twin, self.clock = float32_copy(self.whole), fitting.clock
        self.average, self.guard = average, guard

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Save, and stop where the figure has stopped rising."""
        if self.guard.broken:
            return
        progress, figure = self.progress, logs.get(self.monitor)
        progress.epoch = epoch + 1
        progress.spent = self.clock()
        row = {"epoch": epoch + 1, "phase": progress.phase + 1, "seconds": round(progress.spent, 1)}
        progress.history.append({**row, **_plain(logs)})
        progress.stale += 1
        if figure is None or self._beats(figure, progress.best):  # None: nothing was held out to judge by
            progress.best, progress.stale = progress.best if figure is None else figure, 0
            with self.average.applied() if self.average else nullcontext():
                self.twin.set_weights(self.whole.get_weights())
            save(self.twin, self.run.model)
        run_folder.write_history(self.run.history, progress.history)
        checkpoint.save_checkpoint(self.run.checkpoint, self._state(), asdict(progress))
        if progress.stale >= self.patience:
            self.model.stop_training = True

    def _beats(self, figure: float, best: float | None) -> bool:
        return best is None or (figure < best if self.lower else figure > best)

    def _state(self) -> dict[str, list[Any]]:
        return {
            "model": self.whole.get_weights(),
            "best": self.twin.get_weights(),
            "optimizer": [keras.ops.convert_to_numpy(each) for each in self.model.optimizer.variables],
            "seeds": [keras.ops.convert_to_numpy(each) for each in seed_generator_states(self.whole)],
            "average": self.average.state() if self.average else [],
        }


def seed_generator_states(model: keras.Model) -> list[keras.Variable]:
    """Return the states of a model's random generators, as of its dropouts; they are none of its weights."""
    return [variable for variable in model.variables if "seed_generator" in variable.path]


def _plain(logs: dict) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in logs.items()}


class ImageSummaryCallback(keras.callbacks.Callback):
    """Show TensorBoard a handful of held-out images with what is true and what is found, every few epochs."""

    def __init__(
        self, judge: EvaluationCallback, output: Output, truth: ImageSet, logs: str, last_epoch: int
    ) -> None:
        """Take the judge, whose results are drawn."""
        super().__init__()
        self.judge, self.output, self.truth, self.logs, self.last = judge, output, truth, logs, last_epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Draw and write."""
        if self.judge.guard.broken or (epoch % IMAGES_EVERY and epoch + 1 != self.last):
            return
        import tensorflow as tf

        from cityzoo.data.image.decode import read_image

        with tf.summary.create_file_writer(f"{self.logs}/images").as_default():
            for number in _spread(len(self.truth), SHOWN):
                image = self.truth.examples[number]
                drawn = self.output.draw(
                    read_image(image.path, image.window_xyxy), image, self.judge.results[number]
                )
                tf.summary.image(f"val/{number}", drawn[None], step=epoch + 1)


def _spread(count: int, shown: int) -> list[int]:
    return sorted({round(i * (count - 1) / max(shown - 1, 1)) for i in range(shown)})
