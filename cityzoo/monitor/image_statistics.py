"""What can go wrong with a camera, in four numbers of an image."""

from __future__ import annotations

import numpy as np

LONG_SIDE = 320  # images are measured at this size: blur depends on it


def measure_image(image: np.ndarray) -> dict[str, float]:
    """Return brightness, blur, saturation and warmth of an image, measured at 320 pixels.

    Blur is the variance of the Laplacian, high for sharp images (Pech-Pacheco et al., "Diatom autofocusing in
    brightfield microscopy", ICPR 2000); saturation is the mean of max - min of the channels, warmth that of red - blue.

    Args:
        image: (H, W, 3) uint8, RGB.

    Example:
        >>> found = measure_image(np.full((8, 8, 3), [200, 100, 100], np.uint8))
        >>> found["blur"], found["saturation"], found["warmth"]
        (0.0, 100.0, 100.0)
    """
    import cv2

    scale = LONG_SIDE / max(image.shape[:2])
    if scale < 1:
        size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    red, green, blue = cv2.split(image)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return {
        "brightness": float(gray.mean()),
        "blur": float(cv2.Laplacian(gray, cv2.CV_32F).var()),
        "saturation": float(spread.mean()),
        "warmth": float(red.mean()) - float(blue.mean()),
    }
