"""The flags of train.py: every bad value is one line, before TensorFlow is loaded; help speaks of the task alone."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cityzoo import tasks
from cityzoo.cli import flag_fields, flag_name
from cityzoo.commands.train_flags import parse_training, print_list, training_parser
from cityzoo.errors import InputError
from cityzoo.spec import FitFlags, Phase, ResolvedFitFlags, ResolvedSpec, RunFlags
from cityzoo.spec_file import read_spec

ROOT = Path(__file__).resolve().parents[3]
DETECT = tasks.find("vehicle_detect")


def flags_of(name):
    """Names of a task's flags that are not in every task."""
    return [item.name for s in ("modality", "output", "reader") for item in tasks.find(name).flags[s]]


def test_no_flags_are_the_defaults():
    """The command of the first page needs none."""
    spec, *others = parse_training([])
    assert others == [None, None]
    assert spec == DETECT.make_spec({})
    assert spec.output == {
        "rule_loss": None,
        "rule_weight": 1.0,
        "neck_width": 64,
        "label_smoothing": 0.0,
        "wanted_precision": 0.9,
        "false_alarms": 100.0,
    }


def test_flags_become_the_spec():
    """One of each sort."""
    words = (
        "--backbone mobilenet_025 --data d --classes car,bus --class-map van=car --limit 9 --weights random"
    )
    more = "--phases backbone:2,C5:1 --batch-size 4 --learning-rate .01 --image-size 64x96 --augment none --seed 3"
    spec, resumed, _ = parse_training([*words.split(), *more.split(), "--find-lr"])
    assert resumed is None
    run = RunFlags(backbone="mobilenet_025", data="d", limit=9, weights="random", seed=3)
    phases = (("backbone", 2), ("C5", 1))
    assert (spec.run, spec.fit) == (
        run,
        FitFlags(phases=phases, batch_size=4, learning_rate=0.01, find_lr=True, ema=0.998, patience=50),
    )
    given = {
        "classes": ("car", "bus"),
        "class_map": {"van": "car"},
        "image_size": (64, 96),
        "augment": "none",
    }
    brought = {name: DETECT.defaults[name] for name in ("backbone_rate", "train_scale")}
    flags = DETECT.modality.flags(**given, **brought)
    assert spec.modality == flags and spec.output == DETECT.make_spec({}).output and spec.reader == {}


def test_a_tasks_defaults_are_overridden_by_flags(monkeypatch):
    """The task says 64 px and vgg19; the user says vgg16."""
    task = dataclasses.replace(DETECT, defaults={"image_size": (64, 64), "backbone": "vgg19"})
    monkeypatch.setattr(tasks, "find", lambda name: task)
    spec = parse_training(["--backbone", "vgg16"]).spec
    assert (spec.modality.image_size, spec.run.backbone, spec.fit.batch_size) == ((64, 64), "vgg16", 16)
    assert "(default: 64x64)" in " ".join(training_parser("vehicle_detect").format_help().split())


