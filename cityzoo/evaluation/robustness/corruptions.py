"""Corruptions of street cameras: transforms of augment/ at given strengths, at the network's input size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.evaluation.network_inputs import NetworkInputs

if TYPE_CHECKING:
    import tensorflow as tf

    from augment.registry import Transform

# Name in reports -> name in `augment.TRANSFORMS`.
CORRUPTIONS = {
    "fog": "fog",
    "rain": "rain",
    "snow": "snow",
    "night": "night",
    "motion blur": "motion_blur",
    "JPEG": "jpeg",
    "noise": "noise",
    "lens dirt": "dirt",
    "glare": "glare",
}
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)  # of each transform's own scale
FREE = 211  # branch of the seeds for values that do not depend on strength, such as a direction


def corrupt_batches(
    inputs: NetworkInputs, corruption: str, strengths: Sequence[float] = STRENGTHS
) -> Iterator[tuple[tf.Tensor, np.ndarray]]:
    """Yield corrupted images in batches, all images for each strength in turn.

    Random values (positions of drops, direction of shake) are the same for an image at all strengths. Padding stays
    unchanged.

    Args:
        inputs: N images.
        corruption: a key of `CORRUPTIONS`.
        strengths: 0..1 each; at 1 a person can still recognize the scene.

    Yields:
        images (B, h, w, 3) float32, whole numbers 0..255, and their (B, 3, 3) matrices, for each strength the
        parts of `inputs`.
    """
    import tensorflow as tf

    from augment.registry import load_transforms

    transform = load_transforms()[CORRUPTIONS[corruption]]
    images, inside, seeds = map(tf.constant, (inputs.images, inputs.inside, inputs.seeds))
    steps = [(part, strength) for strength in strengths for part in inputs.parts]

    def changed(start: tf.Tensor, stop: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        own = slice(start, stop)
        before = tf.cast(images[own], tf.float32)
        after = tf.clip_by_value(_apply(transform, before, strength, seeds[own]), 0.0, 255.0)
        return tf.where(inside[own], tf.floor(after + 0.5), before)

    starts, stops, levels = zip(*((part.start, part.stop, strength) for part, strength in steps), strict=True)
    batches = tf.data.Dataset.from_tensor_slices(
        (np.array(starts, np.int32), np.array(stops, np.int32), np.array(levels, np.float32))
    )
    batches = batches.map(changed, num_parallel_calls=2, deterministic=True).prefetch(2)
    for (part, _), batch in zip(steps, batches, strict=True):
        yield batch, inputs.matrices[part]


def _apply(transform: Transform, images: tf.Tensor, strength: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    import tensorflow as tf

    from augment.random_fields import branch, uniform
    from augment.registry import at_strength

    values: dict[str, Any] = at_strength(transform, tf.fill((tf.shape(images)[0],), strength))
    for number, (name, value) in enumerate(transform.values.items()):
        if value.neutral == value.full:
            sample = uniform(branch(seeds, FREE + number), ())
            values[name] = value.low + (value.high - value.low) * sample
    return transform.function(images, **values, **({"seeds": seeds} if transform.seeded else {}))
