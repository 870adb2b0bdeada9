"""Heat maps over images."""

from __future__ import annotations

import cv2
import numpy as np

from cityzoo.metrics.anomaly import Corners, resize_heatmap

COLORMAP = cv2.COLORMAP_INFERNO
MOST = 0.65  # opacity where the map is highest


def overlay_heatmap(
    image: np.ndarray,
    values: np.ndarray,
    corners: Corners,
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """Return an image with a map over it, opaque where the map is high, transparent where it is low.

    Args:
        image: (H, W, 3) uint8 RGB.
        values: (h, w) float.
        corners: of the map, see `resize_heatmap`.
        limits: values of no and of full opacity; None: 0 and the map's maximum.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    low, high = limits or (0.0, float(np.max(values, initial=0.0)))
    share = np.clip((resize_heatmap(values, corners, image.shape[:2]) - low) / max(high - low, 1e-9), 0, 1)
    color = cv2.applyColorMap((share * 255).astype(np.uint8), COLORMAP)[..., ::-1]
    alpha = (MOST * share)[..., None]
    return (image * (1 - alpha) + color * alpha).astype(np.uint8)