BAD = {
    "--bakbone vgg16": "did you mean '--backbone'?",
    "--batch-siz 3": "did you mean '--batch-size'?",
    "images/": "'images/' belongs to no flag",
    "--data": "expected one argument",
    "--task vehicle_detct": "unknown task 'vehicle_detct': did you mean 'vehicle_detect'?",
    "--task elsewhere/mine.py": "elsewhere/mine.py' does not exist",
    "--backbone vg16": "unknown backbone 'vg16': did you mean 'vgg16'?",
    "--backbone inception_v3": "'inception_v3' has no feature pyramid",
    "--weights nowhere.h5": "'nowhere.h5' is neither a file nor one of auto, imagenet, random",
    "--image-size big": "image size 'big'",
    "--image-size 0": "image size '0'",
    "--image-size 100x64": "multiples of 32, e.g. 96x64",
    "--image-size 16": "multiples of 32, e.g. 32x32",
    "--classes car,car": "names 'car,car'",
    "--class-map van": "mapping 'van'",
    "--bad-boxes clp": "did you mean 'clip'?",
    "--exif sideways": "Allowed: auto, stored, upright",
    "--precision float16": "did you mean",
    "--augment lite": "did you mean 'light'?",
    "--epochs 0": "'0' is not a count",
    "--epochs ³": "'³' is not a count",
    "--batch-size many": "'many' is not a count",
    "--label-smoothing 1": "a share of 1 is out of bounds: give a number of 0 to 0.9",
    "--limit auto": "'auto' is not a count",
    "--views -1": "'-1' is not a count",
    "--patience auto": "'auto' is not a count",
    "--limit -3": "'-3' is not a count",
    "--learning-rate 0": "out of bounds",
    "--learning-rate nan": "out of bounds",
    "--learning-rate quick": "'quick' is not a learning rate",
    "--seed -1": "'-1' is not a seed",
    "--seed 99999999999": "'99999999999' is not a seed",
    "--repeats 0": "'0' is not a count",
    "--optimizer adam": "did you mean 'adamw'?",
    "--freeze everything": "unknown stage to freeze up to 'everything'",
    "--phases backbone": "phases 'backbone'",
    "--phases backbone:0": "phases 'backbone:0'",
    "--phases backbone:1,C9:1": "unknown stage to freeze up to 'C9': did you mean",
    "--delta d.npz --adapt lora:4": "remove --adapt",
    "--delta d.npz": "'d.npz' does not exist",
    "--resume nowhere": "'nowhere' does not exist",
    "--resume .": "is not a run folder",
    "--out .": "'.' exists",
    "--config gone.yaml": "'gone.yaml' cannot be read",
    "--task traffic_flow --backbone sti": "unknown backbone of series 'sti': did you mean 'stid'?",
    "--task traffic_flow --backbone vgg16": "unknown backbone of series 'vgg16'",
    "--task traffic_flow --freeze C3": "unknown stage to freeze up to 'C3'",
    "--task traffic_flow --weights imagenet": "'imagenet' is neither a run folder",
    "--task traffic_flow --graph road": "did you mean 'roads'?",
    "--task traffic_flow --alarm slow": "slow",
    "--task traffic_flow --split 0.8,0.2": "give shares of train, val and test",
    "--task traffic_flow --augment light": "--augment does not apply to task 'traffic_flow'; tasks that have it: "
    + ", ".join(name for name in tasks.names() if "augment" in flags_of(name)),
    "--task traffic_flow --labels drop": "--labels does not apply to task 'traffic_flow'; tasks that have it: ",
    "--task vehicle_detect --horizon 3": "--horizon does not apply to task 'vehicle_detect'; tasks that have it: "
    "air_quality, traffic_flow (",
    "--no-refit": "--no-refit does not apply to task 'vehicle_detect'; tasks that have it: air_quality, traffic_flow (",
    "--jam-count 3": "--jam-count does not apply to task 'vehicle_detect'; tasks that have it: traffic_state (",
    "--task scene_anomaly --memry 64": "unknown flag '--memry': did you mean '--memory'?",
    "--task vehicle_count --neck-widht 64": "did you mean '--neck-width'?",
    "--task traffic_state --states four": "Allowed: three, two",
    "--task vehicle_classify --pooling peak": "did you mean 'mean+peak'?",
    "--task scene_anomaly --memory 0": "'0' is not a count",
    "--task traffic_state --jam-cover 2": "a factor of 2 is out of bounds",
    "--task incident_classify --false-alarms few": "'few' is not a value",
}
SCRIPT = """
import contextlib, io, json, sys
from cityzoo import cli
from cityzoo.commands.train_flags import parse_training

found = {}
for words in json.load(sys.stdin):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        try:
            code = cli.run(lambda arguments: parse_training(arguments) and 0, words.split(), "train.py")
        except SystemExit as leave:
            code = leave.code
    found[words] = [code, errors.getvalue()]
print(json.dumps({"found": found, "heavy": sorted({"tensorflow", "keras"} & set(sys.modules))}))
"""


def run_script(script, given, folder):
    """What a script prints, which is given values and gets nothing from the tests' own process."""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "COLUMNS": "300"},
        check=True,
    )
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Exit code and error of each bad command; all in one process that ends without TensorFlow."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "notes.txt").write_text("a folder with a file is not a run that may start here")
    answer = run_script(SCRIPT, [*BAD, "--list"], folder)
    assert answer["heavy"] == [] and answer["found"].pop("--list") == [None, ""]
    return answer["found"]


@pytest.mark.parametrize("words", BAD)
def test_every_bad_value_is_one_line_and_code_2_before_anything_heavy_is_loaded(answers, words):
    """What was given, what is allowed."""
    code, line = answers[words]
    assert code == 2
    assert line.count("\n") == 1 and line.startswith("train.py: error: ")
    assert BAD[words] in line


