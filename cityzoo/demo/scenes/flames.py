"""Flames: tongues of layered noise with a pale core, yellow and orange, and a red edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.demo.scenes.noise import Noise, smoothstep
from cityzoo.demo.scenes.smoke import Veil, Window, window

HEAT = (0.0, 0.12, 0.3, 0.55, 0.85, 1.2)  # from the edge of a flame to its core
HEAT_COLORS = (
    (120.0, 22.0, 6.0),
    (212.0, 58.0, 10.0),
    (248.0, 116.0, 18.0),
    (255.0, 176.0, 42.0),
    (255.0, 226.0, 110.0),
    (255.0, 250.0, 214.0),
)


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
    view = _window_of(fire, size_wh)
    columns, rows = view.columns, view.rows
    up = (fire.foot[1] - rows) / fire.meter_px / fire.height_m
    rise = np.clip(up, 0, 1.5)
    across = (columns - fire.foot[0]) / fire.meter_px - fire.drift * rise * fire.height_m
    across = across / (fire.width_m / 2)
    slim = max(0.6, fire.width_m / fire.height_m)  # a wide fire has more tongues, not wider ones
    sway = lick.sample(1.1 * slim * across, 1.8 * up, 3)
    bent = across + 0.45 / slim * sway * (0.25 + rise)
    # Height of the flame at each place: a ragged row of tongues, lower towards its ends.
    reach = (1 - np.clip(np.abs(bent), 0, 1) ** 2.2) * (
        0.62 + 0.75 * tongues.sample(2.3 * slim * bent, 0.35 * up, 2)
    )
    torn = tongues.sample(2.6 * slim * bent + 11, 1.7 * up - 3, 4)
    holes = 1 - np.abs(lick.sample(3.2 * slim * bent, 1.5 * up + 7, 3))
    heat = 1.25 * (reach - rise) + 0.42 * torn * (0.35 + rise) + 0.3 * (holes - 0.75) * (0.3 + rise)
    heat -= 0.9 * smoothstep(0.75, 1.15, np.abs(bent)) + 9 * np.clip(-up, 0, None)
    # Detached flames above the tongues are small and vanish farther up.
    heat -= 1.2 * smoothstep(0.0, 0.5, up - np.maximum(reach, 0.1))
    alpha = 0.97 * smoothstep(-0.02, 0.2, heat) * (1 - 0.25 * smoothstep(0.5, 1.1, rise))
    color = np.stack([np.interp(heat, HEAT, [c[k] for c in HEAT_COLORS]) for k in range(3)], -1)
    return view.veil(alpha, color)


def _window_of(fire: Fire, size_wh: tuple[int, int]) -> Window:
    (x, y), high = fire.foot, 1.6 * fire.height_m * fire.meter_px
    aside = 1.4 * fire.width_m * fire.meter_px
    blown = fire.drift * high
    return window(
        size_wh, (x - aside + min(blown, 0), x + aside + max(blown, 0)), (y - high, y + 0.2 * high + 2)
    )
