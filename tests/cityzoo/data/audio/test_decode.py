"""Files of every format give the same sound."""

import numpy as np
import pytest

from cityzoo.data.audio.decode import DecodedCache, decode, read_clip, resample
from cityzoo.errors import InputError

TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16_000)).astype(np.float32)


@pytest.mark.parametrize(
    "name, how, off",
    [
        ("a.wav", {"subtype": "PCM_U8"}, 0.01),
        ("a.wav", {"subtype": "PCM_16"}, 1e-4),
        ("a.wav", {"subtype": "PCM_24"}, 1e-6),
        ("a.wav", {"subtype": "PCM_32"}, 1e-6),
        ("a.wav", {"subtype": "FLOAT"}, 0),
        ("a.flac", {}, 1e-4),
        ("a.ogg", {}, 0.05),
        ("a.mp3", {}, 0.05),
    ],
)
def test_formats_and_depths(write, name, how, off):
    found, rate, is_cut_off = decode(str(write(name, TONE, **how)))
    assert (rate, is_cut_off) == (16_000, False)
    assert np.abs(found[500:7500] - TONE[500:7500]).max() <= off
    assert len(found) == len(TONE)


def test_channels_are_averaged_and_rates_converted(write):
    left = (0.5 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 44_100)).astype(np.float32)
    found, rate, _ = decode(str(write("a.wav", np.stack([left, np.zeros_like(left)], axis=1), 44_100)))
    assert rate == 44_100
    assert len(found) == 8000
    np.testing.assert_allclose(found[500:7500], TONE[500:7500] / 2, atol=1e-3)
    assert resample(TONE, 16_000) is not None


def test_files_without_a_sound_are_refused_in_one_line(tmp_path, write):
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"ID3 no sound at all" * 20)
    nan = write("nan.wav", np.full(100, np.nan, np.float32), subtype="FLOAT")
    for path in (broken, nan):
        with pytest.raises(InputError, match=path.name) as error:
            read_clip(str(path))
        assert "\n" not in str(error.value)
        assert "BytesIO" not in str(error.value)


def test_a_file_that_ends_early_is_noticed(write):
    path = write("a.wav", TONE, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:8000])
    found, _, is_cut_off = decode(str(path))
    assert is_cut_off
    assert 0 < len(found) < len(TONE)


def test_a_file_is_read_again_when_it_changes(write):
    path = write("a.wav", TONE)
    assert len(read_clip(str(path))) == 8000
    write("a.wav", TONE[:4000])
    assert len(read_clip(str(path))) == 4000


def test_the_longest_unused_sounds_leave_memory(write):
    paths = [str(write(f"{number}.wav", TONE)) for number in range(3)]
    cache = DecodedCache(2 * TONE.nbytes)
    first, second = cache.read(paths[0]), cache.read(paths[1])
    assert cache.read(paths[0]) is first
    cache.read(paths[2])
    assert cache.read(paths[0]) is first
    assert cache.read(paths[1]) is not second


def test_half_an_mp3_is_used_as_far_as_it_goes(write):
    path = write("a.mp3", np.tile(TONE, 6))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found, _, is_cut_off = decode(str(path))
    assert is_cut_off
    assert len(found) > 8000


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_resampling_equals_that_of_scipy(rate):
    signal = pytest.importorskip("scipy.signal")
    samples = np.random.default_rng(rate).uniform(-0.3, 0.3, 3001).astype(np.float32)
    common = int(np.gcd(rate, 16_000))
    wanted = signal.resample_poly(samples.astype(np.float64), 16_000 // common, rate // common)
    np.testing.assert_allclose(resample(samples, rate), wanted, atol=1e-6)