def test_list_answers_and_leaves(capsys):
    """Backbones of each modality with their sizes, and tasks."""
    assert parse_training(["--list"]) is None
    page = capsys.readouterr().out
    assert "vgg16" in page and "mobilenet_025" in page and "vehicle_detect" in page and "stid" in page
    print_list()
    assert capsys.readouterr().out == page


@pytest.mark.parametrize("name", ["traffic_flow", "vehicle_detect"])
def test_batch_size_auto_is_resolved_for_every_modality(name):
    """On CPUs by the number of examples; the plan follows it."""
    from cityzoo.fit import auto_settings

    spec = parse_training(
        ["--task", name, "--batch-size", "auto", "--image-size", "64"][: 4 if "flow" in name else 6]
    )
    spec = spec.spec
    assert spec.fit.batch_size == "auto"
    task = tasks.find(name)

    class Data:
        train = range(320)

    done = auto_settings.resolve(spec, task, Data, task.output_for(("a", "b"), spec.output))
    assert isinstance(done, ResolvedSpec) and 1 <= done.fit.batch_size <= 128
    assert done.plan and all(phase.epochs >= 1 for phase in done.plan)
    assert auto_settings.resolve(done, task, Data, task.output_for(("a", "b"))) is done


# --- old names

OLD = {
    "--draws 3": ("run", "repeats", 3, "--draws is now --repeats"),
    "--labels drop": ("modality", "bad_boxes", "drop", "--labels is now --bad-boxes"),
    "--find-lr yes": ("fit", "find_lr", True, "--find-lr yes is now --find-lr"),
    "--find-lr=no": ("fit", "find_lr", False, "--find-lr no is now --no-find-lr"),
    "--phases solve,C5:1": ("fit", "phases", (("closed_form", 1), ("C5", 1)), ""),
    "--task traffic_flow --width 32": ("modality", "hidden_size", 32, "--width is now --hidden-size"),
    "--task traffic_flow --days 3": ("modality", "train_days", 3.0, "--days is now --train-days"),
    "--task traffic_flow --channel speed": ("reader", "channels", "speed", "--channel is now --channels"),
    "--task traffic_flow --refit no": ("output", "refit", False, "--refit no is now --no-refit"),
    "--task vehicle_classify --flips yes": ("output", "flips", True, "--flips yes is now --flips"),
}


@pytest.mark.parametrize("words", OLD)
def test_old_names_and_values_work_and_warn(words, caplog):
    section, name, value, warning = OLD[words]
    found = getattr(parse_training(words.split()).spec, section)
    assert (found[name] if isinstance(found, dict) else getattr(found, name)) == value
    assert warning in caplog.text and bool(warning) == bool(caplog.records)


# --- resume


@pytest.fixture
def stopped(tmp_path):
    """The spec of a run that was stopped."""
    folder = tmp_path / "run"
    folder.mkdir()
    spec = DETECT.make_spec({"backbone": "mobilenet_025", "data": "d", "image_size": (64, 64), "seed": 7})
    spec.write(folder / "spec.json")
    return folder, spec


def test_resume_takes_the_runs_own_settings(stopped):
    """And none of today's defaults; patience and the cache may change."""
    folder, spec = stopped
    assert parse_training(["--resume", str(folder)]) == (spec, str(folder), None)
    longer, *_ = parse_training([f"--resume={folder}", "--patience", "99", "--cache", "off"])
    assert longer == spec.replace(patience=99, cache="off")
    assert read_spec(folder / "spec.json") == spec


def test_resume_can_extend_the_plan(stopped):
    """Phases that are not finished get as many epochs."""
    folder, spec = stopped
    plan = (Phase("backbone", 2, 0.01), Phase("C5", 2, 0.001))
    fit = ResolvedFitFlags(**vars(spec.fit))
    ResolvedSpec(spec.run, fit, spec.modality, spec.output, spec.reader, plan).write(folder / "spec.json")
    longer = parse_training(["--resume", str(folder), "--epochs", "5"]).spec
    assert [phase.epochs for phase in longer.plan] == [5, 5]


