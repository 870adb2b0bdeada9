"""Building blocks of sounds: colored noise, tones, envelopes, levels."""

from __future__ import annotations

import numpy as np

from cityzoo.demo.sounds import RATE

QUIET = 1e-9
SPEED_OF_SOUND = 343.0  # m/s


def make_noise(count: int, rng: np.random.Generator, slope: float = 0.0, low: float = 20.0) -> np.ndarray:
    """Return noise of unit RMS whose level falls with frequency, (N,) float64.

    Args:
        count: samples.
        rng: random numbers.
        slope: exponent of the power spectrum: 0 white, 1 pink, 2 brown.
        low: Hz below which there is nothing.
    """
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    gains = np.where(frequencies >= low, np.maximum(frequencies, low) ** (-slope / 2), 0.0)
    return scale_level(np.fft.irfft(np.fft.rfft(rng.normal(size=count)) * gains, count))


def make_tone(frequencies: np.ndarray, overtones: tuple[float, ...] = (1.0,)) -> np.ndarray:
    """Return a tone whose frequency changes, with overtones, those above half the rate left out.

    Args:
        frequencies: (N,) Hz at each sample.
        overtones: amplitudes of the first, second ... harmonic.
    """
    phases = 2 * np.pi * np.cumsum(frequencies) / RATE
    parts = (
        amplitude * np.sin(number * phases) * (number * frequencies < RATE / 2)
        for number, amplitude in enumerate(overtones, 1)
    )
    return np.sum([*parts], axis=0)


def shift_doppler(frequencies: np.ndarray, speed: float, distance: float, passing: float) -> np.ndarray:
    """Return the frequencies that somebody at the roadside hears of a source that drives past.

    Args:
        frequencies: (N,) Hz, as sent.
        speed: m/s.
        distance: m between the listener and the road.
        passing: seconds after the start at which it is nearest.

    Example:
        >>> shift_doppler(np.full(2, 1000.0), 20.0, 1.0, 60.0).round()
        array([1062., 1062.])
    """
    along = (np.arange(len(frequencies)) / RATE - passing) * speed
    approach = -speed * along / np.hypot(along, distance)
    return frequencies / (1 - approach / SPEED_OF_SOUND)


def scale_level(sound: np.ndarray, level: float = 1.0) -> np.ndarray:
    """Return a sound at a root mean square.

    Example:
        >>> float(scale_level(np.array([3.0, -3.0]), 0.5)[0])
        0.5
    """
    return sound * (level / max(float(np.sqrt(np.mean(sound**2))), QUIET))


def mix_at_snr(sound: np.ndarray, background: np.ndarray, snr_db: float, peak: float = 0.7) -> np.ndarray:
    """Return a sound over a background at a signal-to-noise ratio, its largest value at `peak`.

    Args:
        sound: (N,); its level is taken where it sounds: within 20 dB of its loudest 20 ms.
        background: (N,).
        snr_db: 10 log10 of the ratio of their powers.
        peak: 0 to 1.
    """
    frames = np.array_split(sound**2, max(len(sound) // (RATE // 50), 1))
    powers = np.array([frame.mean() for frame in frames])
    power = powers[powers >= powers.max() / 100].mean()
    mixed = sound / max(np.sqrt(power), QUIET) + scale_level(background, 10 ** (-snr_db / 20))
    return mixed * (peak / np.abs(mixed).max())
