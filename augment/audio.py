"""Augmentation of sounds: clips of any length in, clips of one length out, the same for the same seed.

Speed perturbation: Ko et al., Interspeech 2015. Masks of times and frequencies: Park et al., "SpecAugment",
Interspeech 2019, https://arxiv.org/abs/1904.08779; here on waveforms, so that the network stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from augment.policy import Policy, Range, Step, closest_name

SAMPLE_RATE = 16_000  # Hz
FRAME, TRIMMED = 512, 160  # samples: of a frame that is moved, and of one that is cut off
OCTAVES = 8  # of an equalizer
MASKED_DB = 40.0  # how far a masked band is turned down


def _speed(clip: np.ndarray, rng: np.random.Generator, factor: float) -> np.ndarray:
    """Play faster or slower, which moves the pitch as well."""
    times = np.arange(0, len(clip) - 1, factor)
    return np.interp(times, np.arange(len(clip)), clip).astype(np.float32) if len(times) > 1 else clip


def _tempo(clip: np.ndarray, rng: np.random.Generator, factor: float) -> np.ndarray:
    """Speak faster or slower at the same pitch, by overlapping frames where they fit best.

    WSOLA: Verhelst and Roelands, ICASSP 1993.
    """
    hop, search = FRAME // 2, FRAME // 4
    frames = int((len(clip) - FRAME - 2 * search) / (hop * factor))
    if frames < 2:
        return clip
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
    result = np.zeros((frames + 1) * hop, np.float32)
    place = search
    for number in range(frames):
        if number:
            wanted, start = clip[place + hop :][:FRAME], int(number * hop * factor)
            place = start + int(np.argmax(np.correlate(clip[start : start + FRAME + 2 * search], wanted)))
        result[number * hop :][:FRAME] += window * clip[place : place + FRAME]
    return result


def _trim(clip: np.ndarray, rng: np.random.Generator, decibels: float) -> np.ndarray:
    """Cut off the beginning and the end as far as they are quieter than the loudest frame by so many decibels."""
    frames = clip[: len(clip) // TRIMMED * TRIMMED].reshape(-1, TRIMMED)
    if len(frames) < 2:
        return clip
    powers = np.mean(np.square(frames), axis=1)
    loud = np.flatnonzero(powers >= powers.max() * 10 ** (-decibels / 10))
    return clip[loud[0] * TRIMMED : (loud[-1] + 1) * TRIMMED]


def _gain(clip: np.ndarray, rng: np.random.Generator, decibels: float) -> np.ndarray:
    """Make it louder or quieter; what exceeds full scale is clipped, as by a microphone."""
    return np.clip(clip * np.float32(10 ** (decibels / 20)), -1, 1)


def _noise(clip: np.ndarray, rng: np.random.Generator, snr_db: float) -> np.ndarray:
    """Add noise between white and brown at a signal-to-noise ratio."""
    return add_noise(clip, rng, snr_db, slope=rng.uniform(0, 2))


def _time_mask(clip: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Silence a part of the clip."""
    width = int(share * len(clip))
    start = int(rng.integers(0, len(clip) - width + 1))
    masked = clip.copy()
    masked[start : start + width] *= np.float32(10 ** (-MASKED_DB / 20))
    return masked


