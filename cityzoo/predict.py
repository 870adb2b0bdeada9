"""Run a model over images, in batches, as they come from disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.backend import compiled
from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.outputs import Output
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    import keras

TOKENS = 16  # of a text in a speed measurement: a short question
LEAST_RUNS, MOST_RUNS, MEASURED_SECONDS = 3, 20, 1.0  # of a speed measurement
TURNS, TURNS_SECONDS = (8, 60), 3.0  # least and most turns; after this time no more than the least


def predict_views(
    model: keras.Model,
    views: AugmentedViews,
    batch_size: int,
    mirrored: bool = False,
    progress: Callable[[int], object] | None = None,
) -> list[Any]:
    """Return the results of a model for every image of a set, in the set's order.

    Args:
        model: images (batch, h, w, 3) float32 RGB 0..255 -> what the kind understands.
        views: the images, and how they come to the network.
        batch_size: images at a time.
        mirrored: see `predict_batches`.
        progress: called with the number of images of each batch.
    """
    import tensorflow as tf

    def pairs() -> Iterator[tuple[Any, np.ndarray]]:
        for images, _, matrices in views.batches(sequential_order(len(views.examples)), batch_size):
            yield tf.cast(images, tf.float32), matrices.numpy()
            if progress:
                progress(len(images))

    return predict_batches(model, pairs(), views, mirrored)


def predict_batches(
    model: keras.Model, batches: Any, views: AugmentedViews, mirrored: bool = False
) -> list[Any]:
    """Return the results for batches of (inputs, matrices), in order.

    Args:
        model: inputs -> what the kind understands.
        batches: inputs, images or features behind a cut, and (B, 3, 3) matrices.
        views: the images.
        mirrored: whether outputs are the mean over each image and its mirror image; inputs are images then.
    """
    run = compiled(model)
    results: list[Any] = []
    for inputs, matrices in batches:
        images = views.examples.examples[len(results) : len(results) + len(matrices)]
        outputs = run(inputs)
        outputs = (outputs + run(inputs[:, :, ::-1])) / 2 if mirrored else outputs
        results += views.output.decode(outputs, matrices, images)
    return results


def predict_all(model: keras.Model, images: ImageSet, output: Output, batch_size: int = 16) -> list[Any]:
    """Return the results of a whole, loaded model for a set of images of any size, with a bar of progress."""
    from keras.utils import Progbar

    size_hw = tuple(model.inputs[0].shape[1:3])
    rows = max(1, *(len(image.labels) for image in images.examples), 1)
    views = AugmentedViews(images, output, "none", size_hw, rows, seed=0)
    mirrored = getattr(output, "flips", False)
    return predict_views(model, views, batch_size, mirrored, Progbar(len(images), unit_name="image").add)


def measure_latency(model: keras.Model, batch_size: int = 8) -> dict[str, float]:
    """Measure a model on noise: milliseconds for one example, examples per second in batches.

    Args:
        model: the whole model.
        batch_size: examples in a batch.
    """
    run = compiled(model)
    one, many = (_median_seconds(run, make_noise(model, count)) for count in (1, batch_size))
    return {"latency_ms_batch_1": round(one * 1000, 2), "images_per_second": round(batch_size / many, 1)}


def shortest_milliseconds(models: Sequence[keras.Model]) -> list[float]:
    """Return the shortest time of one example in each model, measured in turn."""
    runs = [(compiled(model), make_noise(model)) for model in models]
    for run, inputs in runs:
        run(inputs)  # the first call compiles
    seconds: list[list[float]] = [[] for _ in runs]
    started = time.perf_counter()
    while len(seconds[0]) < TURNS[0] or (
        len(seconds[0]) < TURNS[1] and time.perf_counter() - started < TURNS_SECONDS
    ):
        for (run, inputs), own in zip(runs, seconds, strict=True):
            start = time.perf_counter()
            run(inputs)
            own.append(time.perf_counter() - start)
    return [min(own) * 1000 for own in seconds]


def make_noise(model: keras.Model, count: int = 1) -> Any:
    """Return random inputs of a model, in the structure of its own."""
    import keras

    rng = np.random.default_rng(0)

    def fill(tensor: Any) -> np.ndarray:
        shape = (count, *(TOKENS if side is None else side for side in tensor.shape[1:]))
        values = rng.uniform(0, 255, shape) if "float" in str(tensor.dtype) else np.ones(shape)
        return values.astype(str(tensor.dtype))

    return keras.tree.map_structure(fill, model.input)


def _median_seconds(run: Any, inputs: Any) -> float:
    seconds: list[float] = []
    run(inputs)  # the first call compiles
    while len(seconds) < LEAST_RUNS or (len(seconds) < MOST_RUNS and sum(seconds) < MEASURED_SECONDS):
        start = time.perf_counter()
        run(inputs)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))
