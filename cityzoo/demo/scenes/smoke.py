"""Smoke: a turbulent plume that widens, drifts and thins out as it rises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.demo.scenes.light import Light
from cityzoo.demo.scenes.meshes import Colour
from cityzoo.demo.scenes.noise import Noise, smoothstep

FAINT = 0.03  # what is less opaque than this is not drawn at all


@dataclass(frozen=True)
class Veil:
    """Hold something partly transparent that lies over an image.

    Attributes:
        alpha: (H, W) float32, 0 where nothing of it shows to 1 where it hides all.
        colour: (H, W, 3) float32, 0..255.
    """

    alpha: np.ndarray
    colour: np.ndarray

    def over(self, image: np.ndarray) -> np.ndarray:
        """Return the image (H, W, 3) float32 with this before it."""
        return image + self.alpha[..., None] * (self.colour - image)


@dataclass(frozen=True)
class Window:
    """Hold the part of an image where something can show, so that the rest is not reckoned.

    columns, rows: (h, w) float32, the middle of each pixel of the part. part: rows and columns as slices.
    """

    columns: np.ndarray
    rows: np.ndarray
    part: tuple[slice, slice]
    size_wh: tuple[int, int]

    def veil(self, alpha: np.ndarray, colour: np.ndarray) -> Veil:
        """Return a veil of the whole image from alpha (h, w) and colour (h, w, 3) of the part."""
        wide, high = self.size_wh
        all_alpha, all_colour = np.zeros((high, wide), np.float32), np.zeros((high, wide, 3), np.float32)
        all_alpha[self.part] = np.clip(alpha - FAINT, 0, None) / (1 - FAINT)
        all_colour[self.part] = colour
        return Veil(all_alpha, all_colour)


def window(size_wh: tuple[int, int], span_x: tuple[float, float], span_y: tuple[float, float]) -> Window:
    """Return the part of an image between two columns and two rows, at least two by two pixels.

    Example:
        >>> window((8, 6), (2.2, 5.0), (-3.0, 4.0)).part
        (slice(0, 4, None), slice(2, 5, None))
    """
    ranges = []
    for side, (low, high) in zip(size_wh, (span_x, span_y), strict=True):
        start = int(min(max(low, 0), side - 2))
        ranges.append((start, int(max(min(np.ceil(high), side), start + 2))))
    grid = np.meshgrid(*(np.arange(*r, dtype=np.float32) + 0.5 for r in ranges))
    return Window(*grid, (slice(*ranges[1]), slice(*ranges[0])), size_wh)


@dataclass(frozen=True)
class Plume:
    """Say where smoke rises and how.

    Attributes:
        foot: x and y of its foot in pixels of the image.
        metre_px: pixels of a metre there.
        width_m, height_m: at the foot; until it is gone.
        spread: metres that its half width grows on a metre upwards.
        drift: metres that the wind takes it to the right on a metre upwards.
        thickness: 0..1, how much it hides at its thickest.
        colour: of the smoke in full daylight, 0..255.
        haze: share of the far air's colour, 0..1.
    """

    foot: tuple[float, float]
    metre_px: float
    width_m: float
    height_m: float
    spread: float
    drift: float
    thickness: float
    colour: Colour
    haze: float = 0.0


def draw_smoke(plume: Plume, size_wh: tuple[int, int], light: Light, rng: np.random.Generator) -> Veil:
    """Return the veil of a plume, lit by sky and sun, not yet dimmed by the night."""
    eddies, waves = Noise(rng), Noise(rng)
    view = _window_of(plume, size_wh)
    columns, rows = view.columns, view.rows
    up = (plume.foot[1] - rows) / plume.metre_px
    rise = np.clip(up, 0, 2 * plume.height_m)
    share = rise / plume.height_m
    half = plume.width_m / 2 + plume.spread * rise * (1 - 0.25 * share)
    # The wind blows harder higher up; long waves bend the plume.
    away = plume.drift * rise * (0.45 + 0.55 * share)
    away += 0.45 * (half - plume.width_m / 2) * waves.at(rise / (0.3 * plume.height_m), 0 * rise, 2)
    across = ((columns - plume.foot[0]) / plume.metre_px - away) / half
    # Eddies grow with the plume: along it they are counted in widths, whose sum is a logarithm.
    along = np.log(2 * half / plume.width_m) / plume.spread * 0.8 - np.minimum(up, 0) / plume.width_m
    bend_x, bend_y = waves.at(1.3 * across, 1.3 * along + 9, 3), waves.at(1.3 * across + 31, 1.3 * along, 3)
    place = (1.25 * across + 0.4 * bend_x, 1.25 * along + 0.4 * bend_y)
    curl, large = eddies.at(*place, 5), eddies.at(*place, 2)
    billow = 1 - 1.8 * np.sqrt(large**2 + 0.02)
    body = 1 - np.abs(across + 0.25 * bend_x) ** 2 + 0.7 * curl + 0.3 * billow
    body -= 1.5 * smoothstep(0.35, 1.15, share) + 2.2 * np.clip(-up / (0.5 * plume.width_m), 0, 3)
    dense = np.clip(body, 0, None) * (1 - 0.55 * np.clip(share, 0, 1)) * (0.75 + 0.25 * billow)
    alpha = plume.thickness * (1 - np.exp(-4.0 * np.clip(dense, 0, None)))
    relief = billow + 0.7 * large - 0.6 * across**2
    return view.veil(alpha, _shade(plume, light, relief, curl, half * plume.metre_px))


def _window_of(plume: Plume, size_wh: tuple[int, int]) -> Window:
    (x, y), metre, top = plume.foot, plume.metre_px, 1.2 * plume.height_m
    aside = 1.7 * metre * (plume.width_m / 2 + plume.spread * top)
    blown = 1.1 * plume.drift * top * metre
    span_x = (x - aside + min(blown, 0), x + aside + max(blown, 0))
    return window(size_wh, span_x, (y - top * metre, y + 1.2 * plume.width_m * metre))


def _shade(
    plume: Plume, light: Light, relief: np.ndarray, curl: np.ndarray, half_px: np.ndarray
) -> np.ndarray:
    slope_y, slope_x = np.gradient(relief)
    side = 1.0 if light.sun[0] >= 0 else -1.0
    facing = np.clip((0.7 * slope_y - 0.5 * side * slope_x) * half_px * 0.22, -0.8, 0.8)
    bright = light.sky_part * (0.86 + 0.16 * facing) + light.sun_part * (0.42 + 0.38 * facing)
    bright = (bright + 0.09 * np.clip(curl, -1, 1))[..., None] * (1 - plume.haze)
    return (bright * np.array(plume.colour) + plume.haze * np.array(light.haze_colour)).astype(np.float32)
