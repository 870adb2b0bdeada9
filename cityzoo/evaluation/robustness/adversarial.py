"""Adversarial attacks on pixels: FGSM and PGD within a few gray levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.evaluation.network_inputs import NetworkInputs

STEPS = 10
ATTACKS = {"FGSM": 1, "PGD": STEPS}  # name: number of gradients
STEP_SHARE = 1 / 4  # size of a step of PGD, as a share of eps
Gradient = Callable[[np.ndarray, Any], tuple[float, np.ndarray]]  # (images, targets) -> loss, its gradient


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
