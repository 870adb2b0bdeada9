"""Sound files of requests: decoded, brought to one rate, cut into windows; what is refused."""

import base64
import io

import numpy as np
import pytest

from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.input_kinds import make_input
from cityzoo.serve.request_inputs import Body
from cityzoo.serve.settings import Settings

soundfile = pytest.importorskip("soundfile")
SAMPLES, RATE = 1600, 16_000


@pytest.fixture
def sounds(tmp_path):
    """What a model of a tenth of a second takes."""
    tensor = {"name": "waveform", "shape": [None, SAMPLES], "dtype": "float32", "sound": {"rate": RATE}}
    return make_input({"inputs": [tensor]}, tmp_path, Settings(models=tmp_path))


def wav(samples, rate=RATE, subtype="PCM_16", kind="WAV"):
    """The bytes of a sound file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=kind)
    return Body(file.getvalue(), "audio/wav")


@pytest.mark.parametrize(
    ("subtype", "kind"), [("PCM_16", "WAV"), ("PCM_24", "WAV"), ("FLOAT", "WAV"), ("PCM_16", "FLAC")]
)
def test_channels_are_averaged_whatever_the_file(sounds, subtype, kind):
    stereo = np.stack([np.full(SAMPLES, 0.5), np.full(SAMPLES, 0.25)], axis=1)
    found = sounds.read([wav(stereo, subtype=subtype, kind=kind)])
    np.testing.assert_allclose(found.feeds["waveform"], np.full((1, SAMPLES), 0.375), atol=1e-3)


def test_clips_of_several_lengths_have_windows_of_their_own(sounds):
    found = sounds.read([wav(np.full(SAMPLES // 2, 0.5)), wav(np.full(2 * SAMPLES, 0.25))])
    assert found.owners.tolist() == [0, 1, 1, 1]
    assert found.feeds["waveform"].shape == (4, SAMPLES)
    assert found.feeds["waveform"][0, [0, -1]].tolist() == [0, 0]  # centered
    encoded = base64.b64encode(wav(np.zeros(SAMPLES)).data).decode()
    assert len(sounds.read_elements([encoded, wav(np.zeros(SAMPLES)).data]).owners) == 2


def test_other_rates_are_resampled(sounds):
    assert sounds.read([wav(np.zeros(SAMPLES // 2), rate=RATE // 2)]).feeds["waveform"].shape == (1, SAMPLES)


@pytest.mark.parametrize(
    ("body", "status"),
    [(Body(b"RIFF nothing"), 415), (Body(b"\xff\xfb\x90" * 9), 415), (wav(np.zeros(0)), 422)],
)
def test_what_is_no_sound_is_refused(sounds, body, status):
    with pytest.raises(HttpError) as error:
        sounds.read([body])
    assert error.value.status == status and "\n" not in error.value.message


def test_long_and_incomplete_sounds_are_refused(sounds):
    with pytest.raises(HttpError) as error:
        sounds.read([wav(np.zeros(61 * RATE, np.float32))])
    assert error.value.status == 413
    with pytest.raises(HttpError) as error:
        sounds.read([Body(wav(np.zeros(SAMPLES)).data[:-500])])
    assert error.value.status in (415, 422)
