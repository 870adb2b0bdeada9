"""Sources: files of all kinds, folders, microphones and streams by stand-ins for their modules."""

import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.listen import RATE
from cityzoo.listen.sources import AudioStream, Microphone, Recording, open_sources
from tests.cityzoo.listen.exported_folders import tone

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")


def read(source):
    """All samples."""
    return np.concatenate([block for block in source.blocks() if block is not None])


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype"),
    [
        ("a.wav", 8000, 1, "PCM_U8"),
        ("a.wav", 44_100, 2, "PCM_24"),
        ("a.wav", 16_000, 1, "FLOAT"),
        ("a.flac", 48_000, 1, "PCM_16"),
    ],
)
def test_files_of_all_kinds(tmp_path, name, rate, channels, subtype):
    """A tone of 440 Hz stays one of 440 Hz and of its level."""
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    soundfile.write(tmp_path / name, np.stack([sine] * channels, axis=1), rate, subtype=subtype)
    samples = read(Recording(str(tmp_path / name)))
    assert len(samples) == 2 * RATE and samples.dtype == np.float32
    power = np.abs(np.fft.rfft(samples)) ** 2
    assert np.argmax(power) / 2 == 440
    assert samples.std() == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_files_that_hold_no_sound(tmp_path):
    """An empty file, text, a header without samples, a broken mp3."""
    soundfile.write(tmp_path / "header.wav", np.zeros(0), RATE)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "broken.mp3").write_bytes(b"ID3\x03" + bytes(range(256)) * 20)
    for file in tmp_path.iterdir():
        with pytest.raises(InputError, match=file.name):
            read(Recording(str(file)))


def test_folders(tmp_path):
    """Every sound file of it, named by its path in it."""
    (tmp_path / "b").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="holds no sounds"):
        open_sources(str(tmp_path))
    for name in ("a.wav", "b/c.flac"):
        soundfile.write(tmp_path / name, tone(440, 0.1), RATE)
    assert [source.name for source in open_sources(str(tmp_path))] == ["a.wav", "b/c.flac"]


def test_what_is_not_there():
    """Neither a file nor a protocol."""
    with pytest.raises(InputError, match="nowhere.wav"):
        open_sources("nowhere.wav")
    with pytest.raises(InputError, match="gopher"):
        open_sources("gopher://host/1")


def test_missing_microphone(monkeypatch):
    """One line that names the package and the library."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(InputError, match=r'pip install "cityzoo\[microphone\]", apt install libportaudio2'):
        open_sources("mic")


def test_microphone(monkeypatch):
    """Blocks of its callback are yielded until it is stopped."""

    class InputStream:
        """Calls back twice."""

        def __init__(self, callback, samplerate, channels, dtype, blocksize):
            assert (samplerate, channels, dtype) == (16_000, 1, "float32")
            self.callback, self.blocksize = callback, blocksize

        def __enter__(self):
            for value in (0.25, 0.5):
                self.callback(np.full((self.blocksize, 1), value, np.float32), self.blocksize, None, None)

        def __exit__(self, *error):
            pass

    module = ModuleType("sounddevice")
    module.InputStream, module.PortAudioError = InputStream, OSError
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    source, found = Microphone("mic"), []
    for block in source.blocks():
        found.append(float(block.mean()))
        if len(found) == 2:
            source.stop.set()
    assert found == [0.25, 0.5]


def test_a_stream_connects_again(tmp_path, caplog):
    """A file by its URL: its samples, None, and its samples again; its sound is resampled to 16 kHz."""
    pytest.importorskip("av", reason="PyAV is not installed")
    soundfile.write(tmp_path / "a.wav", np.stack([tone(440, 1)] * 2, axis=1), 32_000)
    source, blocks = AudioStream(f"file:{tmp_path}/a.wav"), []
    for block in source.blocks():
        blocks.append(block)
        if sum(each is None for each in blocks) == 2:
            source.stop.set()
    place = next(number for number, each in enumerate(blocks) if each is None)
    assert len(np.concatenate(blocks[:place])) == pytest.approx(RATE / 2, abs=200)
    assert "the stream ended" in caplog.text


def test_a_stream_without_sound(monkeypatch):
    """Is refused, without the password of its URL."""
    source = AudioStream("rtsp://user:secret@host/1")

    class Container:
        streams = SimpleNamespace(audio=())

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    source._av = SimpleNamespace(open=lambda *args, **more: Container())
    with pytest.raises(InputError, match=r"^'host-1' has no sound"):
        next(source.blocks())


@pytest.mark.slow
def test_rtsp(tmp_path):
    """A tone from a real server, as a telephone's codec leaves it."""
    pytest.importorskip("av", reason="PyAV is not installed")
    server, python = Path(__file__).parents[1] / "watch" / "sources" / "rtsp_server.py", "/usr/bin/python3"
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if not Path(python).exists() or subprocess.run([python, "-c", check], capture_output=True).returncode:
        pytest.skip("needs apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good")
    soundfile.write(tmp_path / "a.wav", tone(440, 30), RATE)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [python, str(server), str(tmp_path / "a.wav"), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        source, blocks = AudioStream(f"rtsp://127.0.0.1:{port}/road"), []
        for block in source.blocks():
            blocks.append(block)
            if sum(len(each) for each in blocks) >= RATE:
                source.stop.set()
    finally:
        process.kill()
        process.communicate()
    samples = np.concatenate(blocks)[:RATE]
    assert np.argmax(np.abs(np.fft.rfft(samples))) == pytest.approx(440, abs=2)
