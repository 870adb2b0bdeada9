"""The task on sounds as commands: training, evaluation, prediction, preview, and bad input."""

import json

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile")
TONES = {"high": 2000, "low": 400}
SMALL = ["--backbone", "ds_cnn_small", "--clip-seconds", "0.3", "--batch-size", "8", "--augment", "light"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Tones of two heights and noise, by four speakers; a long recording; what cannot be used."""
    folder, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    (folder / "tones").mkdir()
    for speaker in ("ann", "bob", "cem", "dua"):
        for label, hertz in TONES.items():
            for take in range(4):
                times = np.arange(int(rng.integers(3000, 4800))) / 16_000
                clip = 0.3 * np.sin(2 * np.pi * hertz * rng.uniform(0.9, 1.1) * times)
                soundfile.write(folder / "tones" / f"{label}_{speaker}_{take}.wav", clip, 16_000)
        for take in range(4):
            noise = rng.normal(0, 0.05, 4000)
            soundfile.write(folder / "tones" / f"background_{speaker}_{take}.wav", noise, 16_000)
    soundfile.write(folder / "street.flac", rng.normal(0, 0.05, 16_000 * 12), 16_000)
    (folder / "broken").mkdir()
    for number in range(3):
        (folder / "broken" / f"a_b_{number}.mp3").write_bytes(b"no sound")
    return folder


@pytest.fixture(scope="module")
def answers(place, as_scripts):
    """Exit code, output and errors of each command."""
    train = ["--task", "sound_classify", "--data", "tones"]
    return as_scripts(
        place,
        {
            "preview": ("train.py", [*train, *SMALL, "--preview", "sheet.png"]),
            "train": ("train.py", [*train, *SMALL, "--out", "run", "--epochs", "30"]),
            "evaluate": (
                "evaluate.py",
                ["run", "--background", "street.flac", "--robustness", "6", "--out", "seen", "--json"],
            ),
            "predict": ("evaluate.py", ["run", "--predict", "street.flac", "--out", "heard"]),
            "broken": ("train.py", ["--task", "sound_classify", "--data", "broken", "--out", "new"]),
            "backbone": ("train.py", [*train, "--backbone", "ds_cn"]),
            "background": ("evaluate.py", ["run", "--background", "nothing.wav"]),
        },
    )


def test_training_learns_tones_of_a_speaker_it_never_heard(answers, place):
    code, out, err = answers["train"]
    assert code in (0, None), err[-2000:]
    report = json.loads((place / "run" / "report.json").read_text())
    assert report["accuracy"] >= 0.6  # of three classes
    assert report["n_clips"] == 12
    assert set(report["slices"]) >= {"duration", "level"}
    assert "clips" in (place / "run" / "report.html").read_text()
    assert (place / "run" / "best.png").is_file()
    assert report["findings"]["named_by"] == "{label}_{speaker}_{number}"


@pytest.mark.slow
def test_a_spectrogram_alone_is_a_baseline_in_closed_form(place, as_scripts):
    words = ["--task", "sound_classify", "--data", "tones", "--backbone", "log_mel"]
    case = "train.py", [*words, "--out", "plain", "--phases", "closed_form"]
    code, _, err = as_scripts(place, {"log_mel": case})["log_mel"]
    assert code in (0, None), err[-2000:]
    assert json.loads((place / "plain" / "report.json").read_text())["accuracy"] >= 0.75


def test_preview_draws_spectrograms(answers, place):
    from PIL import Image

    assert answers["preview"][0] in (0, None), answers["preview"][2][-2000:]
    assert np.asarray(Image.open(place / "sheet.png")).std() > 10


def test_false_accepts_and_robustness_are_reported(answers, place):
    code, out, err = answers["evaluate"]
    assert code in (0, None), err[-2000:]
    report = json.loads(out)
    found = report["false_accepts"]
    assert found["hours"] == pytest.approx(12 / 3600)
    assert found["wanted_per_hour"] == 1.0
    assert found["per_hour"] == 0  # a single alarm in 12 seconds would be 300 an hour
    assert set(found["false_rejects"]) == set(TONES)
    assert set(report["corrupted"]["conditions"]) >= {"noise, 0 dB", "telephone, 300 to 3400 Hz"}
    assert "False accepts" in (place / "seen" / "report.html").read_text()


def test_a_long_recording_is_predicted_in_windows(answers, place):
    assert answers["predict"][0] in (0, None), answers["predict"][2][-2000:]
    (shares,) = json.loads((place / "heard" / "predictions.json").read_text()).values()
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert list((place / "heard" / "clips").iterdir())


@pytest.mark.parametrize(
    "name, word", [("broken", "cannot be decoded"), ("backbone", "ds_cnn"), ("background", "nothing.wav")]
)
def test_what_cannot_be_used_is_refused_in_one_line(answers, name, word):
    code, _, err = answers[name]
    assert code == 2
    assert word in err
    assert "Traceback" not in err
