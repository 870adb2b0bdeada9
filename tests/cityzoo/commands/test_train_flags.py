"""The flags of train.py: every bad value is said at once, before TensorFlow is loaded."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cityzoo import tasks
from cityzoo.commands.train_flags import parse_training, print_list, training_parser
from cityzoo.errors import InputError
from cityzoo.spec import TrainSpec
from cityzoo.spec_file import read_spec

ROOT = Path(__file__).resolve().parents[2]


WISHES = {"wanted_precision": 0.9, "false_alarms": 100.0}


def test_no_flags_are_the_defaults():
    """The command of the first page needs none."""
    spec, *others = parse_training([])
    assert others == [None, None]
    own = {"neck_width": 64, "label_smoothing": 0.0, **WISHES}  # of the usual task
    assert spec == TrainSpec(options=own)


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
        options={"neck_width": 64, "label_smoothing": 0.0, **WISHES},
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
    "images/": "'images/' belongs to no flag",
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
from cityzoo.commands.train_flags import parse_training

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


OWN = {name: [item.name for item in tasks.find(name).flags] for name in tasks.names()}
HELP = """
import json, runpy, sys
from contextlib import redirect_stdout
from io import StringIO

said = {}
for task in json.load(sys.stdin):
    sys.argv = ["train.py", "--task", task, "--help"]
    with redirect_stdout(StringIO()) as page:
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as leave:
            said[task] = [leave.code, page.getvalue()]
print(json.dumps({"said": said, "heavy": sorted({"tensorflow", "keras"} & set(sys.modules))}))
"""


@pytest.fixture(scope="module")
def pages():
    """What train.py itself says to --task NAME --help, of every task; nothing heavy is loaded for it."""
    ran = subprocess.run(
        [sys.executable, "-c", HELP],
        input=json.dumps(tasks.names()),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "COLUMNS": "300"},
        check=True,
    )
    answer = json.loads(ran.stdout.splitlines()[-1])
    assert answer["heavy"] == []
    assert {code for code, _ in answer["said"].values()} == {0}
    return {name: page for name, (_, page) in answer["said"].items()}


def default_said(page, flag):
    """The default that a page of help says of a flag."""
    about = re.split(r"^  (?=-)", page.partition("\noptions:\n")[2], flags=re.MULTILINE)
    (words,) = [" ".join(each.split()) for each in about if each.startswith(f"{flag} ")]
    found = re.search(r"\(default: ([^)]*)\)", words)
    return found and found[1]


@pytest.mark.parametrize("name", tasks.names())
def test_help_shows_a_tasks_own_flags_and_defaults(pages, name):
    """Every flag of reader and kind with the task's value; what other tasks have is not shown."""
    task, page = tasks.find(name), pages[name]
    assert f"Task {name}: {task.summary}." in " ".join(page.split()) and f"flags of {name}:" in page
    for item in task.flags:
        default = task.defaults.get(item.name, item.default)
        said = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
        shown = default_said(page, "--" + item.name.replace("_", "-"))
        assert default in (None, (), "") or shown == said, item.name
    others = {flag for flags in OWN.values() for flag in flags} - {
        each.name for each in (*task.flags, *task.shared_flags)
    }
    assert [flag for flag in others if f"--{flag.replace('_', '-')} " in page] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vehicle_classify", {"image-size": "160x160", "views": "2", "head": "linear", "patience": "8"}),
        ("incident_classify", {"image-size": "224x224", "freeze": "backbone", "pooling": "mean+peak"}),
        ("traffic_state", {"split-by": "auto", "jam-count": "14", "augment": "light", "views": "2"}),
        ("vehicle_count", {"head": "density", "image-size": "auto", "views": "auto"}),
        ("scene_anomaly", {"augment": "none", "views": "1", "memory": "1024"}),
        ("vehicle_detect", {"image-size": "auto", "views": "auto", "neck-width": "64", "patience": "15"}),
    ],
)
def test_help_shows_what_a_task_sets_otherwise(pages, name, expected):
    """As its file says."""
    assert {flag: default_said(pages[name], f"--{flag}") for flag in expected} == expected


def test_a_tasks_flags_go_into_the_specs_options():
    """All of them, those not given with the task's defaults; the usual fields have the task's, too."""
    spec = parse_training(["--task", "traffic_state", "--jam-count", "3", "--head", "cosine"]).spec
    assert spec.options.keys() == set(OWN["traffic_state"])
    assert (spec.options["jam_count"], spec.options["head"], spec.options["dense_count"]) == (3, "cosine", 6)
    assert (spec.split_by, spec.views, spec.patience) == ("auto", 2, 8)
    spec = parse_training(["--task", "incident_classify"]).spec
    assert spec.options["pooling"] == "mean+peak" and spec.options["flips"] == "yes"  # of its defaults


