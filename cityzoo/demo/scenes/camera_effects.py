"""Camera effects: ambient light, lamps and their glare, rain, sensor noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.light import Light
from cityzoo.demo.scenes.meshes import Thing

LAMP_COLOR = ((255, 246, 222), (235, 26, 18), (150, 122, 66), (255, 214, 150))  # in the order of SHINING
LIT_COLOR = (1.15, 1.08, 0.9)  # added by a lamp at full strength, per color


def beams(things: Sequence[Thing], camera: Camera, light: Light) -> np.ndarray | None:
    """Return the light of headlights and street lamps on the ground, (H/2, W/2) float32 0..1; None by day."""
    if light.lamps <= 0:
        return None
    wide, high = camera.size_wh
    mask = Image.new("L", (wide // 2, high // 2))
    draw = ImageDraw.Draw(mask)
    pools = [_pool(t) for t in things if t.parts[-1] and t.parts[-1][-1].finish == "street"]
    cones = [c for t in things if t.label >= 0 for c in _cones(t)]
    shapes = sorted(pools + cones, key=lambda pair: pair[1])
    for pixels, (_, strength) in zip(camera.project_ground([o for o, _ in shapes]), shapes, strict=True):
        if pixels:
            draw.polygon([(x / 2, y / 2) for x, y in pixels], fill=int(255 * strength * light.lamps))
    soft = mask.filter(ImageFilter.GaussianBlur(wide / 80))
    return np.asarray(soft, np.float32) / 255


def _pool(lamp: Thing) -> tuple[np.ndarray, float]:
    x = lamp.x + 1.8 * math.sin(lamp.heading)
    y = lamp.y + 1.8 * math.cos(lamp.heading)
    angles = np.linspace(0, 2 * math.pi, 14, endpoint=False)
    return np.column_stack([x + 6 * np.cos(angles), y + 6 * np.sin(angles)]), 0.35


def _cones(vehicle: Thing) -> list[tuple[np.ndarray, float]]:
    half_w, nose = vehicle.size_m[0] / 2, vehicle.size_m[1] / 2
    found = []
    for reach, spread, strength in ((15.0, 2.2, 0.3), (9.0, 1.2, 0.6)):
        wide, end = half_w + spread, nose + reach
        cone = [(-half_w, nose, 0.0), (half_w, nose, 0.0), (wide, end, 0.0), (-wide, end, 0.0)]
        found.append((vehicle.to_world(np.array(cone))[:, :2], strength))
    return found


def paint_lamps(marks: np.ndarray, light: Light) -> Image.Image | None:
    """Return an RGB image (H/2, W/2) of shining lamps, from the marks (H, W) on the canvas; None by day."""
    if light.lamps <= 0:
        return None
    kinds = Image.fromarray(marks)
    table = [(0, 0, 0), *LAMP_COLOR, *[(0, 0, 0)] * (255 - len(LAMP_COLOR))]
    channels = [kinds.point([int(c[k] * light.lamps) for c in table]) for k in range(3)]
    return Image.merge("RGB", channels).reduce(2)


def apply_camera_effects(
    canvas: Image.Image,
    lamps: Image.Image | None,
    lit: np.ndarray | None,
    light: Light,
    rng: np.random.Generator,
    shine: np.ndarray | None = None,
) -> np.ndarray:
    """Return the camera image (H, W, 3) uint8 of a canvas of twice the height and width.

    Args:
        canvas: RGB, colors in full daylight.
        lamps: RGB image of shining lamps, or None.
        lit: (H, W) 0..1 light of lamps, or (H, W, 3) light per color; or None.
        light: the light.
        rng: generator of rain and sensor noise.
        shine: (H, W, 3) float32 light added in the lens, 0..255; or None.
    """
    image = np.asarray(canvas.reduce(2), np.float32) * _brightness(lit, light)
    if lamps is not None:
        image += _glare(lamps, light)
    if shine is not None:
        image += shine
    if light.rain:
        image = _rain(image, light, rng)
    shot = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    shot = shot.filter(ImageFilter.BoxBlur(rng.uniform(0.15, 0.5)))
    high, wide = image.shape[:2]
    image = np.asarray(shot, np.float32) + _normal(rng, (high, wide, 1), 0.8 * light.noise)
    # Color noise has blocks of 2 x 2, as from a Bayer filter and chroma subsampling.
    blocks = image.reshape(high // 2, 2, wide // 2, 2, 3)
    blocks += _normal(rng, (high // 2, 1, wide // 2, 1, 3), 0.6 * light.noise)
    return image.clip(0, 255).astype(np.uint8)


def _brightness(lit: np.ndarray | None, light: Light) -> np.ndarray:
    ambient = np.array(light.ambient, np.float32)
    if lit is None:
        return ambient
    return ambient + (lit if lit.ndim == 3 else lit[..., None] * np.array(LIT_COLOR, np.float32))


def _normal(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> np.ndarray:
    return rng.standard_normal(shape, np.float32) * np.float32(deviation)


def _glare(lamps: Image.Image, light: Light) -> np.ndarray:
    def enlarge(image: Image.Image) -> np.ndarray:
        return np.asarray(image.resize(lamps.size, Image.Resampling.BILINEAR), np.float32)

    wide, small = lamps.width, lamps.reduce(2)
    near = enlarge(small.filter(ImageFilter.GaussianBlur(wide / 300)))
    far = enlarge(small.filter(ImageFilter.GaussianBlur(wide / 45)))
    total = np.asarray(lamps, np.float32) + 2.2 * near + 3.6 * far
    if light.rain:  # a wet road reflects lamps
        streak = enlarge(lamps.resize((wide // 2, 12), Image.Resampling.BOX))
        down = np.roll(streak, lamps.height // 16, axis=0)
        down[: lamps.height // 16] = 0
        total += 1.2 * down
    return total


def _rain(image: np.ndarray, light: Light, rng: np.random.Generator) -> np.ndarray:
    high, wide = image.shape[:2]
    mask = Image.new("L", (wide, high))
    draw = ImageDraw.Draw(mask)
    slant = rng.uniform(-0.3, 0.3)
    for _ in range(int(light.rain * 350 * wide * high / 110_592)):
        x, y, length = rng.uniform(-10, wide), rng.uniform(-20, high), rng.uniform(0.02, 0.07) * high
        draw.line((x, y, x + slant * length, y + length), fill=int(rng.uniform(30, 110)))
    veil = np.asarray(mask, np.float32)[..., None] / 255 * 0.7
    gray = float(image.mean()) * 1.25 + 24
    contrast = 1 - 0.25 * light.rain
    return (image * contrast + gray * (1 - contrast)) * (1 - veil) + (gray + 60) * veil
