"""Check sounds: broken files, silence, clipping, durations, copies."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.data.audio.decode import SAMPLE_RATE, decode
from cityzoo.data.audio.findings import AudioFindings
from cityzoo.data.audio.sources import RawSound
from cityzoo.errors import InputError

SHORTEST, SHORT, LONG = 0.02, 0.1, 60.0  # seconds
SILENT_DB = -60.0  # against full scale, of the loudest frame
CLIPPED_SHARE, FULL_SCALE = 0.001, 0.999
FRAME = 400  # samples
LOWEST_DB = -100.0


@dataclass(frozen=True)
class CheckedSound:
    """A sound that can be used, and what was measured of it."""

    raw: RawSound
    digest: str  # of its samples at 16 kHz: equal for copies in other formats without loss
    seconds: float
    level_db: float
    snr_db: float


def check(raw: RawSound, findings: AudioFindings) -> CheckedSound | None:
    """Decode a sound and measure it; None for one that cannot be used."""
    try:
        clip, rate, is_cut_off = decode(str(raw.file))
    except InputError:
        findings.add("broken", raw.place)
        return None
    seconds = len(clip) / SAMPLE_RATE
    if seconds < SHORTEST:
        findings.add("empty", raw.place)
        return None
    level, snr, loudest = measure(clip)
    for kind, is_so in (
        ("cut off", is_cut_off),
        ("silent", loudest < SILENT_DB),
        ("clipped", float(np.mean(np.abs(clip) >= FULL_SCALE)) > CLIPPED_SHARE),
        ("short", seconds < SHORT),
        ("long", seconds > LONG),
    ):
        if is_so:
            findings.add(kind, raw.place)
    findings.rates[str(rate)] = findings.rates.get(str(rate), 0) + 1
    return CheckedSound(raw, hashlib.blake2b(clip.tobytes(), digest_size=16).hexdigest(), seconds, level, snr)


def measure(clip: np.ndarray) -> tuple[float, float, float]:
    """Return the level of a clip, its signal-to-noise ratio, and the level of its loudest frame, in decibels.

    The ratio is that of the loudest tenth of the frames to the quietest tenth: an estimate for sounds with pauses.

    Args:
        clip: (N,) float32 at 16 kHz.

    Example:
        >>> quiet = np.full(1600, 0.01, np.float32)
        >>> [round(value, 1) for value in measure(np.concatenate([quiet, quiet * 10]))]
        [-23.0, 20.0, -20.0]
    """
    frames = clip[: len(clip) // FRAME * FRAME].reshape(-1, FRAME) if len(clip) >= FRAME else clip[None]
    powers = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))
    tenth = max(1, len(powers) // 10)
    low, high, mean, top = (
        max(10 * np.log10(max(power, 1e-12)), LOWEST_DB)
        for power in (powers[:tenth].mean(), powers[-tenth:].mean(), powers.mean(), powers[-1])
    )
    return float(mean), float(high - low), float(top)


def remove_copies(sounds: Sequence[CheckedSound], findings: AudioFindings) -> list[CheckedSound]:
    """Keep one of equal sounds of a split; where their labels differ, the most frequent one."""
    same: dict[tuple[str, str], list[CheckedSound]] = defaultdict(list)
    for each in sounds:
        same[each.raw.split, each.digest].append(each)
    kept = []
    for copies in same.values():
        votes = Counter(each.raw.label for each in copies)
        chosen = next(each for each in copies if each.raw.label == votes.most_common(1)[0][0])
        kind = "contradiction" if len(votes) > 1 else "duplicate"
        for each in copies:
            if each is not chosen:
                findings.add(kind, f"{chosen.raw.place} and {each.raw.place}")
        kept.append(chosen)
    return kept


def remove_shared(
    train: Sequence[CheckedSound], val: Sequence[CheckedSound], findings: AudioFindings
) -> list[CheckedSound]:
    """Return the sounds of val that train does not have, and count the groups that both have."""
    known = {each.digest: each.raw.place for each in train}
    kept = []
    for each in val:
        if each.digest in known:
            findings.add("across splits", f"{known[each.digest]} and {each.raw.place}")
        else:
            kept.append(each)
    both = {each.raw.group for each in train} & {each.raw.group for each in kept} - {""}
    for group in sorted(both):
        findings.add("shared group", group)
    return kept