def test_options_come_back_from_spec_json(tmp_path):
    """Equal, numbers as numbers; and the task makes the same kind and reader of them."""
    words = (
        "--task vehicle_classify --context 0.25 --least-px 5 --head prototypes --focal 2 --phases solve,C3:2"
    )
    spec = parse_training(words.split()).spec
    spec.write(tmp_path / "spec.json")
    again = read_spec(tmp_path / "spec.json")
    assert again == spec
    assert (again.options["context"], again.options["least_px"], again.options["focal"]) == (0.25, 5, 2.0)
    output = tasks.find(again.task).output_for(("a", "b"), again.options)
    assert (output.head, output.focal, output.resize_mode) == ("prototypes", 2.0, "stretch")
    assert output == tasks.find("vehicle_classify").output_for(("a", "b"), spec.options)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--task vehicle_detect --jam-count 3", "unknown flag '--jam-count': did you mean"),
        ("--task scene_anomaly --memry 64", "unknown flag '--memry': did you mean '--memory'?"),
        ("--task vehicle_count --neck-widht 64", "did you mean '--neck-width'?"),
        ("--task traffic_state --states four", "Allowed: three, two"),
        ("--task vehicle_classify --pooling peak", "did you mean 'mean+peak'?"),
        ("--task scene_anomaly --memory 0", "'0' is not a count"),
        ("--task traffic_state --jam-cover 2", "a factor of 2 is out of bounds"),
        ("--task incident_classify --false-alarms few", "'few' is not a value"),
    ],
)
def test_a_flag_of_another_task_or_a_bad_value_is_refused(words, expected, capsys):
    """One line with the nearest that this task has."""
    with pytest.raises(SystemExit) as caught:
        parse_training(words.split())
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert said.count("\n") == 1 and said.startswith("train.py: error: ") and expected in said, said


def test_the_whole_plan_may_be_given_where_a_task_has_a_default_of_its_own():
    """incident_classify freezes the backbone unless told otherwise: --phases tells it."""
    from cityzoo.fit.devices import resolve_phases

    task = tasks.find("incident_classify")
    spec = parse_training(["--task", "incident_classify", "--phases", "solve,C5:2", "--batch-size", "4"]).spec
    phases = resolve_phases(spec, 8, task.output_for(("fire", "smoke"), spec.options))
    assert [(phase.freeze, phase.epochs) for phase in phases] == [("solve", 1), ("C5", 2)]
    spec = parse_training(["--task", "incident_classify", "--phases", "solve", "--freeze", "C5"]).spec
    with pytest.raises(InputError, match="--phases is the whole plan"):
        resolve_phases(spec, 8, task.output_for(("fire", "smoke"), spec.options))


def test_resume_refuses_a_tasks_own_flags(tmp_path):
    """They are the run's settings as well; they come back as they were."""
    spec = parse_training(["--task", "traffic_state", "--data", "d", "--jam-count", "3"]).spec
    spec.write(tmp_path / "spec.json")
    for words in (["--jam-count", "5"], ["--states=two"], ["--task", "traffic_state", "--head", "cosine"]):
        with pytest.raises((InputError, SystemExit)):
            parse_training(["--resume", str(tmp_path), *words])
    with pytest.raises(InputError, match="it cannot take --jam-count"):
        parse_training(["--resume", str(tmp_path), "--task", "traffic_state", "--jam-count", "5"])
    assert parse_training(["--resume", str(tmp_path)]).spec == spec


def test_resume_says_of_a_tasks_own_flag_why_it_is_refused(tmp_path):
    """Without --task, too: the run says which task it is; the flag is not called unknown."""
    parse_training(["--task", "traffic_state", "--data", "d"]).spec.write(tmp_path / "spec.json")
    with pytest.raises(InputError, match="it cannot take --jam-count"):
        parse_training(["--resume", str(tmp_path), "--jam-count", "5"])


@pytest.mark.parametrize(
    "words", [["--seed", "8"], ["--backbone=vgg16"], ["--patience", "3", "--limit", "2"]]
)
def test_resume_refuses_other_settings(stopped, words):
    """A run is one experiment."""
    with pytest.raises(InputError, match="it cannot take --(seed|backbone|limit)"):
        parse_training(["--resume", str(stopped[0]), *words])