def _frequency_mask(clip: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Turn a band of frequencies down; its width is a share of the mel scale."""
    top = 1127 * np.log1p(SAMPLE_RATE / 2 / 700)
    start = rng.uniform(0, 1 - share) * top
    low, high = (700 * np.expm1(mel / 1127) for mel in (start, start + share * top))
    frequencies = np.fft.rfftfreq(len(clip), 1 / SAMPLE_RATE)
    factors = np.where((frequencies >= low) & (frequencies < high), 10 ** (-MASKED_DB / 20), 1.0)
    return np.fft.irfft(np.fft.rfft(clip) * factors, len(clip)).astype(np.float32)


def _equalize(clip: np.ndarray, rng: np.random.Generator, decibels: float) -> np.ndarray:
    """Turn each octave up or down against the one below it, as other microphones, rooms and voices do."""
    gains = np.clip(np.cumsum(rng.normal(0, decibels, OCTAVES)), -MASKED_DB, MASKED_DB)
    frequencies = np.maximum(np.fft.rfftfreq(len(clip), 1 / SAMPLE_RATE), 1.0)
    octaves = np.log2(frequencies / (SAMPLE_RATE / 2)) + OCTAVES - 1
    curve = np.interp(octaves, np.arange(OCTAVES), gains - gains[OCTAVES // 2])
    return np.fft.irfft(np.fft.rfft(clip) * 10 ** (curve / 20), len(clip)).astype(np.float32)


def _envelope(clip: np.ndarray, rng: np.random.Generator, decibels: float) -> np.ndarray:
    """Turn each tenth of a second up or down against the one before it, as other speakers stress other sounds."""
    count = len(clip) // (SAMPLE_RATE // 10) + 2
    gains = np.clip(np.cumsum(rng.normal(0, decibels, count)), -MASKED_DB, MASKED_DB)
    curve = np.interp(np.linspace(0, count - 1, len(clip)), np.arange(count), gains)
    return (clip * 10 ** (curve / 20)).astype(np.float32)


TRANSFORMS: dict[str, tuple[Callable[..., np.ndarray], str]] = {
    "speed": (_speed, "factor"),
    "tempo": (_tempo, "factor"),
    "trim": (_trim, "decibels"),
    "gain": (_gain, "decibels"),
    "equalize": (_equalize, "decibels"),
    "envelope": (_envelope, "decibels"),
    "noise": (_noise, "snr_db"),
    "time_mask": (_time_mask, "share"),
    "frequency_mask": (_frequency_mask, "share"),
}


def add_noise(clip: np.ndarray, rng: np.random.Generator, snr_db: float, slope: float = 1.0) -> np.ndarray:
    """Return a clip with noise whose power falls with frequency to the power of `slope`.

    Args:
        clip: (samples,) float32.
        rng: makes the noise.
        snr_db: power of the clip against that of the noise in decibels.
        slope: 0 white, 1 pink, 2 brown.

    Example:
        >>> tone = np.sin(np.arange(16_000, dtype=np.float32))
        >>> added = add_noise(tone, np.random.default_rng(0), snr_db=20) - tone
        >>> round(float(10 * np.log10(np.mean(tone**2) / np.mean(added**2))), 1)
        20.0
    """
    power = float(np.mean(np.square(clip)))
    frequencies = np.fft.rfftfreq(len(clip), 1 / SAMPLE_RATE)
    shape = np.maximum(frequencies, 50.0) ** (-slope / 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(len(clip))) * shape, len(clip))
    wanted = power / 10 ** (snr_db / 10)
    return (clip + noise * np.sqrt(wanted / max(float(np.mean(noise**2)), 1e-20))).astype(np.float32)


BEFORE = ("trim", "speed", "tempo", "envelope", "equalize")  # transforms of a clip without what is around it


def _steps(speed: Range, tempo: Range, walk_db: float, snr_db: Range, masks: float) -> tuple[Step, ...]:
    return (
        Step("trim", {"decibels": (20.0, 45.0)}, 0.5),
        Step("speed", {"factor": speed}, 0.9),
        Step("tempo", {"factor": tempo}, 0.5),
        Step("envelope", {"decibels": (0.0, walk_db)}, 0.7),
        Step("equalize", {"decibels": (0.0, walk_db)}, 0.8),
        Step("noise", {"snr_db": snr_db}, 0.4),
        Step("gain", {"decibels": (-12.0, 3.0)}, 0.5),
        *[Step("time_mask", {"share": (0.0, masks / 2)}, 0.5)] * 2,
        *[Step("frequency_mask", {"share": (0.0, masks)}, 0.7)] * 2,
    )


# Speed moves the formants, which tell vowels from each other: vocal tracts of adults differ by about a sixth. Tempo,
# which does not move them, may vary more.
POLICIES = {
    "none": Policy("none"),
    "light": Policy("light", _steps((0.9, 1.1), (0.9, 1.1), 2.0, (15.0, 40.0), 0.1)),
    "standard": Policy("standard", _steps((0.85, 1.18), (0.7, 1.5), 5.0, (5.0, 40.0), 0.3)),
    "strong": Policy("strong", _steps((0.6, 1.6), (0.6, 1.8), 8.0, (-3.0, 30.0), 0.4)),
}


def get_policy(name: str) -> Policy:
    """Return a policy by name.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> [step.transform for step in get_policy("standard").steps][:5]
        ['trim', 'speed', 'tempo', 'envelope', 'equalize']
    """
    if name not in POLICIES:
        near, allowed = closest_name(name, POLICIES), ", ".join(POLICIES)
        raise ValueError(f"unknown augmentation policy of sounds '{name}': {near}Allowed: {allowed}")
    return POLICIES[name]


def fit_length(clip: np.ndarray, samples: int, share: float = 0.5) -> np.ndarray:
    """Return a clip of one length: cut, or with silence around it.

    Args:
        clip: (N,) float32.
        samples: the length.
        share: of what is cut or added, how much lies before the clip: 0.5 centers it.

    Example:
        >>> fit_length(np.ones(2, np.float32), 4).tolist(), fit_length(np.arange(4.0), 2, share=1.0).tolist()
        ([0.0, 1.0, 1.0, 0.0], [2.0, 3.0])
    """
    spare = samples - len(clip)
    before = int(round(abs(spare) * share))
    if spare <= 0:
        return clip[before : before + samples].astype(np.float32)
    return np.pad(clip, (before, spare - before)).astype(np.float32)


def augment(clip: np.ndarray, samples: int, policy: Policy, seed: Sequence[int]) -> np.ndarray:
    """Return an augmented version of a clip, at a random place in time.

    Args:
        clip: (N,) float32, -1 to 1, of any length.
        samples: length of the result.
        policy: a member of `POLICIES`; of "none" the clip is centered.
        seed: numbers that determine the result, such as those of the run, the clip and the view.

    Returns:
        (samples,) float32.

    Example:
        >>> tone = np.sin(np.arange(8000, dtype=np.float32))
        >>> first, again = (augment(tone, 16_000, get_policy("standard"), (0, 1, 2)) for _ in range(2))
        >>> first.shape, bool((first == again).all())
        ((16000,), True)
    """
    if not policy.steps:
        return fit_length(clip, samples)
    rng = np.random.default_rng(tuple(seed))
    placed = False
    for step in policy.steps:
        function, name = TRANSFORMS[step.transform]
        # Every step takes its numbers whether or not it happens: steps do not depend on those before them.
        happens, value = rng.random() < step.probability, rng.uniform(*step.ranges[name])
        part = np.random.default_rng(rng.integers(0, 2**32))
        if not placed and step.transform not in BEFORE:  # noise sounds before and after a clip as well
            clip, placed = fit_length(clip, samples, part.random()), True
        if happens:
            clip = function(clip, part, value)
    return clip if placed else fit_length(clip, samples, rng.random())
