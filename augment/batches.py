"""Files -> decode -> warp -> batch -> colours -> mix -> prefetch: one call, for any kind of label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from augment.policy import Policy, get_policy
from augment.policy_file import check
from augment.rows import Rows, in_order, sharded
from augment.sample import Sample, finished, pad_boxes, warped
from augment.source import Read, read_file


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
    """Return batches of augmented pictures: same seed, same pictures, however many workers there are.

    Args:
        columns: lists as long as there are pictures. `path`: files. Optionally `boxes`: (N, 4) xyxy pixels
            each, with `labels`: (N,) each; or, without boxes, `labels`: a class number, or a row of one for
            each class; `masks`: files of class numbers, one channel, as large as the picture. Any other column
            goes through as it is.
        policy: a name, a policy, a list or a file; see `augment.get_policy`.
        size_hw: height and width of the network's input, pixels.
        batch_size: pictures in a batch, over all hosts.
        rows: which picture comes when, in which view; default: each once. See `augment.shuffled`.
        seed: of the run; a picture draws from (seed, row, view) alone.
        max_boxes: rows that boxes are padded to; default: those of the fullest picture.
        read: (element of the columns) -> size and decoder of its picture; default: `augment.read_file`. Wrapped
            in `augment.Kept`, decoded pictures stay in memory or on disk.
        unmixed_from: number of the view from which pictures take nothing from their neighbours.
        shard: number of this host and of all hosts; each yields its part of every batch. Pictures then mix
            with neighbours on their own host.
        workers: threads that decode and warp; default: as many as help.
        drop_remainder: whether a last batch that is not full is left out.

    Returns:
        Batches of `images` (B, h, w, 3) uint8 RGB, `matrix` (B, 3, 3) float32 (original -> network input
        pixels), `image_id` (B,) int32 (the row), and as given `bounding_boxes` (`boxes` (B, N, 4) float32,
        `labels` (B, N) int32, padding -1), `labels`, `segmentation_masks` (B, h, w, 1) uint8.

    Raises:
        ValueError: not a policy, columns of different lengths, or a batch that hosts cannot share.

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
    table = _table(columns)
    count = len(columns["path"])
    max_boxes = max_boxes or max([1, *map(len, columns.get("boxes", ()))])
    rows = sharded(rows or in_order(count), batch_size, *shard)
    parallel = workers or tf.data.AUTOTUNE

    def one(row: tf.Tensor) -> Sample:
        sample = _element(table, row[0])
        sample["picture_hw"], decode = read(dict(sample))
        own_seed = tf.random.experimental.stateless_fold_in(tf.stack([seed, row[0]]), row[1])
        moved = warped(sample, policy, size_hw, own_seed, decode)
        moved.pop("path")
        moved["mixes"] = row[1] < (np.iinfo(np.int32).max if unmixed_from is None else unmixed_from)
        return pad_boxes(moved, max_boxes)

    source = tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec((2,), tf.int32))
    batches = source.map(one, num_parallel_calls=parallel, deterministic=True).batch(
        batch_size // shard[1], drop_remainder=drop_remainder
    )
    batches = batches.map(lambda b: finished(b, policy), num_parallel_calls=parallel, deterministic=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def _table(columns: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    lengths = {name: len(column) for name, column in columns.items()}
    if "path" not in lengths or len(set(lengths.values())) != 1:
        raise ValueError(f"columns have the lengths {lengths}: give a 'path' column, and all of one length")
    table = {name: tf.constant(column) for name, column in columns.items() if name not in ("boxes", "labels")}
    if "boxes" in columns:
        table["boxes"] = _joined(columns["boxes"], np.float32, (4,))
        table["labels"] = _joined(columns["labels"], np.int32, ())
        table["ends"] = tf.constant(np.cumsum([0, *map(len, columns["boxes"])]), tf.int32)
    elif "labels" in columns:
        table["labels"] = tf.constant(columns["labels"])
    return table


def _joined(column: Sequence[Any], dtype: type, shape: tuple[int, ...]) -> tf.Tensor:
    # One after the other: slicing takes a tenth of the operations that a RaggedTensor does.
    return tf.constant(
        np.concatenate(
            [np.zeros((0, *shape), dtype), *(np.asarray(part, dtype).reshape(-1, *shape) for part in column)]
        )
    )


def _element(table: dict[str, Any], row: tf.Tensor) -> Sample:
    joined = ("boxes", "labels", "ends") if "boxes" in table else ()
    sample = {name: column[row] for name, column in table.items() if name not in joined}
    sample["image_id"] = row
    if joined:
        first, end = table["ends"][row], table["ends"][row + 1]
        sample["bounding_boxes"] = {name: table[name][first:end] for name in ("boxes", "labels")}
    if "masks" in sample:
        mask = tf.io.decode_image(tf.io.read_file(sample.pop("masks")), channels=1, expand_animations=False)
        sample["segmentation_masks"] = tf.ensure_shape(mask, (None, None, 1))
    return sample
