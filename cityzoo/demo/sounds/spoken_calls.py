"""Spoken calls to a city's hotline, with noise, and recordings in which nobody speaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cityzoo.demo.sounds import RATE, VERSION, street
from cityzoo.demo.sounds.clips import write_wav
from cityzoo.demo.sounds.speech import SPEAKERS, has_speech, speak
from cityzoo.demo.sounds.synthesis import make_noise, mix_at_snr, scale_level
from cityzoo.demo.texts import OUTSIDE, write_table
from cityzoo.demo.write import write_once

CALLS = {
    "the street light is broken": "broken_light",
    "my bin was not emptied": "missed_collection",
    "there is a pothole in the road": "road_damage",
    "the music is too loud": "noise_complaint",
    "i need a parking permit": "parking_permit",
    "i lost my umbrella": "lost_property",
    "a water pipe is leaking": "water_leak",
    "someone dumped furniture in my street": "illegal_dumping",
    "when does the library open": "opening_hours",
    "the traffic light is broken": "traffic_signal",
    "what is the weather tomorrow": OUTSIDE,
    "i want to book a flight to rome": OUTSIDE,
    "which phone should i buy": OUTSIDE,
}
VOICES = (SPEAKERS["train"][0], SPEAKERS["train"][4], SPEAKERS["val"][0])
SNRS = (None, 20.0, 10.0)  # dB; None: no noise
PAUSE = 0.8  # seconds before and after


def make_calls(seed: int = 0) -> list[tuple[str, str, str, float | None, np.ndarray]]:
    """Return (text, intent, speaker, SNR, samples) of recordings; text and intent are "" where nobody speaks.

    Args:
        seed: 0 or more; equal seeds give equal recordings.
    """
    rng, pause = np.random.default_rng([seed, 3]), np.zeros(int(PAUSE * RATE))
    found: list[tuple[str, str, str, float | None, np.ndarray]] = []
    for voice in VOICES if has_speech() else ():
        for number, (text, intent) in enumerate(CALLS.items()):
            sound = np.concatenate([pause, speak(text, voice), pause])
            snr = SNRS[number % len(SNRS)]
            noise = make_noise(len(sound), rng, 1.0)
            found.append((text, intent, voice, snr, mix_at_snr(sound, noise, 60.0 if snr is None else snr)))
    count = 5 * RATE
    quiet = {
        "silence": np.zeros(count),
        "noise": scale_level(make_noise(count, rng), 0.05),
        "music": scale_level(street.make_music(rng, rng, count), 0.15).clip(-1, 1),
        "background": scale_level(street.make_background(rng, rng, count), 0.05).clip(-1, 1),
        "siren": scale_level(street.make_siren(rng, rng, count), 0.15).clip(-1, 1),
    }
    return found + [("", "", name, None, sound) for name, sound in quiet.items()]


def write(folder: Path, seed: int = 0) -> Path:
    """Write recordings and truth.csv (path, text, label, speaker, snr_db) once; return the folder."""

    def fill(draft: Path) -> None:
        rows = []
        for number, (text, intent, speaker, snr, samples) in enumerate(make_calls(seed)):
            name = f"{number:02d}-{intent or speaker}.wav"
            write_wav(draft / name, samples)
            rows.append((name, text, intent, speaker, "" if snr is None else f"{snr:g}"))
        write_table(draft / "truth.csv", ("path", "text", "label", "speaker", "snr_db"), rows)

    made = {"demo": "spoken_calls", "version": VERSION, "seed": seed, "has_speech": has_speech()}
    return write_once(Path(folder), made, fill)
