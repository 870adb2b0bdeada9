"""A source as events: sounds, speech, intents; personal data masked; nothing from silence."""

import threading

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.listen import RATE, listening
from cityzoo.listen.intents import IntentClassifier
from cityzoo.listen.listening import Ears, Listening, listen_to_all
from cityzoo.listen.sound_detector import SoundDetector
from cityzoo.listen.sources import Recording
from cityzoo.listen.voice_activity import EnergyGate
from tests.cityzoo.listen.exported_folders import tone, write_intents, write_tone_classifier

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")


class Plug:
    """Understands the same sentence everywhere."""

    def __init__(self, text):
        self.text, self.pieces = text, []

    def transcribe(self, samples):
        """Return it."""
        self.pieces.append(samples)
        return self.text


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Silence, 1.5 s of 1000 Hz that comes and goes, silence."""
    path = tmp_path_factory.mktemp("sound") / "call.wav"
    burst = tone(1000, 1.5) * (np.arange(24_000) % 6000 < 4500)
    soundfile.write(path, np.concatenate([np.zeros(RATE), burst, np.zeros(RATE)]), RATE)
    return path


def hear(path, ears, seconds=None):
    """The events without their ids and times."""
    events = Listening(Recording(str(path)), ears, EnergyGate(), seconds).events()
    return [
        {key: value for key, value in each.items() if key not in ("id", "time", "camera")} for each in events
    ]


def test_sounds_and_speech(file, tmp_path):
    """Both, in the order in which they end."""
    detector = SoundDetector(write_tone_classifier(tmp_path / "a"), 0.5)
    ears = Ears((detector,), Plug("the light is broken"), IntentClassifier(write_intents(tmp_path / "b")))
    sound, speech = hear(file, ears)
    assert (sound["type"], sound["class"], sound["state"]) == ("sound", "horn", "raised")
    assert 1 < sound["stream_seconds"] < 2.5
    assert (speech["type"], speech["intent"], speech["text"]) == (
        "speech",
        "broken_light",
        "the light is broken",
    )
    assert speech["stream_seconds"] == pytest.approx(0.8, abs=0.2)


def test_personal_data_is_masked(file):
    """Unless it is to stay."""
    text = "my name is Ana Silva, call 0171 2345678"
    assert hear(file, Ears(plug=Plug(text)))[0]["text"] == "my name is [name], call [phone]"
    assert hear(file, Ears(plug=Plug(text), is_redacted=False))[0]["text"] == text


def test_nothing_is_understood(file, tmp_path):
    """No text, and so no intent."""
    ears = Ears(plug=Plug(""), intents=IntentClassifier(write_intents(tmp_path / "b")))
    (event,) = hear(file, ears)
    assert (event["text"], event["intent"], event["probability"]) == ("", "not understood", 0.0)


def test_silence_is_not_transcribed(tmp_path):
    """The plug is not even asked."""
    soundfile.write(tmp_path / "a.wav", np.zeros(3 * RATE), RATE)
    plug = Plug("thank you for watching")
    assert hear(tmp_path / "a.wav", Ears(plug=plug)) == [] and plug.pieces == []


def test_seconds_and_pieces_to_keep(file):
    """It ends in time; pieces are kept where that is wanted, and else nowhere."""
    kept = []
    assert hear(file, Ears(plug=Plug("hello")), seconds=0.5) == []
    hear(file, Ears(keep=lambda name, piece: kept.append((name, len(piece.samples)))))
    assert [name for name, _ in kept] == ["call"] and kept[0][1] > RATE


def test_a_lost_stream_ends_in_time(monkeypatch):
    """After its minutes, though nothing comes; times of events go on where the clock is."""
    clock = [1000.0]
    monkeypatch.setattr(listening.time, "time", lambda: clock[0])

    class Stream:
        """A burst, ten lost seconds, a burst, and then nothing for ever."""

        name, text, is_live, stop = "line", "", True, threading.Event()

        def blocks(self):
            """Yield them."""
            for lost in (10, 30, 30, 30, 30):
                if clock[0] < 1020:
                    yield from np.split(
                        (np.sin(np.arange(3 * RATE)) * (np.arange(3 * RATE) % 4000 < 2500)).astype("f4"), 30
                    )
                clock[0] += lost
                yield None

    monkeypatch.setattr(listening, "start_time", lambda source: clock[0])
    events = [*Listening(Stream(), Ears(plug=Plug("hello")), EnergyGate(), 60.0).events()]
    assert clock[0] == 1070
    assert [round(each["stream_seconds"]) for each in events] == [0, 10]


def test_one_of_several_files_is_broken(file, tmp_path, caplog):
    """The others are heard; if all are broken, that is an error."""
    (tmp_path / "broken.wav").write_text("no")
    broken, ears = Recording(str(tmp_path / "broken.wav")), Ears(plug=Plug("hello"))
    found = [*listen_to_all([broken, Recording(str(file))], ears, EnergyGate)]
    assert [type(each) for _, each in found] == [dict, list] and "broken.wav" in caplog.text
    with pytest.raises(InputError, match=r"broken\.wav"):
        list(listen_to_all([broken], ears, EnergyGate))
