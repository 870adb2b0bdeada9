"""A map of warm colours over an image."""

from __future__ import annotations

import cv2
import numpy as np

COLOURS = cv2.COLORMAP_INFERNO
MOST = 0.65  # share of the colour where the map is at its highest


def resize_heatmap(
    values: np.ndarray, corners: tuple[float, float, float, float], size_hw: tuple[int, int]
) -> np.ndarray:
    """Return a coarse map at the size of its image, interpolated.

    Args:
        values: (h, w) float.
        corners: where the map's corners lie in the image: x1, y1, x2, y2 pixels, possibly outside of it.
        size_hw: height and width of the image, pixels.

    Returns:
        (H, W) float32.

    Example:
        >>> resize_heatmap(np.array([[0.0, 8.0]]), (0, 0, 4, 2), (2, 4)).tolist()[0]
        [0.0, 2.0, 6.0, 8.0]
    """
    (x1, y1, x2, y2), (height, width) = corners, values.shape
    scale_x, scale_y = (x2 - x1) / width, (y2 - y1) / height
    # Middles of pixels lie at halves, in the image and in the map.
    matrix = np.array([[scale_x, 0, x1 + scale_x / 2 - 0.5], [0, scale_y, y1 + scale_y / 2 - 0.5]])
    return cv2.warpAffine(
        np.asarray(values, np.float32),
        matrix,
        size_hw[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def overlay_heatmap(
    image: np.ndarray,
    values: np.ndarray,
    corners: tuple[float, float, float, float],
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """Lay a map over an image: where it is high the image glows, where it is low the image stays.

    Args:
        image: (H, W, 3) uint8 RGB.
        values: (h, w) float.
        corners: as `resize_heatmap` takes them.
        limits: values that show nothing and most; None: 0 and the map's highest.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    low, high = limits or (0.0, float(np.max(values, initial=0.0)))
    share = np.clip((resize_heatmap(values, corners, image.shape[:2]) - low) / max(high - low, 1e-9), 0, 1)
    colour = cv2.applyColorMap((share * 255).astype(np.uint8), COLOURS)[..., ::-1]
    alpha = (MOST * share)[..., None]
    return (image * (1 - alpha) + colour * alpha).astype(np.uint8)
