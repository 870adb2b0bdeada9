"""The command python -m cityzoo listen, run as people run it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cityzoo import cli
from cityzoo.__main__ import main as cityzoo_main
from tests.cityzoo.listen.exported_folders import RATE, tone, write_tone_classifier

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A run, a horn and silence."""
    folder = tmp_path_factory.mktemp("listen")
    write_tone_classifier(folder / "run")
    (folder / "sounds").mkdir()
    silence = np.zeros(2 * RATE)
    soundfile.write(folder / "sounds" / "horn.wav", np.concatenate([silence, tone(1000, 1), silence]), RATE)
    soundfile.write(folder / "sounds" / "silence.wav", silence, RATE)
    return folder


def run(*arguments, cwd=ROOT):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "cityzoo", "listen", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_sounds_of_a_folder(files, tmp_path):
    """One line for the horn, here and in the file; TensorFlow is not imported."""
    ran = run(files / "sounds", "--run", files / "run", "--json-lines", tmp_path / "events.jsonl")
    assert (ran.returncode, ran.stderr) == (0, "listened to 2 of 2 sources: 1 events\n")
    (event,) = map(json.loads, ran.stdout.splitlines())
    assert (event["camera"], event["class"], event["state"]) == ("horn.wav", "horn", "raised")
    assert json.loads((tmp_path / "events.jsonl").read_text()) == event
    assert not [*tmp_path.glob("**/*.wav")]
    script = (
        "import sys; from cityzoo.commands.listen import main; "
        f"main([{str(files / 'sounds')!r}, '--run', {str(files / 'run')!r}]); "
        "sys.exit(int(bool({'tensorflow', 'keras', 'pandas', 'sklearn'} & set(sys.modules))))"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=120).returncode
        == 0
    )


def test_output_is_kept_where_it_is_asked_for(files, tmp_path):
    """Events and the piece of sound over the silence; a folder with other content is refused."""
    ran = run(files / "sounds", "--run", files / "run", "--output", tmp_path / "kept")
    assert ran.returncode == 0
    names = sorted(file.name for file in (tmp_path / "kept").iterdir())
    assert names[0] == "events.jsonl" and names[1].startswith("horn.wav-")
    assert run(files / "sounds", "--run", files / "run", "--output", tmp_path / "kept").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("SOUNDS",), "--run, --stt"),
        (("SOUNDS", "--intent", "a", "--run", "RUN"), "--stt"),
        (("nowhere.wav", "--run", "RUN"), "nowhere.wav"),
        (("SOUNDS", "--run", "SOUNDS"), "preprocessing.json"),
        (("SOUNDS", "--run", "RUN", "--voice-activity", "magic"), "energy, webrtc"),
        (("SOUNDS", "--run", "RUN", "--evaluate", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_unusable_input_is_one_line(files, arguments, message, capsys):
    """Exit code 2, in this process: others are slow to start."""
    known = {"SOUNDS": files / "sounds", "RUN": files / "run"}
    command = ["listen", *(str(known.get(each, each)) for each in arguments)]
    assert cli.run(cityzoo_main, command, "python -m cityzoo") == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_a_stream(files, number):
    """A stream that never ends: exit code 0, and what was heard is written."""
    pytest.importorskip("av", reason="PyAV is not installed")
    source = f"file://{files / 'sounds' / 'horn.wav'}"
    command = [sys.executable, "-u", "-m", "cityzoo", "listen", source, "--run", str(files / "run")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    event = json.loads(process.stdout.readline())
    process.send_signal(number)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 0 and "Traceback" not in error
    assert event["class"] == "horn"