@pytest.mark.parametrize(
    "words", [["--seed", "8"], ["--backbone=vgg16"], ["--patience", "3", "--limit", "2"]]
)
def test_resume_refuses_other_settings(stopped, words):
    """A run is one experiment."""
    with pytest.raises(InputError, match="--(seed|backbone|limit) cannot be changed"):
        parse_training(["--resume", str(stopped[0]), *words])


def test_resume_refuses_a_tasks_own_flags(tmp_path):
    """They are the run's settings as well; they come back as they were, with --task and without."""
    spec = parse_training(["--task", "traffic_state", "--data", "d", "--jam-count", "3"]).spec
    spec.write(tmp_path / "spec.json")
    for words in (["--jam-count", "5"], ["--states=two"], ["--task", "traffic_state", "--head", "cosine"]):
        with pytest.raises(InputError, match="--(jam-count|states|head) cannot be changed"):
            parse_training(["--resume", str(tmp_path), *words])
    assert parse_training(["--resume", str(tmp_path)]).spec == spec


# --- config files


@pytest.fixture
def config(tmp_path):
    """Return a function that writes a config file and parses a command with it."""

    def parse(text, *words, name="run.yaml"):
        (tmp_path / name).write_text(text)
        return parse_training(["--config", str(tmp_path / name), *words])

    return parse


def test_flags_override_a_config_file_and_it_overrides_defaults(config):
    text = (
        "run: {task: incident_classify, seed: 4}\nfit: {patience: 3, batch_size: 8}\noutput: {dropout: 0.1}"
    )
    spec = config(text, "--batch-size", "2").spec
    assert (spec.run.task, spec.run.seed, spec.fit.patience, spec.fit.batch_size) == (
        "incident_classify",
        4,
        3,
        2,
    )
    assert (spec.output["dropout"], spec.output["pooling"], spec.fit.freeze) == (0.1, "mean", "backbone")


def test_a_config_file_of_another_task_than_the_flag_gives_what_applies(config):
    """--task is above the file: seed and patience apply to any task, the output's flags do not."""
    text = "run: {task: incident_classify, seed: 4}\nfit: {patience: 3}\noutput: {dropout: 0.1}"
    spec = config(text, "--task", "traffic_flow").spec
    assert (spec.run.task, spec.run.seed, spec.fit.patience) == ("traffic_flow", 4, 3)
    assert "dropout" not in spec.output


def test_the_spec_of_a_run_repeats_it(stopped, tmp_path):
    """The same plan and settings into a new folder; a flag that plans makes a new plan."""
    folder, spec = stopped
    plan = (Phase("backbone", 2, 0.01), Phase("C5", 2, 0.001))
    spec = spec.replace(out=str(tmp_path / "run"))
    fit = ResolvedFitFlags(**vars(spec.fit))
    ResolvedSpec(spec.run, fit, spec.modality, spec.output, spec.reader, plan).write(folder / "spec.json")
    words = ["--config", str(folder / "spec.json")]
    again = parse_training(words).spec
    assert isinstance(again, ResolvedSpec) and again.plan == plan
    assert again.run == dataclasses.replace(spec.run, out=None)
    assert (again.fit, again.modality, again.output) == (fit, spec.modality, spec.output)
    other = parse_training([*words, "--seed", "8", "--out", str(tmp_path / "new")]).spec
    assert (other.plan, other.run.seed, other.run.out) == (plan, 8, str(tmp_path / "new"))
    for more in (["--epochs", "3"], ["--batch-size", "auto"], ["--phases", "backbone:1"]):
        assert not isinstance(parse_training([*words, *more]).spec, ResolvedSpec), more
    changed = parse_training([*words, "--task", "traffic_flow", "--backbone", "stid"]).spec
    assert not isinstance(changed, ResolvedSpec) and changed.run.task == "traffic_flow"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--phases", "closed_form,C5:2", "--class-map", "van=car", "--image-size", "64x96", "--find-lr"],
        ["--task", "traffic_flow", "--no-refit", "--alarm", "speed < 30 within 30min with 0.6 probability"],
        ["--task", "traffic_state", "--states", "two", "--jam-cover", "0.2"],
    ],
)
def test_the_printed_config_is_accepted_again(config, capsys, words):
    """And gives the same spec."""
    assert parse_training([*words, "--print-config"]) is None
    printed = capsys.readouterr().out
    assert config(printed).spec == parse_training(words).spec
    assert parse_training([*words, "--print-config"]) is None and capsys.readouterr().out == printed


