"""The flags of train.py: every bad value is said at once, before TensorFlow is loaded."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.flags import parse_training, print_list, training_parser
from cityzoo.spec import TrainSpec
from cityzoo.spec_file import read_spec

ROOT = Path(__file__).resolve().parents[2]


def test_no_flags_are_the_defaults():
    """The command of the first page needs none."""
    assert parse_training([]) == (TrainSpec(), None, None)


def test_flags_become_the_spec():
    """One of each sort."""
    words = (
        "--backbone mobilenet_025 --data d --classes car,bus --class-map van=car --limit 9 --weights random"
    )
    more = "--phases backbone:2,C5:1 --batch-size 4 --learning-rate .01 --image-size 64x96 --augment none --seed 3"
    spec, resumed, _ = parse_training([*words.split(), *more.split()])
    assert resumed is None
    assert spec == TrainSpec(
        backbone="mobilenet_025",
        data="d",
        classes=("car", "bus"),
        class_map={"van": "car"},
        limit=9,
        weights="random",
        phases=(("backbone", 2), ("C5", 1)),
        batch_size=4,
        learning_rate=0.01,
        image_size=(64, 96),
        augment="none",
        seed=3,
    )


def test_a_tasks_defaults_lie_under_the_flags(monkeypatch):
    """The task says 64 px and vgg19; the user says vgg16."""
    task = dataclasses.replace(
        tasks.find("vehicle_detect"), defaults={"image_size": (64, 64), "backbone": "vgg19"}
    )
    monkeypatch.setattr(tasks, "find", lambda name: task)
    spec = parse_training(["--backbone", "vgg16"]).spec
    assert (spec.image_size, spec.backbone, spec.batch_size) == ((64, 64), "vgg16", TrainSpec.batch_size)
    assert "(default: 64x64)" in training_parser("vehicle_detect").format_help()


BAD = {
    "--bakbone vgg16": "did you mean '--backbone'?",
    "--batch-siz 3": "did you mean '--batch-size'?",
    "pictures/": "'pictures/' belongs to no flag",
    "--data": "expected one argument",
    "--task vehicle_detct": "unknown task 'vehicle_detct': did you mean 'vehicle_detect'?",
    "--backbone vg16": "unknown backbone 'vg16': did you mean 'vgg16'?",
    "--backbone inception_v3": "classifies only",
    "--weights nowhere.h5": "'nowhere.h5' is neither a file nor one of auto, imagenet, random",
    "--image-size big": "image size 'big'",
    "--image-size 0": "image size '0'",
    "--image-size 100x64": "multiples of 32, e.g. 96x64",
    "--image-size 16": "multiples of 32, e.g. 32x32",
    "--classes car,car": "names 'car,car'",
    "--class-map van": "mapping 'van'",
    "--labels clp": "did you mean 'clip'?",
    "--exif sideways": "Allowed: auto, stored, upright",
    "--precision float16": "did you mean",
    "--augment lite": "did you mean 'light'?",
    "--epochs 0": "'0' is not a count",
    "--epochs ³": "'³' is not a count",
    "--batch-size many": "'many' is not a count",
    "--label-smoothing 1": "a share of 1 is out of bounds: give a number of 0 to 0.9",
    "--limit auto": "'auto' is not a count",
    "--views 0": "'0' is not a count",
    "--patience auto": "'auto' is not a count",
    "--limit -3": "'-3' is not a count",
    "--learning-rate 0": "out of bounds",
    "--learning-rate nan": "out of bounds",
    "--learning-rate quick": "'quick' is not a learning rate",
    "--seed -1": "'-1' is not a seed",
    "--seed 99999999999": "'99999999999' is not a seed",
    "--phases backbone": "phases 'backbone'",
    "--phases backbone:0": "phases 'backbone:0'",
    "--resume nowhere": "'nowhere' does not exist",
    "--resume .": "is no run folder",
    "--out .": "'.' exists",
}
SCRIPT = """
import contextlib, io, json, sys
from cityzoo import cli
from cityzoo.flags import parse_training

found = {}
for words in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            code = cli.run(lambda arguments: parse_training(arguments) and 0, words.split(), "train.py")
        except SystemExit as leave:
            code = leave.code
    found[words] = [code, said.getvalue()]
print(json.dumps({"found": found, "heavy": sorted({"tensorflow", "keras"} & set(sys.modules))}))
"""


def test_every_bad_value_is_one_line_and_code_2_before_anything_heavy_is_loaded(tmp_path):
    """What was given, what would do; all in one process that ends without TensorFlow."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(list(BAD)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        check=True,
    )
    answer = json.loads(ran.stdout)
    for words, expected in BAD.items():
        code, said = answer["found"][words]
        assert code == 2, (words, said)
        assert said.count("\n") == 1 and said.startswith("train.py: error: "), (words, said)
        assert expected in said, (words, said)
    assert answer["heavy"] == []


def test_list_answers_and_leaves(capsys):
    """Backbones with their sizes, and tasks."""
    assert parse_training(["--list"]) is None
    said = capsys.readouterr().out
    assert "vgg16" in said and "mobilenet_025" in said and "vehicle_detect" in said
    print_list()
    assert capsys.readouterr().out == said


@pytest.fixture
def stopped(tmp_path):
    """The spec of a run that was stopped."""
    folder = tmp_path / "run"
    folder.mkdir()
    spec = TrainSpec(backbone="mobilenet_025", data="d", image_size=(64, 64), seed=7)
    spec.write(folder / "spec.json")
    return folder, spec


def test_resume_takes_the_runs_own_settings(stopped):
    """And none of today's defaults; how patient to be may change."""
    folder, spec = stopped
    assert parse_training(["--resume", str(folder)]) == (spec, str(folder), None)
    longer, *_ = parse_training([f"--resume={folder}", "--patience", "99"])
    assert longer == dataclasses.replace(spec, patience=99)
    assert read_spec(folder / "spec.json") == spec


@pytest.mark.parametrize(
    "words", [["--seed", "8"], ["--backbone=vgg16"], ["--patience", "3", "--limit", "2"]]
)
def test_resume_refuses_other_settings(stopped, words):
    """A run is one experiment."""
    with pytest.raises(InputError, match="it cannot take --(seed|backbone|limit)"):
        parse_training(["--resume", str(stopped[0]), *words])
