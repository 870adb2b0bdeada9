"""Digits spoken in English by many synthetic voices and accents, from which a network for few real speakers starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from cityzoo.demo.sounds import VERSION
from cityzoo.demo.sounds.clips import write_wav
from cityzoo.demo.sounds.speech import has_speech, speak
from cityzoo.demo.write import write_once
from cityzoo.errors import InputError

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029")
# Variants of espeak-ng, which are other vocal tracts; whispering and robots are left out.
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "john", "linda", "steph",
            "adam", "anika", "antonio", "Andrea", "boris", "caleb", "david", "edward", "grandma", "grandpa", "gustave",
            "iven", "Jacky", "klatt", "klatt3", "Lee", "marcelo", "Mario", "max", "miguel", "norbert", "pablo",
            "quincy", "robert", "sandro", "travis")  # fmt: skip
# Native languages of people who speak English with an accent, and what they say in phonemes of espeak-ng that each of
# these voices has: five vowels, and other sounds for th.
LANGUAGES = ("fr-fr", "de", "es", "it", "el", "pl", "pt", "ru", "nl", "sv", "hi", "tr", "cs", "hu", "ro", "fi", "da",
             "id", "ar")  # fmt: skip
FOREIGN = (("z'ero",), ("w'an",), ("t'u:",), ("tr'i:", "sr'i:", "fr'i:"), ("f'o:", "f'or"), ("f'aiv",), ("s'iks",),
           ("s'even",), ("'eit", "'et"), ("n'ain",))  # fmt: skip
# Each voice has two English accents in the first half of the speakers, two foreign ones in the second.
ENGLISH_SPEAKERS = 2 * len(VARIANTS)
SPEAKERS = 2 * ENGLISH_SPEAKERS


def make_digits(speaker: int, seed: int = 0) -> list[np.ndarray]:
    """Return zero to nine at 16 kHz by one speaker, who has a voice, an accent and a pitch of its own.

    Args:
        speaker: 0 to `SPEAKERS` - 1; the second half are not native speakers of English.
        seed: 0 or more; equal seeds give equal sounds.

    Raises:
        OSError: espeak-ng is not there, or fails.
    """
    rng = np.random.default_rng([seed, 11, speaker])
    # Accents shift with each round of the variants, so that a variant gets several of them.
    is_foreign, shifted = speaker >= ENGLISH_SPEAKERS, speaker + speaker // len(VARIANTS)
    accents = LANGUAGES if is_foreign else ACCENTS
    accent = accents[shifted % len(accents)]
    voice, pitch = f"{accent}+{VARIANTS[speaker % len(VARIANTS)]}", int(rng.integers(20, 75))
    speeds, pitches = rng.integers(110, 210, len(DIGITS)), pitch + rng.integers(-6, 7, len(DIGITS))
    texts = [f"[[{rng.choice(ways)}]]" for ways in FOREIGN] if is_foreign else DIGITS
    return [speak(*each) for each in zip(texts, [voice] * len(DIGITS), speeds, pitches, strict=True)]


def write(folder: Path, seed: int = 0) -> Path:
    """Write {digit}_{speaker}_0.wav of all speakers once; return the folder.

    Raises:
        InputError: espeak-ng is not installed.
    """
    if not has_speech():
        raise InputError("digits are spoken by espeak-ng, which is not installed: apt install espeak-ng")

    def fill(draft: Path) -> None:
        with ThreadPoolExecutor() as pool:
            speakers = pool.map(lambda speaker: make_digits(speaker, seed), range(SPEAKERS))
            for speaker, sounds in enumerate(speakers):
                for digit, samples in enumerate(sounds):
                    write_wav(draft / f"{digit}_voice{speaker:03d}_0.wav", samples)

    made = {"demo": "spoken_digits", "version": VERSION, "seed": seed, "speakers": SPEAKERS}
    return write_once(Path(folder), made, fill)
