"""Sliding windows over tones: what, when and how often."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.listen import RATE
from cityzoo.listen.sound_detector import SoundDetector
from tests.cityzoo.listen.exported_folders import tone, write_intents, write_tone_classifier

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A classifier of windows of 0.25 s."""
    return write_tone_classifier(tmp_path_factory.mktemp("tones"))


def hear(detector, samples, block=777):
    """All sounds, whatever the length of the blocks."""
    return [
        s for start in range(0, len(samples), block) for s in detector.push(samples[start : start + block])
    ]


def test_sounds_are_heard_once(folder):
    """A horn at 2 s, a siren at 4 s; of two averaged windows the second raises the mean over 0.6."""
    silence = np.zeros(2 * RATE, np.float32)
    sound = np.concatenate([silence, tone(1000, 1), silence[:RATE], tone(2000, 1), silence])
    found = hear(SoundDetector(folder, 0.6), sound)
    assert [(each.label, each.seconds) for each in found] == [("horn", 2.5), ("siren", 4.5)]
    assert found == hear(SoundDetector(folder, 0.6), sound, block=20_000)
    assert (
        hear(SoundDetector(folder, 0.999), sound)
        == hear(SoundDetector(folder, 0.6, ignored=("horn", "siren", "background")), sound)
        == []
    )


@pytest.mark.parametrize("seconds", [0.2, 0.25, 0.26, 0.45])
def test_a_short_recording_is_heard(folder, seconds):
    """Shorter than a window of 0.25 s, as long, and longer by less than the step to the next."""
    detector = SoundDetector(folder, 0.6)
    sounds = hear(detector, tone(1000, seconds)) + list(detector.flush())
    assert [(each.label, each.seconds) for each in sounds] == [("horn", pytest.approx(seconds))]
    detector.reset()
    assert [*detector.flush()] == hear(detector, tone(300, seconds)) + list(detector.flush()) == []


def test_refractory_time(folder):
    """Of a tone of six seconds: every two seconds at most."""
    found = hear(SoundDetector(folder, 0.6, refractory=2.0), tone(1000, 6))
    assert [each.seconds for each in found] == [0.5, 2.5, 4.5]
    assert len(hear(SoundDetector(folder, 0.6, refractory=10.0), tone(1000, 6))) == 1


def test_silence_and_background_are_no_events(folder):
    """However long."""
    assert hear(SoundDetector(folder, 0.1), np.zeros(5 * RATE, np.float32)) == []
    assert hear(SoundDetector(folder, 0.6), tone(300, 5)) == []


def test_thresholds_of_the_report(tmp_path):
    """Are used where none is given."""
    folder = write_tone_classifier(tmp_path / "a", thresholds={"alarm: horn": 0.999999, "alarm: siren": 0.5})
    assert {
        each.label for each in hear(SoundDetector(folder), np.concatenate([tone(1000, 2), tone(2000, 2)]))
    } == {"siren"}


def test_other_models_are_refused(tmp_path):
    """A classifier of texts."""
    with pytest.raises(InputError, match="sound_classify"):
        SoundDetector(write_intents(tmp_path / "a"))
