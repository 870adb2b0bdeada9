"""Demo clips: one second each, devices and voices apart, and the same ones every time."""

import csv
import shutil
import wave
from collections import Counter

import numpy as np
import pytest

from cityzoo.data import audio
from cityzoo.demo.sounds import clips, speech, spoken_calls, spoken_digits
from cityzoo.errors import InputError

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture
def no_espeak(monkeypatch):
    """A machine without it."""
    monkeypatch.setattr(speech.shutil, "which", lambda name: None)


@pytest.fixture
def short(monkeypatch):
    """Fewer devices, and a long recording of five seconds."""
    monkeypatch.setattr(clips, "DEVICES", {"train": 3, "val": 2})
    monkeypatch.setattr(clips, "make_long", lambda seed: np.zeros(5 * 16_000))


def test_sounds_without_speech(tmp_path, no_espeak, short, caplog):
    """Five classes, and one line about what is left out; the reader of users' own sounds reads them."""
    folder = clips.write_sounds(tmp_path / "a")
    rows = [*csv.DictReader((folder / "manifest.csv").read_text().splitlines())]
    assert Counter(row["label"] for row in rows if row["split"] == "train") == dict.fromkeys(
        clips.street.SOUNDS, 15
    )
    assert "espeak-ng is not installed" in caplog.text
    devices = {split: {row["speaker"] for row in rows if row["split"] == split} for split in ("train", "val")}
    assert devices["train"].isdisjoint(devices["val"])
    with wave.open(str(folder / rows[0]["path"])) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnframes()) == (16_000, 2, 16_000)
    found = audio.load(str(folder))
    assert (len(found.train), len(found.val)) == (75, 40)
    again = clips.write_sounds(tmp_path / "b")
    assert all(
        (folder / row["path"]).read_bytes() == (again / row["path"]).read_bytes() for row in rows[::50]
    )


def test_keywords_without_speech(tmp_path, no_espeak):
    """Are refused."""
    with pytest.raises(InputError, match="apt install espeak-ng"):
        clips.write_keywords(tmp_path / "a")


@needs_espeak
def test_speech():
    """Longer texts last longer; ends are not silent; equal calls give equal samples."""
    short, long = speech.speak("stop", "en-us+f2"), speech.speak("stop the music now please", "en-us+f2")
    assert 0.2 < len(short) / 16_000 < 0.9 < len(long) / 16_000 < 3
    assert abs(short[0]) > 0.01 * np.abs(short).max()
    assert (speech.speak("stop", "en-us+f2") == short).all()


@needs_espeak
def test_keywords(monkeypatch):
    """Each word by each voice; other words of val are not those of train."""
    monkeypatch.setattr(clips, "DEVICES", {"train": 3, "val": 2})
    monkeypatch.setattr(clips, "SPEAKERS", {"train": ("en-us+f2",), "val": ("en-us+f5",)})
    found = Counter(clip.label for clip in clips.make_keywords("train"))
    assert found == {**dict.fromkeys(clips.KEYWORDS, 4), "unknown": 8, "background": 15}
    train, val = (set(clips.OTHER_WORDS[split]) for split in ("train", "val"))
    assert not train & val and not (train | val) & set(clips.KEYWORDS)


def test_recordings_without_speech(tmp_path, no_espeak):
    """Nobody speaks: no text, no intent."""
    folder = spoken_calls.write(tmp_path / "a")
    rows = [*csv.DictReader((folder / "truth.csv").read_text().splitlines())]
    assert [row["speaker"] for row in rows] == ["silence", "noise", "music", "background", "siren"]
    assert {row["text"] + row["label"] for row in rows} == {""}


def test_spoken_digits_without_speech(tmp_path, no_espeak):
    """Are refused."""
    with pytest.raises(InputError, match="apt install espeak-ng"):
        spoken_digits.write(tmp_path / "a")


@needs_espeak
def test_spoken_digits(tmp_path, monkeypatch):
    """Ten a voice, read by their names; each variant gets other accents, and no two voices sound alike."""
    monkeypatch.setattr(spoken_digits, "SPEAKERS", 2)
    found = audio.load(str(spoken_digits.write(tmp_path / "a")), split_by="clip")
    assert len(found.train) + len(found.val) == 20 and [*found.train.class_names] == [
        str(n) for n in range(10)
    ]
    first, again = spoken_digits.make_digits(0)[7], spoken_digits.make_digits(0)[7]
    assert (first == again).all() and first.shape != spoken_digits.make_digits(42)[7].shape


def test_half_of_the_speakers_of_digits_have_a_foreign_accent(monkeypatch):
    """A voice has two English and two foreign accents; only foreign ones replace th, in three ways."""
    said = []
    monkeypatch.setattr(
        spoken_digits, "speak", lambda text, voice, *_: said.append((text, *voice.split("+")))
    )
    for speaker in range(spoken_digits.SPEAKERS):
        spoken_digits.make_digits(speaker)
    speakers = [said[start : start + 10] for start in range(0, len(said), 10)]
    accents = {}
    for _, language, variant in (digits[0] for digits in speakers):
        accents.setdefault(variant, []).append(language)
    assert {len(set(each)) for each in accents.values()} == {4}
    assert {sum(name.startswith("en") for name in each) for each in accents.values()} == {2}
    assert [text for text, *_ in speakers[0]][:4] == ["zero", "one", "two", "three"]
    foreign = [digits for digits in speakers if not digits[0][1].startswith("en")]
    assert {digits[3][0] for digits in foreign} == {"[[tr'i:]]", "[[sr'i:]]", "[[fr'i:]]"}
    assert {digits[6][0] for digits in foreign} == {"[[s'iks]]"}


@needs_espeak
@pytest.mark.parametrize("language", spoken_digits.LANGUAGES)
def test_every_language_has_the_phonemes_of_the_digits(language):
    """A phoneme that a voice lacks would be left out, or read letter by letter."""
    for ways in spoken_digits.FOREIGN:
        for phonemes in ways:
            seconds = len(speech.speak(f"[[{phonemes}]]", language)) / 16_000
            assert 0.12 < seconds < 0.9, phonemes
