"""Changes of images that cityzoo's own corruptions do not have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def unseen_corruptions() -> dict[str, Callable[[np.ndarray, int], np.ndarray]]:
    """Return ten changes at three strengths that cityzoo's own corruptions do not have."""
    import cv2

    def defocus(x: np.ndarray, k: int) -> np.ndarray:
        radius = (3, 5, 8)[k]
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius - 1, 2 * radius - 1)).astype(float)
        return cv2.filter2D(x, -1, disk / disk.sum())

    def pixelate(x: np.ndarray, k: int) -> np.ndarray:
        small = cv2.resize(
            x, None, fx=(0.5, 0.33, 0.22)[k], fy=(0.5, 0.33, 0.22)[k], interpolation=cv2.INTER_AREA
        )
        return cv2.resize(small, x.shape[1::-1], interpolation=cv2.INTER_LINEAR)

    def salt(x: np.ndarray, k: int) -> np.ndarray:
        share, noise = (0.01, 0.04, 0.1)[k], np.random.default_rng(1).random((*x.shape[:2], 1))
        return np.where(noise < share / 2, 0, np.where(noise > 1 - share / 2, 255, x))

    def bars(x: np.ndarray, k: int) -> np.ndarray:
        changed, count, half = x.copy(), (3, 6, 10)[k], (3, 5, 7)[k]
        for place in range(count):
            middle = int((place + 0.5) * x.shape[1] / count)
            changed[:, middle - half : middle + half] = 60
        return changed

    def sun(x: np.ndarray, k: int) -> np.ndarray:
        height, width = x.shape[:2]
        y, column = np.mgrid[:height, :width]
        far = np.hypot(y - 0.3 * height, column - 0.6 * width) / width
        return x + (120, 220, 320)[k] * np.exp(-((far / 0.25) ** 2))[..., None]

    tints = ((1.2, 1, 0.8), (1.35, 1, 0.6), (1.5, 0.95, 0.4))
    return {
        "defocus": defocus,
        "pixelate": pixelate,
        "salt": salt,
        "bars": bars,
        "sun": sun,
        "contrast": lambda x, k: (x - x.mean()) * (0.6, 0.35, 0.2)[k] + x.mean(),
        "overexposed": lambda x, k: x * (1.3, 1.7, 2.2)[k] + (10, 30, 50)[k],
        "dark": lambda x, k: 255 * (x / 255) ** (1.8, 2.8, 4)[k],
        "tint": lambda x, k: x * np.array(tints[k]),
        "gray": lambda x, k: x + (0.4, 0.7, 1.0)[k] * (x.mean(axis=-1, keepdims=True) - x),
    }