def test_a_plan_on_the_command_line_replaces_that_of_the_file(config):
    """--freeze or --epochs over phases of the file, and the other way round."""
    assert config("fit: {phases: 'backbone:2,C5:1'}", "--freeze", "C3").spec.fit.phases == ()
    spec = config("fit: {freeze: C3, epochs: 5}", "--phases", "backbone:1").spec
    assert (spec.fit.freeze, spec.fit.epochs, spec.fit.phases) == ("auto", "auto", (("backbone", 1),))


def test_mistakes_in_a_config_file_are_input_errors(config):
    """Each is one line; test_spec_file.py has all sorts of them."""
    with pytest.raises(InputError, match="unknown key of fit 'epoch': did you mean 'epochs'"):
        config("fit: {epoch: 3}")
    with pytest.raises(InputError, match="unknown backbone 'vg16': did you mean 'vgg16'"):
        config("run: {backbone: vg16}")
    with pytest.raises(InputError, match="multiples of 32"):
        config("modality: {image_size: [100, 64]}")


# --- help

HELP = """
import json, runpy, sys
from contextlib import redirect_stdout
from io import StringIO

pages = {}
for task in json.load(sys.stdin):
    sys.argv = ["train.py", "--task", task, "--help"]
    with redirect_stdout(StringIO()) as page:
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as leave:
            pages[task] = [leave.code, page.getvalue()]
print(json.dumps({"pages": pages, "heavy": sorted({"tensorflow", "keras"} & set(sys.modules))}))
"""
OTHER_WORDS = {  # of the other modality
    "series": "image picture photo pixel frame box C2 C3 C4 C5 ImageNet tfds augment adapt views preview",
    "text": "image picture photo pixel frame box C2 C3 C4 C5 ImageNet tfds augment sensor horizon stid mel",
    "audio": "image picture photo pixel box C2 C3 C4 C5 ImageNet tfds sensor horizon forecast stid token lora",
    "multimodal": "photo pixel C2 C3 C4 C5 tfds adapt views preview horizon forecast stid mel lora",
    "image": "sensor sensors window windows series horizon forecast road-graph quantile stid",
}


@pytest.fixture(scope="module")
def pages():
    """What train.py itself answers to --task NAME --help, for every task; nothing heavy is loaded for it."""
    answer = run_script(HELP, tasks.names(), ROOT)
    assert answer["heavy"] == []
    assert {code for code, _ in answer["pages"].values()} == {0}
    return {name: page for name, (_, page) in answer["pages"].items()}


def default_shown(page, flag):
    """The default that a page of help shows for a flag."""
    about = re.split(r"^  (?=-)", page.partition("\noptions:\n")[2], flags=re.MULTILINE)
    (words,) = [" ".join(each.split()) for each in about if re.match(rf"{flag}[ ,]", each)]
    found = re.search(r"\(default: ([^)]*)\)", words)
    return found and found[1]


def as_shown(value, separator):
    """A default as help shows it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return separator.join(as_shown(each, ":") for each in value)
    return str(value)


@pytest.mark.parametrize("name", tasks.names())
def test_help_shows_a_tasks_own_flags_and_defaults(pages, name):
    """Every flag of modality, output and reader with the task's value; what other tasks have is not shown."""
    task, page = tasks.find(name), pages[name]
    assert f"Task {name}: {task.summary}." in " ".join(page.split())
    for item in (item for items in task.flags.values() for item in items):
        default = {**task.defaults, "task": name}.get(item.name, item.default)
        shown = default_shown(page, flag_name(item.name))
        hidden = default in (None, (), "")
        assert hidden or shown == as_shown(default, item.metadata["separator"]), item.name
    others = {flag for other in tasks.names() for flag in flags_of(other)} - set(flags_of(name))
    assert [flag for flag in others if re.search(rf"{flag_name(flag)}\b(?!-)", page)] == []


@pytest.mark.parametrize("name", tasks.names())
def test_help_groups_flags_by_their_owner(pages, name):
    """Run, training, modality, output and reader, in this order; each flag under its own title."""
    task, page = tasks.find(name), pages[name]
    titles = [
        "run:",
        "training:",
        f"{task.modality.name} tasks:",
        f"output of {name}:",
        f"data of {name}:",
        "other:",
    ]
    sections = dict(zip(("run", "fit", "modality", "output", "reader"), titles, strict=False))
    places = [page.find(f"\n{title}\n") for title in titles]
    assert [place for place in places if place > 0] == sorted(place for place in places if place > 0)
    for section, title in sections.items():
        if not task.flags[section]:
            assert f"\n{title}\n" not in page
            continue
        group = page.partition(f"\n{title}\n")[2].partition("\n\n")[0]
        assert re.findall(r"^  (--[\w-]+)", group, re.MULTILINE) == [
            flag_name(i.name) for i in task.flags[section]
        ]


