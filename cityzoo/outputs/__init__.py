"""Kinds of output: what a head's numbers mean, from the training target to the figure in the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cityzoo.metrics.weighted import WeightedMetrics
    from cityzoo.outputs.attribution_target import AttributionTarget
    from cityzoo.report.layout import Layout
    from cityzoo.sample import ImageExample, ImageSet


class PredictionSummary(NamedTuple):
    """Hold what a model saw in images without labels.

    Attributes:
        results: to be drawn, one per image.
        file: name of the JSON file.
        document: what it holds.
        line: says it in a few words.
    """

    results: list[Any]
    file: str
    document: dict[str, Any]
    line: str


class Output(Protocol):
    """Tie a head of `heads/` to data and metrics; a task names its kind, which inherits from this.

    A kind is a frozen dataclass, made from the class names. Fields declared by `cli.flag` are flags of train.py.

    Attributes:
        class_names: what labels point to.
        headline: figures of `metrics` that are said first, in this order.
        lower: those of them that are better when lower.
        fit: how an image comes to the network's input: "letterbox" keeps its shape, "stretch" fills it.
        result: the type of `results`, a dataclass or a named tuple; None: plain arrays.
        draws: resamples of the images that intervals are made of; 1,000 where `weighed` is fast.
        class_figures: figures of `per_class` by which a class is said to have got worse.
        solved: name of the layer that `solve` can compute instead of training it; "" where there is none.
        trains: whether gradients can train the head at all.
        learns_unlabelled: whether images without labels can take part, by `heads.fixmatch`.
        explained: whether `asked` knows where answers come from; else they explain themselves, as a density map does.
    """

    class_names: tuple[str, ...]
    primary_metrics: ClassVar[tuple[str, ...]]
    lower_is_better: ClassVar[tuple[str, ...]] = ()
    resize_mode: ClassVar[str] = "letterbox"
    result_type: ClassVar[type | None] = None
    bootstrap_samples: ClassVar[int] = 200
    per_class_metrics: ClassVar[tuple[str, ...]] = ()
    closed_form_layer: ClassVar[str] = ""
    trainable: ClassVar[bool] = True
    supports_unlabelled: ClassVar[bool] = False
    supports_attribution: ClassVar[bool] = False

    def with_train_statistics(self, train: ImageSet) -> Output:
        """Return the kind as training on these images wants it: weights of rare classes, say.

        Raises:
            InputError: nothing can be learned from them.
        """
        return self

    def restore(self, report: dict[str, Any]) -> Output:
        """Return the kind with what it knew of its training images, from the run's report, which may be empty."""
        return self

    def label_columns(self, images: Sequence[ImageExample]) -> dict[str, Sequence[Any]]:
        """Return what `augment.input_pipeline` moves along with images: boxes, labels, masks.

        By default their targets; zeros where nothing is known, as of images to predict.
        """
        unknown = [0.0] * len(self.class_names)
        return {"labels": [unknown if p.target is None else p.target.tolist() for p in images]}

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Put the head on a backbone's levels."""

    def loss(self, size_hw: tuple[int, int]) -> keras.losses.Loss:
        """Return the loss for inputs of that size."""

    def make_targets(self, batch: dict[str, Any]) -> Any:
        """Return what the loss compares with a batch's outputs, inside a `tf.data` graph; boxes are padded."""
        return batch["labels"]

    def fit_closed_form(
        self,
        layer: keras.layers.Layer,
        inputs: np.ndarray,
        targets: np.ndarray,
        groups: np.ndarray,
        seed: int,
    ) -> dict[str, Any]:
        """Compute the weights of the layer `solved` in one pass; return what a report says of it.

        Args:
            layer: the layer of that name.
            inputs: (N, ...) float16, what comes to it for each view of each image; may lie on disk.
            targets: (N, ...) float32, as `target` makes them.
            groups: (N,) int, rows of a group are alike: frames of a scene, views of an image.
            seed: of the run.
        """

    def decode(self, outputs: np.ndarray, matrices: np.ndarray, images: Sequence[ImageExample]) -> list[Any]:
        """Turn the outputs for a batch into results in the original images' pixels."""

    def attribution_target(
        self, output: np.ndarray, matrix: np.ndarray, image: ImageExample, number: int
    ) -> AttributionTarget | None:
        """Return where in the outputs for one image its `number`-th answer comes from; None: not so many answers.

        Args:
            output: of one image, without the axis of the batch.
            matrix: (3, 3) float32, original pixels -> pixels of the network's input.
            image: that image.
            number: 0 is the surest answer.
        """

    def draw(self, image: np.ndarray, truth: ImageExample | None, result: Any) -> np.ndarray:
        """Return the upright image, (H, W, 3) uint8 RGB, with a result and, if they are known, its labels."""

    def draw_target(self, image: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return an augmented image, (h, w, 3) uint8 RGB, with what the loss will want of it drawn on it."""

    def metrics(self, truth: ImageSet, results: Sequence[Any]) -> dict[str, Any]:
        """Judge results against the labels."""

    def weighted_metrics(self, truth: ImageSet, results: Sequence[Any]) -> WeightedMetrics:
        """Return what gives the figures when some images count more often than others, or not at all.

        By default the headline of `metrics` on images that are really repeated, which is slow.
        """
        from cityzoo.metrics.weighted import weighted_metrics_by_repetition

        return weighted_metrics_by_repetition(self.metrics, self.primary_metrics, truth, results)

    def size_slices(self, truth: ImageSet) -> dict[str, tuple[str, int]]:
        """Return, where objects of a size are judged apart, slice -> (its figure in `weighed`, its objects)."""
        return {}

    def write_details(self, truth: ImageSet, results: Sequence[Any], folder: Path) -> dict[str, Any]:
        """Write the results and telling images into a folder; return what else a report says of them."""

    def layout(self, report: dict[str, Any]) -> Layout:
        """Return what the page of a report shows of this kind's figures."""

    def summarize_predictions(
        self, images: ImageSet, results: Sequence[Any], report: dict[str, Any], score: float | None
    ) -> PredictionSummary:
        """Say what a model sees in images without labels.

        Args:
            images: what it looked at.
            results: one per image.
            report: of the run, with its thresholds; may be empty.
            score: what --score says, or None.
        """
