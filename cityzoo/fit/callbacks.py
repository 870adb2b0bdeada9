"""Callbacks after each epoch: evaluate held-out examples, keep the best model, draw examples for TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import keras

from cityzoo.fit import checkpoint, run_folder
from cityzoo.fit.ema import WeightEMA
from cityzoo.fit.nan_guard import NanGuard
from cityzoo.model import save

if TYPE_CHECKING:
    from cityzoo.fit.context import TrainContext

IMAGES_EVERY = 5  # epochs
SHOWN = 4  # images
Metrics = dict[str, float | None]


class EvaluationCallback(keras.callbacks.Callback):
    """Add the metrics of the held-out examples (`val_AP`, ...) to the logs of each epoch."""

    def __init__(
        self, evaluate: Callable[[], tuple[Metrics, Sequence[Any]]], guard: NanGuard, shown: Sequence[str]
    ) -> None:
        super().__init__()
        self.evaluate, self.guard, self.shown = evaluate, guard, shown
        self.results: Sequence[Any] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.guard.broken:
            return
        metrics, self.results = self.evaluate()
        logs.update({f"val_{name}": metrics[name] for name in self.shown if metrics.get(name) is not None})


class CheckpointCallback(keras.callbacks.Callback):
    """Keep the best epoch as `model.keras`, and after each epoch everything that a resumed run needs."""

    def __init__(self, context: TrainContext, average: WeightEMA | None, guard: NanGuard) -> None:
        super().__init__()
        self.whole, self.folder, self.state = context.assembled.model, context.folder, context.state
        self.monitor, self.patience = f"val_{context.task.monitor}", context.spec.fit.patience
        self.is_lower_better = context.task.monitor in context.output.lower_is_better
        self.twin, self.elapsed_seconds = context.float32_twin, context.elapsed_seconds
        self.twin.set_weights(self.whole.get_weights())
        self.average, self.guard, self.teacher = average, guard, context.teacher
        self.is_enough = context.is_enough
        self.kept_epochs = context.spec.fit.keep_epochs or 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.guard.broken:
            return
        state, metric = self.state, logs.get(self.monitor)
        state.epoch = epoch + 1
        state.spent = self.elapsed_seconds()
        row = {"epoch": epoch + 1, "phase": state.phase + 1, "seconds": round(state.spent, 1)}
        state.history.append({**row, **_plain(logs)})
        state.stale += 1
        if metric is None or self._is_better(metric, state.best):  # None: nothing was held out
            state.best, state.stale = state.best if metric is None else metric, 0
            state.best_epoch = state.epoch
            with self.average.applied() if self.average else nullcontext():
                self.twin.set_weights(self.whole.get_weights())
            save(self.twin, self.folder.model)
        run_folder.write_history(self.folder.history, state.history)
        checkpoint.save_checkpoint(self.folder.checkpoint, self._arrays(), asdict(state))
        if self.kept_epochs:
            self._keep_epoch()
        if self.is_enough(state) or state.stale >= self.patience:
            self.model.stop_training = True

    def keep_start(self, metrics: Metrics) -> None:
        """Keep the model that a run continues, with these metrics, until an epoch is better."""
        metric = metrics.get(self.monitor.removeprefix("val_"))
        if metric is not None:
            self.state.best = metric
            save(self.twin, self.folder.model)

    def _keep_epoch(self) -> None:
        folder, best = self.folder.epochs, self.twin.get_weights()
        folder.mkdir(exist_ok=True)
        self.twin.set_weights(self.whole.get_weights())
        save(self.twin, folder / f"epoch-{self.state.epoch:04d}.keras")
        self.twin.set_weights(best)
        for file in sorted(folder.glob("epoch-*.keras"))[: -self.kept_epochs]:
            file.unlink()

    def _is_better(self, metric: float, best: float | None) -> bool:
        return best is None or (metric < best if self.is_lower_better else metric > best)

    def _arrays(self) -> dict[str, list[Any]]:
        return {
            "model": self.whole.get_weights(),
            "best": self.twin.get_weights(),
            "optimizer": [keras.ops.convert_to_numpy(each) for each in self.model.optimizer.variables],
            "seeds": [keras.ops.convert_to_numpy(each) for each in seed_generator_states(self.whole)],
            "average": self.average.state() if self.average else [],
            "adapters": self.teacher.weights if self.teacher else [],
            "groups": [keras.ops.convert_to_numpy(each) for each in _group_weights(self.model)],
        }


def seed_generator_states(model: keras.Model) -> list[keras.Variable]:
    """Return the states of a model's random generators, such as dropout's; they do not count as weights."""
    return [variable for variable in model.variables if "seed_generator" in variable.path]


def _group_weights(model: keras.Model) -> list[keras.Variable]:
    found = getattr(model.loss, "group_weights", None)  # of --robust-groups
    return [] if found is None else [found]


def _plain(logs: dict) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in logs.items()}


class ImageSummaryCallback(keras.callbacks.Callback):
    """Draw a few held-out examples with label and result for TensorBoard, every few epochs."""

    def __init__(self, evaluation: EvaluationCallback, context: TrainContext, last_epoch: int) -> None:
        super().__init__()
        self.evaluation, self.context, self.last = evaluation, context, last_epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.evaluation.guard.broken or (epoch % IMAGES_EVERY and epoch + 1 != self.last):
            return
        import tensorflow as tf

        truth, context = self.context.val.examples, self.context
        with tf.summary.create_file_writer(f"{context.folder.logs}/images").as_default():
            for number in _spread(len(truth), SHOWN):
                result = self.evaluation.results[number]
                drawn = context.modality.render(context.output, truth.examples[number], result)
                if drawn is not None:
                    tf.summary.image(f"val/{number}", drawn[None], step=epoch + 1)


def _spread(count: int, shown: int) -> list[int]:
    return sorted({round(i * (count - 1) / max(shown - 1, 1)) for i in range(shown)})
