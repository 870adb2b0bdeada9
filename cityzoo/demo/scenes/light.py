"""Light and weather of a scene: day, overcast, dusk, night, rain, fog."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cityzoo.demo.scenes.meshes import Color

CONDITIONS = ("day", "overcast", "dusk", "night", "rain", "fog")
SHARES = (0.30, 0.14, 0.16, 0.20, 0.13, 0.07)


@dataclass(frozen=True)
class Light:
    """Light and weather of one scene."""

    condition: str  # one of CONDITIONS
    sun: tuple[float, float, float]  # unit vector to the sun in the world
    # sun_part, sky_part: shares of sun and sky in the light; their sum is 1 in full daylight
    sun_part: float
    sky_part: float
    # sky_high, sky_low: sky colors overhead and at the horizon, 0..255
    sky_high: Color
    sky_low: Color
    # haze_color, haze_per_m: color of distant haze, and its density
    haze_color: Color
    haze_per_m: float
    shadow: float  # darkness of shadows, 0..1
    ambient: Color  # final factors of red, green and blue: 1 by day, small at night
    lamps: float  # brightness of lamps, 0..1
    rain: float  # density of rain streaks, 0..1
    noise: float  # standard deviation of the sensor noise, 0..255

    def haze_share(self, distance_m: float) -> float:
        """Return the share of haze in the color of a thing at a distance, 0..1."""
        return 1 - math.exp(-self.haze_per_m * distance_m)

    def sun_seen_from(self, heading: float) -> tuple[float, float, float]:
        """Return the vector to the sun in the frame of a thing with this heading (right, ahead, up)."""
        sin, cos = math.sin(heading), math.cos(heading)
        x, y, z = self.sun
        return (x * cos - y * sin, x * sin + y * cos, z)


def choose_light(rng: np.random.Generator) -> Light:
    """Return a light with a random condition, distributed as in SHARES."""
    condition = CONDITIONS[int(np.searchsorted(np.cumsum(SHARES)[:-1], rng.random(), side="right"))]
    return make_light(condition, rng)


def make_light(condition: str, rng: np.random.Generator) -> Light:
    """Return a random light of the given condition."""
    azimuth = rng.uniform(0, 2 * math.pi)
    rise = math.radians(rng.uniform(8, 20) if condition == "dusk" else rng.uniform(25, 65))
    sun = (math.cos(rise) * math.sin(azimuth), math.cos(rise) * math.cos(azimuth), math.sin(rise))
    dark = condition == "night" or (condition == "rain" and rng.random() < 0.4)
    sunny = condition in ("day", "dusk")
    sun_part = rng.uniform(0.4, 0.6) if sunny else 0.08
    gray = rng.uniform(150, 205)
    sky = {
        "day": ((86.0, 140.0, 205.0), (190.0, 212.0, 230.0)),
        "dusk": ((96.0, 92.0, 140.0), (242.0, 168.0, 110.0)),
        "night": ((40.0, 44.0, 66.0), (96.0, 84.0, 84.0)),
    }.get(condition, ((gray - 8, gray - 2, gray + 6), (gray + 12, gray + 16, gray + 18)))
    foggy, rainy, clear = rng.uniform(0.014, 0.032), rng.uniform(0.004, 0.01), rng.uniform(0.0008, 0.003)
    return Light(
        condition=condition,
        sun=sun,
        sun_part=sun_part,
        sky_part=rng.uniform(0.52, 0.62) if sunny else rng.uniform(0.72, 0.86),
        sky_high=sky[0],
        sky_low=sky[1],
        haze_color=tuple(0.92 * c for c in sky[1]),
        haze_per_m={"fog": foggy, "rain": rainy}.get(condition, clear),
        shadow=rng.uniform(0.4, 0.6) if sunny else 0.0,
        ambient=_ambient(condition, dark, rng),
        lamps=1.0 if dark else {"dusk": rng.uniform(0.35, 0.8), "rain": 0.4, "fog": 0.4}.get(condition, 0.0),
        rain=rng.uniform(0.35, 1.0) if condition == "rain" else 0.0,
        noise=rng.uniform(3, 7) if dark else rng.uniform(0.8, 3.5),
    )


def _ambient(condition: str, dark: bool, rng: np.random.Generator) -> Color:
    if dark:
        level = rng.uniform(0.24, 0.46)
        tint = (1.12, 0.98, 0.86) if rng.random() < 0.5 else (0.88, 0.96, 1.14)
    elif condition == "dusk":
        level, tint = rng.uniform(0.45, 0.75), (1.08, 0.96, 0.98)
    else:
        level = rng.uniform(0.65, 0.85) if condition == "rain" else rng.uniform(0.85, 1.12)
        tint = (1.0, 1.0, 1.0)
    return tuple(level * t * rng.uniform(0.97, 1.03) for t in tint)
