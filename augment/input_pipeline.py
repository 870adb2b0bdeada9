"""Input pipeline: files -> decode -> warp -> batch -> colors -> mix -> prefetch, for any kind of label.

A batch is loaded and warped by one Python call, with threads inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf

from augment.apply_policy import Sample, apply_batch_steps
from augment.decode import Read, read_file
from augment.epoch_order import Rows, sequential_order, sharded
from augment.loader import Loader
from augment.policy import Policy, get_policy
from augment.policy_file import check


def pipeline(
    columns: Mapping[str, Sequence[Any]],
    policy: Policy | str | Sequence[Mapping[str, Any]],
    size_hw: tuple[int, int],
    batch_size: int,
    *,
    rows: Rows | None = None,
    seed: int = 0,
    max_boxes: int | None = None,
    read: Read = read_file,
    unmixed_from: int | None = None,
    shard: tuple[int, int] = (0, 1),
    workers: int | None = None,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Return batches of augmented images; the same seed gives the same images with any number of workers.

    Args:
        columns: lists with one entry per image. `path`: files. Optionally `boxes`: (N, 4) xyxy pixels each, with
            `labels`: (N,) each; or, without boxes, `labels`: a class number, or one number per class; `masks`:
            files of class numbers, one channel, as large as the image, or functions that return such a mask, (H, W, 1)
            uint8. Other columns pass through.
        policy: a name, a policy, a list or a file; see `augment.get_policy`.
        size_hw: height and width of the network's input, pixels.
        batch_size: images per batch, over all hosts.
        rows: order of images and views; default: each once. See `augment.shuffled`.
        seed: seed of the run; an image depends on (seed, row, view) only.
        max_boxes: number of rows that boxes are padded to; default: the maximum per image.
        read: (element of the columns) -> size and decoder of its image; default: `augment.read_file`. Wrap
            it in `augment.DecodedCache` to keep decoded images in memory or on disk.
        unmixed_from: number of the view from which images are not mixed.
        shard: index of this host and number of hosts; each yields its part of every batch. Images then mix
            within their host.
        workers: threads for decoding and warping; default: one per core.
        drop_remainder: whether to drop an incomplete last batch.

    Returns:
        Batches of `images` (B, h, w, 3) uint8 RGB, `matrix` (B, 3, 3) float32 (original -> network input
        pixels), `image_id` (B,) int32 (the row), and as given `bounding_boxes` (`boxes` (B, N, 4) float32,
        `labels` (B, N) int32, padding -1), `labels`, `segmentation_masks` (B, h, w, 1) uint8.

    Raises:
        ValueError: invalid policy, columns of different lengths, or a batch that cannot be split over hosts.

    Example:
        >>> import tempfile
        >>> file = tempfile.NamedTemporaryFile(suffix=".png")
        >>> tf.io.write_file(file.name, tf.io.encode_png(tf.zeros((40, 60, 3), tf.uint8)))
        >>> batches = pipeline({"path": [file.name] * 3, "labels": [0, 1, 0]}, "standard", (32, 32), 2)
        >>> [batch["images"].shape[0] for batch in batches]
        [2, 1]
    """
    policy = get_policy(policy)
    check(policy)
    load = Loader(columns, policy, size_hw, seed=seed, max_boxes=max_boxes, read=read, workers=workers)
    own = batch_size // shard[1]
    chunks = _chunks(sharded(rows or sequential_order(len(load)), batch_size, *shard), own, drop_remainder)
    spec = tf.TensorSpec((own if drop_remainder else None, 2), tf.int32)

    # Two at a time: threads read one batch while the colors of the other are changed.
    batches = tf.data.Dataset.from_generator(chunks, output_signature=spec).map(
        _batch_function(load, policy, unmixed_from), num_parallel_calls=2, deterministic=True
    )
    return batches.prefetch(tf.data.AUTOTUNE)


def load_batch(
    columns: Mapping[str, Sequence[Any]],
    policy: Policy | str | Sequence[Mapping[str, Any]],
    size_hw: tuple[int, int],
    rows: Sequence[tuple[int, int]],
    *,
    seed: int = 0,
    max_boxes: int | None = None,
    read: Read = read_file,
    unmixed_from: int | None = None,
) -> Sample:
    """Return one batch, as `pipeline` yields it, without a graph: tracing one takes longer than a single batch.

    Args:
        columns: as in `pipeline`.
        policy: as in `pipeline`.
        size_hw: as in `pipeline`.
        rows: (image, view) of each image of the batch.
        seed: as in `pipeline`.
        max_boxes: as in `pipeline`.
        read: as in `pipeline`.
        unmixed_from: as in `pipeline`.

    Example:
        >>> import tempfile
        >>> file = tempfile.NamedTemporaryFile(suffix=".png")
        >>> tf.io.write_file(file.name, tf.io.encode_png(tf.zeros((40, 60, 3), tf.uint8)))
        >>> load_batch({"path": [file.name]}, "standard", (32, 32), [(0, 0), (0, 1)])["images"].shape
        TensorShape([2, 32, 32, 3])
    """
    policy = get_policy(policy)
    check(policy)
    load = Loader(columns, policy, size_hw, seed=seed, max_boxes=max_boxes, read=read)
    return _batch_function(load, policy, unmixed_from)(tf.constant(list(rows), tf.int32))


def _batch_function(load: Loader, policy: Policy, unmixed_from: int | None) -> Callable[[tf.Tensor], Sample]:
    unmixed = np.iinfo(np.int32).max if unmixed_from is None else unmixed_from

    @tf.autograph.experimental.do_not_convert  # nothing here needs conversion, and the search takes seconds
    def batch(rows: tf.Tensor) -> Sample:
        whole = {**_loaded(load, rows), "mixes": rows[:, 1] < unmixed}
        return apply_batch_steps(whole, policy, begun=True)

    return batch


def _chunks(rows: Rows, size: int, drop_remainder: bool) -> Callable[[], Iterator[np.ndarray]]:
    def chunks() -> Iterator[np.ndarray]:
        views = rows()
        while chunk := list(islice(views, size)):
            if len(chunk) == size or not drop_remainder:
                yield np.array(chunk, np.int32)

    return chunks


def _loaded(load: Loader, rows: tf.Tensor) -> Sample:
    specs = load.specs
    arrays = tf.numpy_function(load, [rows], [spec.dtype for spec in specs.values()])
    found = {n: tf.ensure_shape(a, s.shape) for a, (n, s) in zip(arrays, specs.items(), strict=True)}
    if "boxes" in found:
        found["bounding_boxes"] = {name: found.pop(name) for name in ("boxes", "labels")}
    return found
