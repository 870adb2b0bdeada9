"""Road damage: potholes and spilled oil."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cityzoo.demo.scenes.camera import NEAR_M, Camera
from cityzoo.demo.scenes.light import Light
from cityzoo.demo.scenes.noise import Noise, smoothstep

KINDS = ("pothole", "oil")  # standing water that reflects a gray sky is hardly distinguishable from asphalt
EDGE = 0.3  # least opacity of a pixel that belongs to a stain


@dataclass(frozen=True)
class Stain:
    """A stain: kind, middle in world meters, half width and half length, seed of its shape."""

    kind: str
    x: float
    y: float
    half_m: tuple[float, float]
    seed: int


def ground_xy(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return the ground position of each pixel, x and y in world meters, (H, W) float32; NaN above the horizon.

    Example:
        >>> x, y = ground_xy(Camera(5.0, 0.5, 0.0, 0.0, 100.0, (64, 64)))
        >>> bool(np.isnan(y[0]).all()), 8 < float(y[32, 32]) < 9.5
        (False, True)
    """
    wide, high = camera.size_wh
    columns, rows = np.meshgrid(np.arange(wide) + 0.5, np.arange(high) + 0.5)
    right, up = (columns - wide / 2) / camera.focal_px, (high / 2 - rows) / camera.focal_px
    rays = np.stack([right, up, np.ones_like(rows)], -1) @ camera.axes
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(rays[..., 2] < -1e-3, camera.height_m / -rays[..., 2], np.nan)
    far = np.where(far > NEAR_M, far, np.nan)
    return (far * rays[..., 0]).astype(np.float32), (far * rays[..., 1]).astype(np.float32)


def stain_alpha(stain: Stain, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return the opacity of a stain, (H, W) float32 0..1, and the distance from its edge inwards, meters."""
    rng = np.random.Generator(np.random.PCG64(stain.seed))
    x, y = ground_xy(camera)
    right, ahead = x - stain.x, y - stain.y
    near = (np.abs(right) < 2 * stain.half_m[0]) & (np.abs(ahead) < 2 * stain.half_m[1])  # False for NaN
    right, ahead = np.where(near, right, 9e3), np.where(near, ahead, 9e3)
    ragged = Noise(rng).sample(np.where(near, x, 0), np.where(near, y, 0), 3)
    away = np.hypot(right / stain.half_m[0], ahead / stain.half_m[1])
    depth = np.where(near, (1 - away + 0.28 * ragged) * min(stain.half_m), -1)
    soft = {"pothole": 0.05, "oil": 0.22}[stain.kind]
    return smoothstep(0, soft, depth).astype(np.float32), depth.astype(np.float32)


def paint_stain(canvas: Image.Image, stain: Stain, camera: Camera, light: Light) -> Image.Image:
    """Paint a stain on the ground (RGB, of the size of the camera image)."""
    alpha, depth = stain_alpha(stain, camera)
    ground = np.asarray(canvas, np.float32)
    lit = light.sky_part + light.sun_part * light.sun[2]
    if stain.kind == "pothole":
        # The far wall of the hole is visible, the near one is not; the rim is broken and pale.
        wall = smoothstep(0.04, 0.16, np.roll(depth, max(2, canvas.height // 120), axis=0))
        painted = ground * (0.62 - 0.4 * wall)[..., None] + lit * np.array([10.0, 8.0, 5.0])
        rim = smoothstep(-0.12, -0.02, depth) * (1 - smoothstep(0.0, 0.04, depth))
        ground = ground * (1 + 0.22 * rim[..., None])
        opaque = alpha
    else:
        sheen = 0.5 + 0.5 * np.sin(depth * 9)[..., None] * np.array([1.0, 0.2, -0.9])
        painted = ground * 0.3 + 7 * sheen * lit + 0.05 * np.array(light.sky_low)
        opaque = 0.9 * alpha
    mixed = ground + opaque[..., None] * (painted - ground)
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))
