"""The benchmark as a command: contenders of each library, on a few small files; no timing is judged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "--files",
    "4",
    "--rounds",
    "1",
    "--seconds",
    "0.05",
    "--batch-size",
    "4",
    "--settings",
    "128x64:64x64",
]
EVERYDAY = ["--only", "decode", "decode_resize", "decode_resize_antialias", "none", "geometry", "standard"]
EVERYDAY += [
    "keras_geometry_full",
    "keras_chain",
    "keras_standard_by_batch",
    "albumentations_geometry",
    "torchvision_geometry",
]
WANTED = ("geometry_vs_keras_chain", "geometry_vs_decode_resize", "standard_vs_keras_chain")


def command(*arguments):
    """Run it as a user does, but from another folder."""
    call = [sys.executable, str(ROOT / "benchmarks" / "augment.py"), *arguments]
    return subprocess.run(call, capture_output=True, text=True, cwd=ROOT.parent)


@pytest.fixture(
    scope="module",
    params=[pytest.param(each, marks=pytest.mark.slow) for each in (EVERYDAY, [])],
    ids=["some", "all"],
)
def ran(request, tmp_path_factory):
    """One run, of all contenders in the slow suite, and where it wrote to."""
    out = tmp_path_factory.mktemp("results")
    result = command(*SMALL, *request.param, "--json", "--out", str(out))
    assert result.returncode == 0, result.stderr
    return result, out


def test_the_last_line_is_the_ratios_as_json(ran):
    """All are there; those against TensorFlow and Keras, which are always installed, are numbers."""
    ratios = json.loads(ran[0].stdout.splitlines()[-1])
    assert all(ratios[name] > 0 for name in WANTED)
    assert {"geometry_vs_albumentations", "geometry_vs_torchvision"} <= set(ratios)


def test_the_page_and_the_json_file_hold_what_was_measured(ran):
    """The page is what was printed."""
    result, out = ran
    page, whole = (out / "augment.md").read_text(), json.loads((out / "augment.json").read_text())
    assert result.stdout.startswith(page)
    assert "128x64:64x64: 4 drawn images" in page
    assert whole["ratios"] == json.loads(result.stdout.splitlines()[-1])
    speeds = whole["images_per_second"]["128x64:64x64"]
    assert {"decode", "geometry", "standard", "none", "keras_geometry_full"} <= set(speeds)
    for name, rounds in speeds.items():
        assert len(rounds) == 1 and rounds[0] > 0 and f"| {name} |" in page


def test_a_peer_is_measured_or_left_out_with_the_way_to_install_it(ran):
    """Never silently missing."""
    whole = json.loads((ran[1] / "augment.json").read_text())
    speeds = whole["images_per_second"]["128x64:64x64"]
    for library in ("albumentations", "torchvision"):
        left_out = any(f"{library} left out" in note and "pip install" in note for note in whole["notes"])
        assert left_out != (f"{library}_geometry" in speeds)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--settings", "1280:256"], "setting '1280:256': expected even sides"),
        (["--files", "0"], "0: expected a whole number from 1 on"),
        (["--seconds", "nan"], "nan: expected seconds above 0"),
        (["--cores", "4096"], "4096: this machine has"),
        (["--only", "keras"], "invalid choice: 'keras'"),
    ],
)
def test_wrong_flags_are_named_in_one_line(arguments, words):
    """And nothing is measured."""
    result = command(*arguments)
    assert result.returncode == 2
    assert words in result.stderr.splitlines()[-1]


def test_a_folder_without_images_is_named(tmp_path):
    """Before anything is measured or written."""
    out = tmp_path / "out"
    result = command(*SMALL, "--only", "decode", "--images", str(tmp_path), "--out", str(out))
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"python benchmarks/augment.py: --images {tmp_path}: ")
    assert not out.exists()