@pytest.mark.parametrize("name", tasks.names())
def test_help_never_mentions_another_modality(pages, name):
    """Not a word, flag or unit of it; no placeholder is left."""
    words = OTHER_WORDS[tasks.find(name).modality.name].split()
    found = [word for word in words if re.search(rf"\b{word}s?\b", pages[name], re.IGNORECASE)]
    theirs = {"mask", "label", "speaker", "number"}  # placeholders of prompts and of file names
    assert found == [] and set(re.findall(r"\{(\w+)\}", pages[name])) <= theirs


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vehicle_classify", {"image-size": "160x160", "views": "2", "head": "linear", "patience": "8"}),
        (
            "incident_classify",
            {"image-size": "224x224", "freeze": "backbone", "pooling": "mean", "flips": "on"},
        ),
        ("traffic_state", {"split-by": "auto", "jam-count": "14", "augment": "light", "views": "2"}),
        ("vehicle_count", {"head": "density", "image-size": "auto", "views": "auto"}),
        ("scene_anomaly", {"augment": "none", "views": "1", "memory": "1024"}),
        ("vehicle_detect", {"image-size": "auto", "views": "auto", "neck-width": "64", "patience": "50"}),
        ("traffic_flow", {"backbone": "stid", "split": "0.7,0.1,0.2", "refit": "on", "horizon": "12"}),
        (
            "air_quality",
            {
                "history": "24",
                "alarm": "pm25 > 75 within 6h with at most 0.5 false alarms a week if possible",
                "seed": "0",
            },
        ),
    ],
)
def test_help_shows_what_a_task_sets_otherwise(pages, name, expected):
    """As its file has it."""
    assert {flag: default_shown(pages[name], f"--{flag}") for flag in expected} == expected


# --- tasks


def test_a_tasks_flags_go_into_the_sections_of_the_spec():
    """All of them, those not given with the task's defaults; the general fields have the task's, too."""
    spec = parse_training(["--task", "traffic_state", "--jam-count", "3", "--head", "cosine"]).spec
    reader = {item.name for item in flag_fields(tasks.find("traffic_state").reader)}
    assert spec.reader.keys() == reader and "head" in spec.output
    assert (spec.reader["jam_count"], spec.output["head"], spec.reader["dense_count"]) == (3, "cosine", 6)
    assert (spec.modality.split_by, spec.modality.views, spec.fit.patience) == ("auto", 2, 8)
    spec = parse_training(["--task", "incident_classify"]).spec
    assert spec.output["pooling"] == "mean" and spec.output["flips"] is True  # of its defaults


def test_tasks_of_sensors_have_defaults_of_their_own():
    """Two flags given, the others the task's."""
    spec = parse_training(["--task", "air_quality", "--history", "48", "--split", "0.6,0.2,0.2"]).spec
    assert (spec.run.backbone, spec.modality.history, spec.modality.horizon) == ("stid", 48, 24)
    assert spec.modality.split == (0.6, 0.2, 0.2)
    assert spec.output["alarm"] == ("pm25 > 75 within 6h with at most 0.5 false alarms a week if possible",)


def test_a_plan_may_be_given_where_a_task_has_a_default_of_its_own():
    """incident_classify freezes the backbone unless told otherwise: --phases tells it."""
    from cityzoo.fit.auto_settings import plan_phases

    task = tasks.find("incident_classify")

    def plan(*words):
        spec = parse_training(["--task", "incident_classify", *words]).spec
        return plan_phases(spec, task, task.output_for(("fire", "smoke"), spec.output), 8, 4)

    phases = plan("--phases", "solve,C5:2", "--batch-size", "4")
    assert [(phase.freeze, phase.epochs) for phase in phases] == [("closed_form", 1), ("C5", 2)]
    with pytest.raises(InputError, match="--phases cannot be combined with --freeze or --epochs"):
        plan("--phases", "solve", "--freeze", "C5")
