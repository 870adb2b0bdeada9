"""The command python -m cityzoo demo, run as people run it."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cityzoo import cli, tasks
from cityzoo.__main__ import main as cityzoo_main
from cityzoo.commands.demo import main, split_count
from cityzoo.demo import Demo
from cityzoo.demo.scenes import traffic_scene
from cityzoo.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments):
    command = [sys.executable, "-m", "cityzoo", "demo", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def run_here(*arguments):
    """The command in this process; returns its exit code."""
    return cli.run(cityzoo_main, ["demo", *map(str, arguments)], "python -m cityzoo")


def test_the_command_writes_and_says_where(tmp_path):
    done = run("vehicle_detect", "--out", tmp_path / "out", "--count", 5, "--format", "coco")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == f"{tmp_path / 'out'}: 4 train, 1 val images as COCO\n"
    assert len(list((tmp_path / "out" / "train").glob("*.jpg"))) == 4


def test_the_demo_says_format_and_counts_when_the_user_does_not(tmp_path, monkeypatch, capsys):
    counts = {"train": 1, "val": 2, "test": 1}
    demo = Demo(
        "traffic",
        1,
        ("",),
        lambda seed: traffic_scene.draw_scene(seed, (64, 64)),
        None,
        "class_folders",
        counts,
    )
    monkeypatch.setattr(tasks, "find", lambda name: SimpleNamespace(demo=lambda: demo))
    assert main(["traffic", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}: 1 train, 2 val, 1 test images as CLASS_FOLDERS\n"
    assert main(["traffic", "--out", str(tmp_path / "more"), "--count", "7", "--format", "yolo"]) == 0
    assert "1 train, 4 val, 2 test images as YOLO" in capsys.readouterr().out


def test_every_split_gets_an_image():
    usual = {"train": 10, "val": 100, "test": 5}
    assert split_count(3, usual) == {"train": 1, "val": 1, "test": 1}
    for count in range(3, 300):
        shared = split_count(count, usual)
        assert sum(shared.values()) == count and min(shared.values()) >= 1 and list(shared) == list(usual)
    with pytest.raises(InputError, match="expected at least 3, one image for each of train, val, test"):
        split_count(2, usual)


def test_tensorflow_is_not_imported():
    code = (
        "import sys, cityzoo.demo, cityzoo.commands.demo; cityzoo.tasks.find('vehicle_detect').demo().draw(0);"
        "sys.exit(bool({'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0


def test_help_names_every_flag():
    shown = run("--help")
    assert shown.returncode == 0
    for word in (
        "vehicle_detect",
        "--out",
        "--format",
        "--count",
        "--seed",
        "yolo",
        "coco",
        "class_folders",
        "example",
    ):
        assert word in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vehicle_detec",), "did you mean 'vehicle_detect'"),
        (("vehicle_detect", "--count", "1"), "expected at least 2"),
        (("vehicle_detect", "--format", "yollo"), "did you mean 'yolo'"),
        (("vehicle_detect", "--seed", "-4"), "expected 0 or more"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, arguments, message):
    assert run_here(*arguments, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_full_folder_is_refused(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert run_here("vehicle_detect", "--out", tmp_path) == 2
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["vehicle_detect"], ["vehicle_detect", "--out", "x", "--count", "many"]]
)
def test_a_bad_command_line_is_one_line_and_exit_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(["vehicle_detect", *arguments])
    assert caught.value.code == 2 and capsys.readouterr().err.count("\n") == 1


def test_a_video_comes_with_truth_and_scene(tmp_path, capsys):
    assert run_here("traffic_video", "--out", tmp_path / "out", "--video", "short", "--fps", 1) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}: video.mp4, tracks.txt, truth.json, scene.yaml\n"
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {"video.mp4", "tracks.txt", "truth.json", "scene.yaml", "demo.json"}


def test_frames_of_other_videos_are_labeled(tmp_path, capsys):
    assert run_here("traffic_video_frames", "--out", tmp_path / "out", "--count", 3) == 0
    assert "2 train, 1 val images as YOLO" in capsys.readouterr().out
    labels = [file.read_text() for file in (tmp_path / "out" / "labels").rglob("*.txt")]
    assert len(labels) == 3 and any(labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("traffic_video", "--count", 3), "--count applies to images only: remove it for traffic_video"),
        (("vehicle_detect", "--fps", 3), "--fps applies to traffic_video only: remove it for vehicle_detect"),
        (("traffic_video", "--video", "sunset"), "sunset"),
    ],
)
def test_flags_of_other_demos_are_refused(tmp_path, capsys, arguments, message):
    assert run_here(*arguments, "--out", tmp_path / "out") == 2
    assert message in capsys.readouterr().err
