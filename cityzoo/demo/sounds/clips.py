"""Labeled clips of one second: sounds of a street, and keywords; ten minutes without any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.demo.sounds import RATE, VERSION, street
from cityzoo.demo.sounds.speech import SPEAKERS, has_speech, speak
from cityzoo.demo.sounds.synthesis import make_noise, mix_at_snr, scale_level
from cityzoo.demo.texts import read_templates, write_table
from cityzoo.demo.write import write_once
from cityzoo.errors import InputError

KEYWORDS = ("help", "fire", "police", "ambulance", "stop")
OTHER_WORDS = {  # "unknown"; those of val are not used in train
    "train": ("hello", "yellow", "higher", "please", "step", "table", "window", "telephone", "seven", "market", "ship",
              "river", "nobody", "simple", "top", "number"),
    "val": ("kelp", "wire", "release", "balance", "shop", "morning", "garden", "eleven"),
}  # fmt: skip
DEVICES = {"train": 12, "val": 5}  # sirens, horns, places ...
CLIPS = {"train": 5, "val": 4}  # of a device
SNRS = (20.0, 10.0, 5.0, 0.0)  # dB
LONG_SECONDS = 600
LEVELS = (0.02, 0.1)  # RMS of a background alone


@dataclass(frozen=True)
class Clip:
    """One second of sound."""

    samples: np.ndarray  # (16000,), -1 to 1
    label: str
    speaker: str  # a voice, a device, a place
    snr_db: float | None  # None: nothing but background


def make_sounds(split: str, seed: int = 0) -> Iterator[Clip]:
    """Yield clips of sirens, horns, glass, engines and backgrounds, and of speech where espeak-ng is installed.

    Args:
        split: train or val; they share no device and no speaker.
        seed: 0 or more; equal seeds give equal clips.
    """
    for label in street.SOUNDS:
        yield from make_sounds_of(label, split, seed)
    if has_speech():
        rng = np.random.default_rng([seed, split == "val", 99])
        words = read_templates("calls")["en"]["opening_hours"]["train" if split == "train" else "val"]
        for voice in SPEAKERS[split]:
            for text in rng.choice(words, 6 if split == "train" else 5):
                yield _finish(_cut(speak(str(text), voice), rng), "speech", voice, rng)


def make_keywords(split: str, seed: int = 0) -> Iterator[Clip]:
    """Yield clips of keywords, other words (unknown) and backgrounds; nothing without espeak-ng.

    Args:
        split: train or val; they share no speaker.
        seed: 0 or more; equal seeds give equal clips.
    """
    if not has_speech():
        return
    rng = np.random.default_rng([seed, split == "val"])
    for voice in SPEAKERS[split]:
        words = [(word, word) for word in KEYWORDS for _ in range(4)]
        words += [(word, "unknown") for word in rng.permutation(OTHER_WORDS[split])[:8]]
        for word, label in words:
            speed = int(rng.integers(120, 190))
            yield _finish(_cut(speak(word, voice, speed), rng), label, voice, rng)
    yield from make_sounds_of("background", split, seed)


def make_sounds_of(label: str, split: str, seed: int = 0) -> Iterator[Clip]:
    """Yield clips of one of `street.SOUNDS`."""
    make, place = street.SOUNDS[label], [*street.SOUNDS].index(label)
    for device in range(DEVICES[split]):
        key = [seed, split == "val", place, device]
        for number in range(CLIPS[split]):
            rng = np.random.default_rng([*key, number])
            yield _finish(
                make(np.random.default_rng(key), rng, RATE), label, f"{label}-{split}-{device}", rng
            )


def _cut(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return one second, the sound at a random place of it; of a longer one a random second."""
    spare = len(sound) - RATE
    if spare >= 0:
        start = int(rng.integers(spare + 1))
        return sound[start : start + RATE]
    start = int(rng.integers(-spare + 1))
    return np.pad(sound, (start, -spare - start))


def _finish(sound: np.ndarray, label: str, speaker: str, rng: np.random.Generator) -> Clip:
    """Mix a sound with a background; a background is only brought to a level."""
    if label == "background":
        return Clip(scale_level(sound, rng.uniform(*LEVELS)).clip(-1, 1), label, speaker, None)
    snr = float(rng.choice(SNRS))
    background = street.make_background(rng, rng, len(sound))
    return Clip(mix_at_snr(sound, background, snr, rng.uniform(0.15, 0.9)), label, speaker, snr)


def make_long(seed: int = 0, seconds: int = LONG_SECONDS) -> np.ndarray:
    """Return a recording without events: traffic, wind and rain, a place a minute, (N,) float64, -1 to 1."""
    parts = []
    for minute in range(-(-seconds // 60)):
        rng = np.random.default_rng([seed, 7, minute])
        part = street.make_background(rng, rng, 60 * RATE)
        parts.append(scale_level(part + 0.05 * make_noise(len(part), rng, 1.0), rng.uniform(*LEVELS)))
    return np.concatenate(parts)[: seconds * RATE].clip(-1, 1)


def write_wav(file: Path, samples: np.ndarray) -> None:
    """Write 16-bit samples at 16 kHz."""
    import wave

    with wave.open(str(file), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(RATE)
        opened.writeframes((samples * 32767).round().astype("<i2").tobytes())


def write_sounds(folder: Path, seed: int = 0) -> Path:
    """Write street sounds once: manifest.csv, clips, and background/long.wav; return the folder."""
    return _write(folder, seed, "street_sounds", make_sounds)


def write_keywords(folder: Path, seed: int = 0) -> Path:
    """Write keywords once: manifest.csv, clips, and background/long.wav; return the folder.

    Raises:
        InputError: espeak-ng is not installed.
    """
    if not has_speech():
        raise InputError("keywords are spoken by espeak-ng, which is not installed: apt install espeak-ng")
    return _write(folder, seed, "keywords", make_keywords)


def _write(folder: Path, seed: int, name: str, make: Callable[[str, int], Iterator[Clip]]) -> Path:
    def fill(draft: Path) -> None:
        rows = []
        for split in DEVICES:
            for number, clip in enumerate(make(split, seed)):
                path = Path(split, clip.label, f"{number:04d}.wav")
                (draft / path).parent.mkdir(parents=True, exist_ok=True)
                write_wav(draft / path, clip.samples)
                snr = "" if clip.snr_db is None else f"{clip.snr_db:g}"
                rows.append((path.as_posix(), clip.label, clip.speaker, split, snr))
        write_table(draft / "manifest.csv", ("path", "label", "speaker", "split", "snr_db"), rows)
        (draft / "background").mkdir()
        write_wav(draft / "background" / "long.wav", make_long(seed))

    made = {"demo": name, "version": VERSION, "seed": seed, "has_speech": has_speech()}
    return write_once(Path(folder), made, fill)
