"""Contenders inside this process: TensorFlow alone, the package `augment`, and Keras' layers.

Each is a function from a job to an endless `tf.data.Dataset` of batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

import augment
from augment import Policy, Step
from benchmarks.jpeg_files import Job

Make = Callable[[Job], tf.data.Dataset]
ENDLESS = 1_000_000  # views of each image
GEOMETRY = Policy(
    "geometry",
    (
        Step("crop", {"side": (0.5, 1.0)}),
        Step("flip", {}, 0.5),
        Step("rotate", {"degrees": (-10.0, 10.0)}),
        Step("scale", {"factor": (0.7, 1.2)}),
        Step("translate", {"x": (-0.1, 0.1), "y": (-0.1, 0.1)}),
    ),
)


def limit_threads(cores: int) -> None:
    """Let TensorFlow use so many threads; before its first operation."""
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)


def stream(dataset: tf.data.Dataset, cores: int) -> Iterator[int]:
    """Yield the number of images of each batch."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = cores
    for batch in dataset.with_options(options):
        yield int((batch["images"] if isinstance(batch, dict) else batch).shape[0])


def ours(policy: Policy | str) -> Make:
    """Return the contender `augment.input_pipeline`: boxes move along; stretched, so that no grey bars save work."""

    def batches(job: Job) -> tf.data.Dataset:
        labels = [[0] * len(boxes) for boxes in job.boxes]
        return augment.pipeline(
            {"path": job.paths, "boxes": job.boxes, "labels": labels},
            augment.get_policy(policy, fit="stretch"),
            job.size_hw,
            job.batch_size,
            rows=augment.sequential_order(len(job.paths), ENDLESS),
        )

    return batches


def _images(job: Job, finish: Callable[[tf.Tensor], tf.Tensor]) -> tf.data.Dataset:
    def one(path: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return finish(tf.ensure_shape(image, (*job.image_hw, 3)))

    paths = tf.data.Dataset.from_tensor_slices(list(job.paths)).repeat()
    return paths.map(one, num_parallel_calls=job.cores).batch(job.batch_size)


def decode(job: Job) -> tf.data.Dataset:
    """Decode; one pixel goes on, so that copying large images into batches costs nothing."""
    return _images(job, lambda image: image[0, 0]).prefetch(2)


def decode_resize(job: Job, antialias: bool = False) -> tf.data.Dataset:
    """Decode, and resize to the network's input as most people write it."""
    resized = _images(job, lambda image: tf.image.resize(image, job.size_hw, antialias=antialias))
    return resized.prefetch(2)


def decode_resize_antialias(job: Job) -> tf.data.Dataset:
    """Decode, and resize without the aliasing that bilinear interpolation has where it shrinks."""
    return decode_resize(job, antialias=True)


def _keras_geometry(crop_hw: tuple[int, int]) -> list[Any]:
    # The crop first: the layers after it then have fewer pixels to move.
    return [
        keras.layers.RandomCrop(*crop_hw),
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(10 / 360, fill_mode="constant"),
        keras.layers.RandomZoom((-0.17, 0.43), fill_mode="constant"),
    ]


def _keras_six(crop_hw: tuple[int, int]) -> list[Any]:
    colours = [keras.layers.RandomBrightness(0.15), keras.layers.RandomContrast(0.3)]
    return [*_keras_geometry(crop_hw), *colours]


def _keras_standard(crop_hw: tuple[int, int]) -> list[Any]:
    # What our policy `standard` does, as far as Keras has it: there is no gamma.
    return [
        *_keras_geometry(crop_hw),
        keras.layers.RandomShear(0.05, 0.05, fill_mode="constant"),
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
        keras.layers.RandomBrightness(0.15),
        keras.layers.RandomContrast(0.3),
        keras.layers.RandomSaturation((0.25, 0.75)),
        keras.layers.RandomHue(0.08),
        keras.layers.RandomGrayscale(0.05),
        keras.layers.Rescaling(1 / 255),  # GaussianNoise takes no deviation above 1
        keras.layers.GaussianNoise(0.02),
    ]


Layers = Callable[[tuple[int, int]], list[Any]]


def _chain(layers: list[Any]) -> Callable[[tf.Tensor], tf.Tensor]:
    def augmented(images: tf.Tensor) -> tf.Tensor:
        for layer in layers:
            images = layer(images, training=True)
        return images

    return augmented


def _resize_larger(job: Job) -> Callable[[tf.Tensor], tf.Tensor]:
    # RandomCrop needs room: an eighth more than the network's input.
    return lambda image: tf.image.resize(image, [side * 9 // 8 for side in job.size_hw])


def _keras_by_batch(layers: Layers) -> Make:
    def batches(job: Job) -> tf.data.Dataset:
        chain, resized = _chain(layers(job.size_hw)), _images(job, _resize_larger(job))
        return resized.map(chain, num_parallel_calls=job.cores).prefetch(2)

    return batches


def _keras_by_image(layers: Layers) -> Make:
    def batches(job: Job) -> tf.data.Dataset:
        chain, resize = _chain(layers(job.size_hw)), _resize_larger(job)
        return _images(job, lambda image: chain(resize(image))).prefetch(2)

    return batches


def keras_full(job: Job) -> tf.data.Dataset:
    """Move the decoded image and resize it last: as sharp as ours where a crop enlarges."""
    crop_hw = tuple(side * 8 // 9 for side in job.image_hw)
    chain = _chain([*_keras_geometry(crop_hw), keras.layers.Resizing(*job.size_hw)])
    return _images(job, lambda image: chain(tf.cast(image, tf.float32))).prefetch(2)


def keras_chain(job: Job) -> tf.data.Dataset:
    """Apply the layers to the decoded image one after the other; the crop brings it to the input's size."""
    crop, flip, rotation, zoom, *colours = _keras_six(job.size_hw)
    chain = _chain([rotation, zoom, crop, flip, *colours])
    return _images(job, lambda image: chain(tf.cast(image, tf.float32))).prefetch(2)


CONTENDERS: dict[str, Make] = {
    "decode": decode,
    "decode_resize": decode_resize,
    "decode_resize_antialias": decode_resize_antialias,
    "none": ours("none"),
    "geometry": ours(GEOMETRY),
    "standard": ours("standard"),
    "keras_geometry_by_batch": _keras_by_batch(_keras_geometry),
    "keras_geometry_by_image": _keras_by_image(_keras_geometry),
    "keras_geometry_full": keras_full,
    "keras_chain": keras_chain,
    "keras_six_by_batch": _keras_by_batch(_keras_six),
    "keras_six_by_image": _keras_by_image(_keras_six),
    "keras_standard_by_batch": _keras_by_batch(_keras_standard),
    "keras_standard_by_image": _keras_by_image(_keras_standard),
}
