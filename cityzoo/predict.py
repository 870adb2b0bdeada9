"""Run a model over pictures, in batches, as they come from disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.backend import compiled
from cityzoo.kinds import Kind
from cityzoo.sample import PictureSet
from cityzoo.views import Views, in_order

if TYPE_CHECKING:
    import keras

LEAST_RUNS, MOST_RUNS, MEASURED_SECONDS = 3, 20, 3.0  # of a speed measurement


def over_views(
    model: keras.Model,
    views: Views,
    batch_size: int,
    mirrored: bool = False,
    progress: Callable[[int], object] | None = None,
) -> list[Any]:
    """Return the results of a model for every picture of a set, in the set's order.

    Args:
        model: images (batch, h, w, 3) float32 RGB 0..255 -> what the kind understands.
        views: the pictures, and how they come to the network.
        batch_size: pictures at a time.
        mirrored: see `over_batches`.
        progress: called with the number of pictures of each batch.
    """
    import tensorflow as tf

    def pairs() -> Iterator[tuple[Any, np.ndarray]]:
        for images, _, matrices in views.batches(in_order(len(views.pictures)), batch_size):
            yield tf.cast(images, tf.float32), matrices.numpy()
            if progress:
                progress(len(images))

    return over_batches(model, pairs(), views, mirrored)


def over_batches(model: keras.Model, batches: Any, views: Views, mirrored: bool = False) -> list[Any]:
    """Return the results for batches of (inputs, matrices), in order.

    Args:
        model: inputs -> what the kind understands.
        batches: inputs, pictures or features behind a cut, and (B, 3, 3) matrices.
        views: the pictures.
        mirrored: whether outputs are the mean over each picture and its mirror image; inputs are pictures then.
    """
    run, results = compiled(model), []
    for inputs, matrices in batches:
        pictures = views.pictures.pictures[len(results) : len(results) + len(matrices)]
        outputs = run(inputs)
        outputs = (outputs + run(inputs[:, :, ::-1])) / 2 if mirrored else outputs
        results += views.kind.results(outputs, matrices, pictures)
    return results


def all_of(model: keras.Model, pictures: PictureSet, kind: Kind, batch_size: int = 16) -> list[Any]:
    """Return the results of a whole, loaded model for a set of pictures of any size, with a bar of progress."""
    from keras.utils import Progbar

    size_hw = tuple(model.inputs[0].shape[1:3])
    rows = max(1, *(len(picture.labels) for picture in pictures.pictures), 1)
    views = Views(pictures, kind, "none", size_hw, rows, seed=0)
    mirrored = getattr(kind, "flips", "no") == "yes"
    return over_views(model, views, batch_size, mirrored, Progbar(len(pictures), unit_name="picture").add)


def speed(model: keras.Model, batch_size: int = 8) -> dict[str, float]:
    """Measure a model on pictures of noise: milliseconds for one picture, pictures a second in batches.

    Args:
        model: the whole model.
        batch_size: pictures in a batch.
    """
    run, shape = compiled(model), model.inputs[0].shape[1:]
    noise = np.random.default_rng(0).uniform(0, 255, (batch_size, *shape)).astype(np.float32)
    one, many = _median_seconds(run, noise[:1]), _median_seconds(run, noise)
    return {"latency_ms_batch_1": round(one * 1000, 2), "images_per_second": round(batch_size / many, 1)}


def _median_seconds(run: Any, images: np.ndarray) -> float:
    seconds: list[float] = []
    run(images)  # the first call compiles
    while len(seconds) < LEAST_RUNS or (len(seconds) < MOST_RUNS and sum(seconds) < MEASURED_SECONDS):
        start = time.perf_counter()
        run(images)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))
