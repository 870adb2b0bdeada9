"""Conditions of a robustness test: corruptions of street cameras (transforms of augment/), and attacks (FGSM, PGD)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
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
STEPS = 10
ATTACKS = {"FGSM": 1, "PGD": STEPS}  # name: number of gradients
STEP_SHARE = 1 / 4  # size of a step of PGD, as a share of eps
Gradient = Callable[[np.ndarray, Any], tuple[float, np.ndarray]]  # (images, targets) -> loss, its gradient


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


def attack_batches(
    inputs: NetworkInputs, gradient: Gradient, name: str, eps_levels: float, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield attacked images in batches; padding stays unchanged.

    Args:
        inputs: the images with their targets.
        gradient: as `cityzoo.backend.gradient` returns it.
        name: a member of `ATTACKS`.
        eps_levels: gray levels that a pixel may change, 1..255.
        seed: of PGD's random starts.

    Yields:
        images (B, h, w, 3) float32, whole numbers 0..255, and their (B, 3, 3) matrices.
    """
    for part in inputs.parts:
        given = gradient, inputs.images[part], inputs.targets[part], eps_levels, inputs.inside[part]
        images = fgsm(*given) if name == "FGSM" else pgd(*given, seed=(seed, part.start))
        yield images, inputs.matrices[part]


def fgsm(
    gradient: Gradient, images: np.ndarray, targets: Any, eps_levels: float, inside: np.ndarray | None = None
) -> np.ndarray:
    """Return images one step of `eps_levels` up the loss, by the fast gradient sign method.

    Goodfellow et al. 2015, "Explaining and Harnessing Adversarial Examples" (arXiv 1412.6572).

    Args:
        gradient: as `cityzoo.backend.gradient` returns it.
        images: (B, h, w, 3), whole numbers 0..255.
        targets: (B, ...) for the loss.
        eps_levels: gray levels that a pixel may change, 1..255, rounded down to a whole number.
        inside: (B, h, w, 1) bool, pixels that may change; None: all.

    Returns:
        (B, h, w, 3) float32, whole numbers 0..255.
    """
    clean = np.asarray(images, np.float32)
    change = eps_levels * np.sign(gradient(clean, targets)[1])
    return _image(clean, change, eps_levels, inside)


def pgd(
    gradient: Gradient,
    images: np.ndarray,
    targets: Any,
    eps_levels: float,
    inside: np.ndarray | None = None,
    seed: Any = 0,
    steps: int = STEPS,
) -> np.ndarray:
    """Return images up the loss by projected gradient descent from a random start, within `eps_levels`.

    Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks" (arXiv 1706.06083), in the
    L-infinity ball; a step is eps / 4 times the gradient's sign.

    Args:
        gradient, images, targets, eps_levels, inside: as those of `fgsm`.
        seed: of the random start.
        steps: number of steps.
    """
    clean, eps = np.asarray(images, np.float32), np.float32(eps_levels)
    lowest, highest = np.maximum(clean - eps, 0), np.minimum(clean + eps, 255)
    start = np.random.default_rng(seed).uniform(-eps, eps, clean.shape).astype(np.float32)
    free = 1.0 if inside is None else inside
    now = np.clip(clean + free * start, lowest, highest)
    for _ in range(steps):
        step = np.float32(STEP_SHARE * eps) * np.sign(gradient(now, targets)[1])
        now = np.clip(now + free * step, lowest, highest)
    return _image(clean, now - clean, eps_levels, inside)


def check_eps(levels: float) -> None:
    """Raise InputError for less than 1 or more than 255 gray levels."""
    if not 1 <= levels <= 255:
        raise InputError(f"attack strength of {levels:g} gray levels: give 1 to 255, e.g. 4")


def _image(clean: np.ndarray, change: np.ndarray, eps_levels: float, inside: np.ndarray | None) -> np.ndarray:
    # An image has whole gray levels: rounded without leaving the ball.
    most = np.floor(eps_levels)
    whole = np.clip(np.rint(change), -most, most) * (1 if inside is None else inside)
    return np.clip(clean + whole, 0, 255).astype(np.float32)
