"""Read sounds: to train on, to evaluate on; values of `auto`; slices."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.data.audio import AudioDataset, AudioExample, AudioSet
from cityzoo.data.audio.decode import SAMPLE_RATE
from cityzoo.modalities import Masks
from cityzoo.modalities.audio.flags import AudioFlags, ResolvedAudioFlags
from cityzoo.modalities.labeled_examples import masks_by_value
from cityzoo.spec import AUTO

if TYPE_CHECKING:
    from cityzoo.spec import TrainSpec

LOG = logging.getLogger(__name__)
KEPT_WHOLE, STEP_SECONDS, MOST_SECONDS = 0.95, 0.25, 5.0
BAND_SHARE = 0.475  # of the sample rate, above which resamplers leave little
UNIT = 80  # samples, of which a clip is a multiple
DURATIONS = (0.5, 1.0, 5.0)  # seconds
LEVELS_DB, SNRS_DB = (-40.0, -20.0), (10.0, 30.0)


def count_samples(seconds: float) -> int:
    """Return the samples of the network's input: the nearest number that a backbone takes.

    Example:
        >>> count_samples(1.0), count_samples(0.333)
        (16000, 5360)
    """
    return max(1, round(seconds * SAMPLE_RATE / UNIT)) * UNIT


def resolve_flags(spec: TrainSpec[AudioFlags], data: AudioDataset) -> ResolvedAudioFlags:
    """Return the flags with every "auto" replaced by what fits the data."""
    flags = spec.modality
    seconds = flags.clip_seconds
    if seconds == AUTO:
        durations = np.array([each.seconds for each in data.train.examples])
        enough = float(np.quantile(durations, KEPT_WHOLE))
        seconds = min(max(-(-enough // STEP_SECONDS) * STEP_SECONDS, 2 * STEP_SECONDS), MOST_SECONDS)
        longer = int((durations > seconds).sum())
        LOG.info(
            "--clip-seconds auto: %.2f; %d of %d training clips are longer", seconds, longer, len(durations)
        )
    hertz = highest_hz(data.findings.rates) if flags.max_hz == AUTO else flags.max_hz
    return ResolvedAudioFlags(**{**vars(flags), "clip_seconds": float(seconds), "max_hz": float(hertz)})


def highest_hz(rates: Mapping[str, int]) -> float:
    """Return the upper edge of spectrograms that holds what nearly all files have, in Hz.

    Args:
        rates: sample rate in Hz -> number of files.

    Example:
        >>> highest_hz({"8000": 100}), highest_hz({"8000": 1, "44100": 99})
        (3800.0, 7600.0)
    """
    every = np.repeat([int(rate) for rate in rates], list(rates.values()))
    usual = np.quantile(every, 1 - KEPT_WHOLE, method="lower") if len(every) else SAMPLE_RATE
    return float(min(usual, SAMPLE_RATE) * BAND_SHARE)


def slices(sounds: AudioSet) -> Masks:
    """Return subsets by duration, level, signal-to-noise ratio and group."""
    examples = sounds.examples
    masks: Masks = {
        "duration": _ranges([each.seconds for each in examples], DURATIONS, "s"),
        "level": _ranges([each.level_db for each in examples], LEVELS_DB, "dB"),
        "signal-to-noise": _ranges([each.snr_db for each in examples], SNRS_DB, "dB"),
    }
    return masks | masks_by_value({"group": [each.group for each in examples]})


def _ranges(values: Sequence[float], limits: Sequence[float], unit: str) -> dict[str, np.ndarray]:
    """Return masks of the values between limits, without empty ones."""
    places = np.searchsorted(limits, values, side="left")
    between = [f"{low:g} to {high:g} {unit}" for low, high in itertools.pairwise(limits)]
    names = [f"up to {limits[0]:g} {unit}", *between, f"over {limits[-1]:g} {unit}"]
    return {name: places == place for place, name in enumerate(names) if (places == place).any()}


def describe_signals(example: AudioExample) -> dict[str, list[float]]:
    """Return what a server measures of a sound, so that it notices drift."""
    return {"seconds": [example.seconds], "level_db": [example.level_db], "snr_db": [example.snr_db]}
