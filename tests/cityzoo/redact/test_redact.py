"""The command: what it prints, and one line for each wrong input."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cityzoo.commands.redact import main
from cityzoo.errors import InputError


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Four images of 96 x 160 pixels with a white square as their plate, in YOLO's layout."""
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        image = np.random.default_rng(number).integers(0, 20, (96, 160, 3), np.uint8)
        x = 16 + 8 * number
        image[24:32, x : x + 8] = 255
        for kind in ("images", "labels"):
            (tmp_path / "data" / "train" / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / f"data/train/images/{number}.png")
        row = f"0 {(x + 4) / 160} {28 / 96} {8 / 160} {8 / 96}"
        (tmp_path / f"data/train/labels/{number}.txt").write_text(row)
    (tmp_path / "data/data.yaml").write_text("path: .\ntrain: train/images\nnames: [plate]\n")
    return tmp_path


def test_recall_is_printed_by_width(data, white_cells, capsys):
    """With its interval; where there are no labels nothing is promised."""
    words = ["data/train/images", "--out", "out", "--no-faces", "--detector", f"{white_cells}:plate@0.5"]
    assert main([*words, "--labels", "data"]) == 0
    printed = capsys.readouterr().out
    assert "out: 4 images" in printed
    assert "recall of plate, under 20 px: 4 of 4, 1.000 (95 % interval 0.510 to 1.000)" in printed
    assert "recall of plate, 40+ px: no labels" in printed
    assert len(list((data / "out").iterdir())) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "--out", "new"], "'nowhere' does not exist"),
        (["data", "--out", "data"], "'data' exists: give a new --out"),
        (["data", "--out", "new", "--no-faces"], "finds nothing"),
        (["data", "--out", "new", "--drawing", "smear"], "unknown drawing 'smear'"),
        (["data", "--out", "new", "--mode", "foreground"], "did you mean 'background'"),
        (["data", "--out", "new", "--no-faces", "--detector", "nowhere"], "no exported folder"),
    ],
)
def test_wrong_input_is_one_line(data, words, message):
    """Before anything is written."""
    with pytest.raises(InputError, match=message):
        main(words)
    assert not (data / "new").exists()


def test_text_is_masked_from_the_command_line(tmp_path):
    """In a process of its own, with a list of names."""
    (tmp_path / "calls.txt").write_text("ana silva, +49 171 2345678\n")
    (tmp_path / "names.txt").write_text("Ana Silva\n\n")
    words = ["calls.txt", "--out", "masked.txt", "--names", "names.txt"]
    script = "import sys; from cityzoo.commands.redact import main; sys.exit(main(sys.argv[1:]))"
    ran = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert (tmp_path / "masked.txt").read_text() == "[name], [phone]\n"
    assert ran.stdout == "masked.txt: 1 name, 1 phone\n"
