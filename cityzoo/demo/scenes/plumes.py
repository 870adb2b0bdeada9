"""Flames and smoke from layered noise.

Flames are tongues with a pale core, yellow and orange, and a red edge; smoke is a turbulent plume that widens, drifts
and dissolves as it rises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.demo.scenes.light import Light
from cityzoo.demo.scenes.meshes import Color
from cityzoo.demo.scenes.noise import Noise, smoothstep

FAINT = 0.03  # less opacity is not drawn
HEAT = (0.0, 0.12, 0.3, 0.55, 0.85, 1.2)  # from the edge of a flame to its core
HEAT_COLORS = np.array(
    [(120, 22, 6), (212, 58, 10), (248, 116, 18), (255, 176, 42), (255, 226, 110), (255, 250, 214)], float
)


@dataclass(frozen=True)
class Veil:
    """A partly transparent layer over an image."""

    alpha: np.ndarray  # (H, W) float32, 0 (transparent) to 1 (opaque)
    color: np.ndarray  # (H, W, 3) float32, 0..255

    def composite(self, image: np.ndarray) -> np.ndarray:
        """Return the image (H, W, 3) float32 with the layer over it."""
        return image + self.alpha[..., None] * (self.color - image)


@dataclass(frozen=True)
class Window:
    """The part of an image in which a layer may be visible; nothing else is computed.

    columns, rows: (h, w) float32, pixel centers of the part. part: rows and columns as slices.
    """

    columns: np.ndarray
    rows: np.ndarray
    part: tuple[slice, slice]
    size_wh: tuple[int, int]

    def veil(self, alpha: np.ndarray, color: np.ndarray) -> Veil:
        """Return a layer of the whole image from alpha (h, w) and color (h, w, 3) of the part."""
        wide, high = self.size_wh
        all_alpha, all_color = np.zeros((high, wide), np.float32), np.zeros((high, wide, 3), np.float32)
        all_alpha[self.part] = np.clip(alpha - FAINT, 0, None) / (1 - FAINT)
        all_color[self.part] = color
        return Veil(all_alpha, all_color)


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
    columns, rows = np.meshgrid(*(np.arange(*r, dtype=np.float32) + 0.5 for r in ranges))
    return Window(columns, rows, (slice(*ranges[1]), slice(*ranges[0])), size_wh)


@dataclass(frozen=True)
class Plume:
    """Position and shape of rising smoke."""

    foot: tuple[float, float]  # x and y of its foot in image pixels
    meter_px: float  # pixels per meter at this distance
    # width_m, height_m: width at the foot; height at which it vanishes
    width_m: float
    height_m: float
    spread: float  # growth of the half width per meter upwards
    drift: float  # meters to the right per meter upwards, by wind
    thickness: float  # largest opacity, 0..1
    color: Color  # color in full daylight, 0..255
    haze: float = 0.0  # share of haze in the color, 0..1


def draw_smoke(plume: Plume, size_wh: tuple[int, int], light: Light, rng: np.random.Generator) -> Veil:
    """Return the layer of a plume, lit by sky and sun, before darkening at night."""
    eddies, waves = Noise(rng), Noise(rng)
    view = _smoke_window(plume, size_wh)
    columns, rows = view.columns, view.rows
    up = (plume.foot[1] - rows) / plume.meter_px
    rise = np.clip(up, 0, 2 * plume.height_m)
    share = rise / plume.height_m
    half = plume.width_m / 2 + plume.spread * rise * (1 - 0.25 * share)
    # Wind increases with height; long waves bend the plume.
    away = plume.drift * rise * (0.45 + 0.55 * share)
    away += 0.45 * (half - plume.width_m / 2) * waves.sample(rise / (0.3 * plume.height_m), 0 * rise, 2)
    across = ((columns - plume.foot[0]) / plume.meter_px - away) / half
    # Eddies grow with the plume: their number along it is the sum of 1 / width, a logarithm.
    along = np.log(2 * half / plume.width_m) / plume.spread * 0.8 - np.minimum(up, 0) / plume.width_m
    bend_x = waves.sample(1.3 * across, 1.3 * along + 9, 3)
    bend_y = waves.sample(1.3 * across + 31, 1.3 * along, 3)
    place = (1.25 * across + 0.4 * bend_x, 1.25 * along + 0.4 * bend_y)
    curl, large = eddies.sample(*place, 5), eddies.sample(*place, 2)
    billow = 1 - 1.8 * np.sqrt(large**2 + 0.02)
    body = 1 - np.abs(across + 0.25 * bend_x) ** 2 + 0.7 * curl + 0.3 * billow
    body -= 1.5 * smoothstep(0.35, 1.15, share) + 2.2 * np.clip(-up / (0.5 * plume.width_m), 0, 3)
    dense = np.clip(body, 0, None) * (1 - 0.55 * np.clip(share, 0, 1)) * (0.75 + 0.25 * billow)
    alpha = plume.thickness * (1 - np.exp(-4.0 * np.clip(dense, 0, None)))
    relief = billow + 0.7 * large - 0.6 * across**2
    return view.veil(alpha, _shade(plume, light, relief, curl, half * plume.meter_px))


def _smoke_window(plume: Plume, size_wh: tuple[int, int]) -> Window:
    (x, y), meter, top = plume.foot, plume.meter_px, 1.2 * plume.height_m
    aside = 1.7 * meter * (plume.width_m / 2 + plume.spread * top)
    blown = 1.1 * plume.drift * top * meter
    span_x = (x - aside + min(blown, 0), x + aside + max(blown, 0))
    return window(size_wh, span_x, (y - top * meter, y + 1.2 * plume.width_m * meter))


def _shade(
    plume: Plume, light: Light, relief: np.ndarray, curl: np.ndarray, half_px: np.ndarray
) -> np.ndarray:
    slope_y, slope_x = np.gradient(relief)
    side = 1.0 if light.sun[0] >= 0 else -1.0
    facing = np.clip((0.7 * slope_y - 0.5 * side * slope_x) * half_px * 0.22, -0.8, 0.8)
    bright = light.sky_part * (0.86 + 0.16 * facing) + light.sun_part * (0.42 + 0.38 * facing)
    bright = (bright + 0.09 * np.clip(curl, -1, 1))[..., None] * (1 - plume.haze)
    return (bright * np.array(plume.color) + plume.haze * np.array(light.haze_color)).astype(np.float32)


@dataclass(frozen=True)
class Fire:
    """Position and size of a fire."""

    foot: tuple[float, float]  # x and y of the middle of its lower edge, in image pixels
    meter_px: float  # pixels per meter at this distance
    # width_m, height_m: width of the burning object; height of the longest tongues
    width_m: float
    height_m: float
    drift: float  # meters to the right per meter upwards, by wind


def draw_fire(fire: Fire, size_wh: tuple[int, int], rng: np.random.Generator) -> Veil:
    """Return the layer of a fire."""
    tongues, lick = Noise(rng), Noise(rng)
    view = _fire_window(fire, size_wh)
    columns, rows = view.columns, view.rows
    up = (fire.foot[1] - rows) / fire.meter_px / fire.height_m
    rise = np.clip(up, 0, 1.5)
    across = (columns - fire.foot[0]) / fire.meter_px - fire.drift * rise * fire.height_m
    across = across / (fire.width_m / 2)
    slim = max(0.6, fire.width_m / fire.height_m)  # a wide fire has more tongues, not wider ones
    sway = lick.sample(1.1 * slim * across, 1.8 * up, 3)
    bent = across + 0.45 / slim * sway * (0.25 + rise)
    # Height of the flame at each place: a ragged row of tongues, lower towards its ends.
    ragged = 0.62 + 0.75 * tongues.sample(2.3 * slim * bent, 0.35 * up, 2)
    reach = (1 - np.clip(np.abs(bent), 0, 1) ** 2.2) * ragged
    torn = tongues.sample(2.6 * slim * bent + 11, 1.7 * up - 3, 4)
    holes = 1 - np.abs(lick.sample(3.2 * slim * bent, 1.5 * up + 7, 3))
    heat = 1.25 * (reach - rise) + 0.42 * torn * (0.35 + rise) + 0.3 * (holes - 0.75) * (0.3 + rise)
    heat -= 0.9 * smoothstep(0.75, 1.15, np.abs(bent)) + 9 * np.clip(-up, 0, None)
    # Detached flames above the tongues are small and vanish farther up.
    heat -= 1.2 * smoothstep(0.0, 0.5, up - np.maximum(reach, 0.1))
    alpha = 0.97 * smoothstep(-0.02, 0.2, heat) * (1 - 0.25 * smoothstep(0.5, 1.1, rise))
    color = np.stack([np.interp(heat, HEAT, HEAT_COLORS[:, k]) for k in range(3)], -1)
    return view.veil(alpha, color)


def _fire_window(fire: Fire, size_wh: tuple[int, int]) -> Window:
    (x, y), high = fire.foot, 1.6 * fire.height_m * fire.meter_px
    aside = 1.4 * fire.width_m * fire.meter_px
    blown = fire.drift * high
    span_x = (x - aside + min(blown, 0), x + aside + max(blown, 0))
    return window(size_wh, span_x, (y - high, y + 0.2 * high + 2))
