"""Sounds of a street: sirens, horns, breaking glass, engines, and what is always there: traffic, wind, rain, music."""

from __future__ import annotations

import numpy as np

from cityzoo.demo.sounds import RATE
from cityzoo.demo.sounds.synthesis import make_noise, make_tone, scale_level, shift_doppler

Rng = np.random.Generator


def _times(count: int) -> np.ndarray:
    return np.arange(count) / RATE


def make_siren(device: Rng, rng: Rng, count: int) -> np.ndarray:
    """Return a siren that drives past: two tones, a wail or a yelp; `device` chooses which, `rng` the moment."""
    kind, low = device.choice(["two tones", "wail", "yelp"]), device.uniform(380, 700)
    high = low * device.uniform(1.33, 2.2)
    period = {"two tones": 1.2, "wail": 3.5, "yelp": 0.33}[str(kind)] * device.uniform(0.8, 1.2)
    phase = (_times(count) / period + rng.random()) % 1
    rise = (phase > 0.5) * 1.0 if kind == "two tones" else 1 - np.abs(2 * phase - 1)
    heard = shift_doppler(low + (high - low) * rise, rng.uniform(5, 25), 4.0, rng.uniform(-2, 3))
    return make_tone(heard, (1.0, 0.5, 0.35, 0.2, 0.1))


def make_horn(device: Rng, rng: Rng, count: int) -> np.ndarray:
    """Return one or two blasts of a horn of two tones."""
    base, ratio = device.uniform(320, 460), device.choice([1.19, 1.26, 1.33])
    times = _times(count)
    start = rng.uniform(0, 0.3)
    length = rng.uniform(0.2, 0.6)
    gate = np.clip(np.minimum(times - start, start + length - times) / 0.015, 0, 1)
    if rng.random() < 0.4:
        gate = gate * ((times - start) % 0.25 < 0.16)
    tones = [make_tone(np.full(count, each), (1, 0.8, 0.7, 0.5, 0.4, 0.3)) for each in (base, base * ratio)]
    return sum(tones) * gate


def make_glass(device: Rng, rng: Rng, count: int) -> np.ndarray:
    """Return a pane that breaks: a crack, then shards that ring."""
    times, start = _times(count), rng.uniform(0.05, 0.4)
    sound = make_noise(count, rng) * np.exp(-np.maximum(times - start, 0) * 60) * (times >= start) * 1.5
    brightness = device.uniform(1800, 3200)
    for _ in range(int(device.integers(12, 30))):
        hit = start + rng.exponential(0.12)
        pitch, decay = rng.uniform(brightness, 7600), rng.uniform(15, 60)
        after = np.maximum(times - hit, 0)
        sound += rng.uniform(0.2, 1) * np.sin(2 * np.pi * pitch * after) * np.exp(-decay * after)
    return sound


def make_engine(device: Rng, rng: Rng, count: int) -> np.ndarray:
    """Return an engine at some speed, with its firing harmonics and the noise of its exhaust."""
    firing = device.uniform(28, 90) * rng.uniform(0.8, 1.3)
    wobble = 1 + 0.02 * np.sin(2 * np.pi * device.uniform(2, 6) * _times(count))
    change = np.linspace(1, rng.uniform(0.85, 1.25), count)
    overtones = tuple(1 / number ** device.uniform(0.6, 1.1) for number in range(1, 30))
    pulses = make_tone(firing * wobble * change, overtones)
    exhaust = make_noise(count, rng, 1.0) * (1 + np.tanh(pulses)) / 2
    return scale_level(pulses) + scale_level(exhaust, device.uniform(0.2, 0.6))


def make_background(device: Rng, rng: Rng, count: int) -> np.ndarray:
    """Return distant traffic, wind in gusts or rain in drops."""
    kind = device.choice(["traffic", "wind", "rain"])
    slow = np.interp(_times(count), np.arange(count // RATE + 3), rng.uniform(0.4, 1.0, count // RATE + 3))
    if kind == "traffic":
        return make_noise(count, rng, device.uniform(1.2, 1.8)) * slow
    if kind == "wind":
        return make_noise(count, rng, 2.0) * slow**2 + 0.1 * make_noise(count, rng, 1.0) * slow**4
    drops = (rng.random(count) < 60 / RATE) * rng.exponential(1.0, count)
    ringing = np.convolve(drops, np.exp(-np.arange(160) / 16) * rng.normal(size=160))[:count]
    return make_noise(count, rng, 0.3) * 0.4 * slow + ringing


def make_music(device: Rng, rng: Rng, count: int) -> np.ndarray:
    """Return chords with a beat, as from an open window."""
    times, sound, root = _times(count), np.zeros(count), device.uniform(110, 180)
    beat = 60 / device.uniform(85, 130)
    for number in range(int(count / RATE / beat) + 1):
        after = np.maximum(times - number * beat, 0)
        chord = rng.choice([0, 3, 5, 7, 8]) + np.array([0, rng.choice([3, 4]), 7, 12])
        fading = np.exp(-3 * after) * (times >= number * beat)
        for pitch in root * 2 ** (chord / 12):
            sound += make_tone(np.full(count, pitch), (1, 0.5, 0.25, 0.12)) * fading
        sound += make_noise(count, rng) * np.exp(-40 * after) * (times >= number * beat)
    return sound


SOUNDS = {
    "siren": make_siren,
    "horn": make_horn,
    "glass": make_glass,
    "engine": make_engine,
    "background": make_background,
}
