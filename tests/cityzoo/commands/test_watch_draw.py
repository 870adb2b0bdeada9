"""Draw a scene from the command line."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cityzoo.commands import watch
from cityzoo.errors import InputError
from cityzoo.watch.scene import read_scene

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def frame(tmp_path):
    """A frame of 160 x 120."""
    Image.fromarray(np.full((120, 160, 3), 80, np.uint8)).save(tmp_path / "frame.png")
    return str(tmp_path / "frame.png")


def test_an_image_with_the_lines_is_written(frame, tmp_path):
    """The line of the command line is on it; no detector is needed."""
    grid = tmp_path / "grid.png"
    assert watch.main([frame, "--line", "north:0.1,0.5,0.9,0.5:city:harbour", "--draw", str(grid)]) == 0
    with Image.open(grid) as image:
        drawn = np.asarray(image.convert("RGB"))
    assert drawn.shape == (120, 160, 3) and drawn[60, 40].tolist() == [230, 159, 0]


def test_wrong_files_are_one_line(frame, tmp_path):
    """An image of another kind, a folder that is not there, a scene that is none."""
    with pytest.raises(InputError, match="expected an image file to write"):
        watch.main([frame, "--draw", "scene.yaml"])
    with pytest.raises(InputError, match="cannot be written"):
        watch.main([frame, "--draw", str(tmp_path / "none" / "grid.png")])
    (tmp_path / "bad.yaml").write_text("linse: []")
    with pytest.raises(InputError, match="lines"):
        watch.main([frame, "--draw-page", str(tmp_path / "bad.yaml")])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_page_is_served_until_it_is_interrupted(frame, tmp_path, number):
    """The scene that is sent is in the file; Ctrl-C ends with exit code 0, also where the shell had it ignored."""
    command = [sys.executable, "-m", "cityzoo", "watch", frame, "--draw-page", str(tmp_path / "scene.yaml")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ) as running:
        url = re.search(r"http://127\.0\.0\.1:\d+/[\w-]+/", running.stderr.readline())[0]
        line = {"name": "north", "points": [[0.1, 0.5], [0.9, 0.5]]}
        body = json.dumps({"lines": [line]}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{url}scene", body), timeout=10) as answer:
            assert answer.status == 200
        running.send_signal(number)
        rest = running.stderr.read()
        assert running.wait(20) == 0 and "scene.yaml" in rest
    assert [line.name for line in read_scene(tmp_path / "scene.yaml").lines] == ["north"]
