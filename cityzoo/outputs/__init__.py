"""Outputs: what the numbers of a head mean, from the training target to the metric; nothing about how examples look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from cityzoo.metrics.weighted import WeightedMetrics
from cityzoo.outputs.combined_models import CombinedModels

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cityzoo.outputs.attribution_target import AttributionTarget


class PredictionSummary(NamedTuple):
    """Predictions for examples without labels."""

    results: list[Any]  # one per example, to be drawn
    file: str  # name of the JSON file
    document: dict[str, Any]  # its content
    line: str  # a summary in a few words


class ClosedFormInput(NamedTuple):
    """What a last layer is computed from."""

    layer: keras.layers.Layer  # the layer named `Output.closed_form_layer`
    inputs: np.ndarray  # (N, ...) float16, its inputs for each view of each example; may lie on disk
    targets: np.ndarray  # (N, ...) float32, as `Output.make_targets` returns them
    groups: np.ndarray  # (N,) int; rows of one group are alike: frames of a scene, views of an image
    seed: int  # of the run


@dataclass(frozen=True)
class Output(CombinedModels, ABC):
    """A head of `heads/` with its targets, decoding and metrics; a task names a subclass.

    Subclasses are frozen dataclasses that start with `class_names`; fields declared by `cli.flag` become flags.

    Attributes:
        class_names: what labels point to.
        primary_metrics: keys of `metrics`, the most important first.
        lower_is_better: those that improve when they fall.
        resize_mode: how an image comes to the network's input: "letterbox" keeps its aspect ratio, "stretch" fills it.
        result_type: dataclass or named tuple of a result; None: plain arrays.
        bootstrap_samples: resamples behind each interval; 1,000 where `weighted_metrics` is fast.
        per_class_metrics: keys of `per_class` by which a class can regress.
        closed_form_layer: name of the layer that `fit_closed_form` can compute; "" if there is none.
        trainable: whether the head has parameters that gradients can train.
        supports_unlabelled: whether FixMatch can use unlabeled examples.
        supports_pseudo_labels: whether results of a first model can be the labels of unlabeled examples.
        supports_distillation: whether `distillation_loss` is implemented.
        imitated_layers: layers of the model whose features a student learns from its teacher.
        supports_attribution: whether `attribution_target` is implemented.
        supports_ensemble: whether `average_outputs` makes sense.
        encoder_outputs: what the head takes of an encoder of texts: "pooled", or "tokens" and "token_mask".
        label_layouts: how predictions can be written for people who correct them, the default first; none: not at all.
        page: module of `cityzoo.report.pages` that shows the metrics, and of `cityzoo.visualize` that draws results.
    """

    class_names: tuple[str, ...]
    primary_metrics: ClassVar[tuple[str, ...]]
    lower_is_better: ClassVar[tuple[str, ...]] = ()
    resize_mode: ClassVar[Literal["letterbox", "stretch"]] = "letterbox"
    result_type: ClassVar[type | None] = None
    bootstrap_samples: ClassVar[int] = 200
    per_class_metrics: ClassVar[tuple[str, ...]] = ()
    closed_form_layer: ClassVar[str] = ""
    trainable: ClassVar[bool] = True
    supports_unlabelled: ClassVar[bool] = False
    supports_pseudo_labels: ClassVar[bool] = False
    supports_distillation: ClassVar[bool] = False
    imitated_layers: ClassVar[tuple[str, ...]] = ()
    supports_attribution: ClassVar[bool] = False
    supports_ensemble: ClassVar[bool] = True
    encoder_outputs: ClassVar[tuple[str, ...]] = ("pooled",)
    label_layouts: ClassVar[tuple[str, ...]] = ()
    page: ClassVar[str]

    def with_train_statistics(self, train: Any, may_lack_classes: bool = False) -> Output:
        """Return the output with what it needs to know of the training examples, such as class counts.

        Args:
            train: the training examples.
            may_lack_classes: whether classes without examples are allowed, as in a run that continues another one.

        Raises:
            InputError: nothing can be learned from them.
        """
        return self

    def restore(self, report: Mapping[str, Any]) -> Output:
        """Return the output with what a run's report, which may be empty, says about its training examples."""
        return self

    def label_columns(self, examples: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """Return the labels that `augment.pipeline` transforms along with images: boxes, labels, masks.

        By default the targets; zeros for unlabeled examples.
        """
        unknown = [0.0] * len(self.class_names)
        return {"labels": [unknown if e.target is None else e.target.tolist() for e in examples]}

    @abstractmethod
    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return the head's output on a backbone's features."""

    @abstractmethod
    def loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the training loss, for inputs of that size where examples are images."""

    def make_targets(self, batch: dict[str, Any]) -> Any:
        """Return the targets of the loss for a batch, inside a `tf.data` graph; boxes are padded."""
        return batch["labels"]

    def step_callbacks(self, model: keras.Model, steps: int) -> list[keras.callbacks.Callback]:
        """Return callbacks that change weights after each of the steps of a phase; none by default."""
        return []

    def fit_closed_form(self, given: ClosedFormInput) -> dict[str, Any]:
        """Compute the weights of `closed_form_layer` in one pass; return what a report says about it."""
        raise TypeError(f"{type(self).__name__} has no layer that is computed in closed form")

    @abstractmethod
    def decode(self, outputs: np.ndarray, matrices: Any, examples: Sequence[Any]) -> list[Any]:
        """Decode the outputs for a batch into one result per example.

        Args:
            outputs: (B, ...) float32.
            matrices: (B, 3, 3) float32, original pixels -> network input pixels; None where examples are no images.
            examples: the B examples.
        """

    def attribution_target(
        self, output: np.ndarray, matrix: np.ndarray, example: Any, number: int
    ) -> AttributionTarget | None:
        """Return where in the outputs for one example its `number`-th prediction comes from; None if there are fewer.

        Args:
            output: of one example, without the batch axis.
            matrix: (3, 3) float32, original pixels -> network input pixels.
            example: the example.
            number: 0 is the prediction with the highest confidence.
        """
        return None

    @abstractmethod
    def metrics(self, truth: Any, results: Sequence[Any]) -> dict[str, Any]:
        """Compare results with the labels."""

    def weighted_metrics(self, truth: Any, results: Sequence[Any]) -> WeightedMetrics:
        """Return a function from weights of the examples to metrics.

        By default the primary metrics on examples that are really repeated, which is slow.
        """
        from cityzoo.metrics.weighted import weighted_metrics_by_repetition

        return weighted_metrics_by_repetition(self.metrics, self.primary_metrics, truth, results)

    def metric_slices(self, truth: Any, results: Sequence[Any]) -> dict[str, dict[str, tuple[str, int]]]:
        """Return slices that have metrics of their own: attribute -> slice -> (key in `weighted_metrics`, count)."""
        return {}

    def details(self, truth: Any, results: Sequence[Any]) -> dict[str, Any]:
        """Return what a report says besides the metrics: curves, thresholds, confusion."""
        return {}

    def write_results(self, truth: Any, results: Sequence[Any], folder: Path) -> None:
        """Write the results into files that other programs read."""
        return

    def summarize_predictions(
        self, examples: Any, results: Sequence[Any], report: Mapping[str, Any], score: float | None
    ) -> PredictionSummary:
        """Summarize predictions for examples without labels.

        Args:
            examples: N of them.
            results: one per example.
            report: of the run, with its thresholds; may be empty.
            score: value of --score.
        """
        raise TypeError(f"{type(self).__name__} does not predict unlabeled examples")

    def uncertainty(self, outputs: np.ndarray, results: Sequence[Any]) -> np.ndarray:
        """Return how unsure a model is of each example of a batch, (B,) float64, 0 or more; ones where it cannot say.

        Args:
            outputs: (B, ...) float32, not decoded.
            results: what `decode` makes of them.
        """
        import numpy as np

        return np.ones(len(results))

    def label_scores(self, example: Any, result: Any) -> np.ndarray:
        """Return how surely each label of an example is found, (M,) float64 0..1; (0,): there is no such score."""
        import numpy as np

        return np.zeros(0)

    def confidence(self, results: Sequence[Any]) -> np.ndarray | None:
        """Return how sure each result is, (N,) 0..1; None where results have no single score."""
        return None

    def prelabel(self, results: Sequence[Any], report: Mapping[str, Any], score: float | None) -> list[Any]:
        """Return what a person corrects: for each result `Detections`, or names of classes; nothing by default.

        Args:
            results: N of them.
            report: of the run, with its thresholds; may be empty.
            score: of boxes or classes, from which on they count; None: that of the report.
        """
        return [()] * len(results)

    def calibrate(
        self, model: keras.Model, predict: Callable[[], tuple[Any, np.ndarray]]
    ) -> list[list[float]] | None:
        """Fit what is set on validation data after training, such as conformal widths; None where there is nothing.

        Args:
            model: with the weights of the best epoch; not changed.
            predict: returns the validation examples and the raw outputs for them.
        """
        return None

    def apply_calibration(self, model: keras.Model, fitted: list[list[float]]) -> None:
        """Put what `calibrate` returned into a model."""
        return

    def choose_thresholds(
        self, predict: Callable[[], tuple[Any, np.ndarray]], fitted: list[list[float]] | None
    ) -> Output:
        """Return the output with what is chosen on validation data and is not a part of the model, such as thresholds.

        Args:
            predict: as for `calibrate`.
            fitted: returned by `calibrate`.
        """
        return self

    def headline(self, report: Mapping[str, Any]) -> str:
        """Return a line for the console about a report, besides the primary metrics; "" for none."""
        return ""
