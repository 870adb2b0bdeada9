"""spec.json and config files: everything comes back, mistakes are one line, files of format 1 are still read."""

import json
from dataclasses import replace

import pytest
import yaml

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.spec import Phase, ResolvedFitFlags, ResolvedSpec, TrainSpec
from cityzoo.spec_file import make_spec, read_config, read_spec

DETECT = tasks.find("vehicle_detect")
FULL = {
    "backbone": "mobilenet_025",
    "data": "a b/ü",
    "classes": ("car", "bus"),
    "class_map": {"van": "car", "person": "ignore"},
    "epochs": 3,
    "image_size": (64, 96),
    "limit": 5,
    "find_lr": True,
    "augment": ({"transform": "flip", "probability": 0.5}, {"transform": "letterbox"}),
    "neck_width": 8,
}


def resolved(spec, *plan):
    """The spec as a run writes it."""
    fit = ResolvedFitFlags(**vars(spec.fit))
    return ResolvedSpec(spec.run, fit, spec.modality, spec.output, spec.reader, plan)


@pytest.mark.parametrize("name", tasks.names())
def test_defaults_of_every_task_come_back(tmp_path, name):
    spec = tasks.find(name).make_spec({"task": name})
    spec.write(tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json") == spec


def test_everything_comes_back_from_the_file(tmp_path):
    """Tuples as tuples, phases as phases, names with umlauts."""
    spec = resolved(DETECT.make_spec(FULL), Phase("backbone", 2, 0.002), Phase("C3", 1, 0.0002, 4))
    spec.write(tmp_path / "spec.json")
    again = read_spec(tmp_path / "spec.json")
    assert again == spec and isinstance(again, ResolvedSpec)
    assert all(isinstance(phase, Phase) for phase in again.plan)


def test_phases_as_given_come_back_too(tmp_path):
    """Before a run resolves them they are pairs."""
    spec = DETECT.make_spec({"phases": (("closed_form", 1), ("C3", 2))})
    spec.write(tmp_path / "spec.json")
    again = read_spec(tmp_path / "spec.json")
    assert again == spec and not isinstance(again, ResolvedSpec)


def test_options_come_back_and_make_the_same_output(tmp_path):
    """Numbers as numbers, those of reader and output."""
    task = tasks.find("vehicle_classify")
    options = {"task": "vehicle_classify", "context": 0.25, "least_px": 5, "head": "prototypes", "focal": 2.0}
    spec = task.make_spec(options)
    spec.write(tmp_path / "spec.json")
    again = read_spec(tmp_path / "spec.json")
    assert (again.reader["context"], again.reader["least_px"], again.output["focal"]) == (0.25, 5, 2.0)
    output = task.output_for(("a", "b"), again.output)
    assert (output.head, output.focal, output.resize_mode) == ("prototypes", 2.0, "stretch")
    assert output == task.output_for(("a", "b"), spec.output)


def test_missing_keys_get_todays_defaults(tmp_path):
    """A spec.json of an earlier version, which lacked some flags, in either format."""
    expected = DETECT.make_spec({"backbone": "vgg19"})
    for content in (
        {"format_version": 2, "run": {"backbone": "vgg19"}},
        {"task": "vehicle_detect", "backbone": "vgg19"},
    ):
        (tmp_path / "spec.json").write_text(json.dumps(content))
        assert read_spec(tmp_path / "spec.json") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not a run folder: it holds no spec.json"),
        ("{", "is damaged"),
        ("[1]", "holds a list"),
        ('{"colour": 1}', "unknown section 'colour'"),
        ('{"format_version": 3, "run": {}}', "has format_version 3, .* reads up to 2: use a newer version"),
        ('{"format_version": "2"}', "has format_version 2"),
        ('{"run": {}, "plan": [{"freeze": "C3"}]}', "its plan holds no phases"),
        ('{"run": {}, "plan": 3}', "its plan holds no phases"),
        ('{"task": "vehicle_detect", "phases": [{"freeze": "C3"}]}', "its phases are not valid"),
        ('{"task": "vehicle_detect", "phases": [["C3", 1]]}', "its phases are not valid"),
        ('{"task": "vehicle_detct"}', "unknown task 'vehicle_detct': did you mean 'vehicle_detect'"),
    ],
)
def test_damaged_or_newer_specs_are_one_line(tmp_path, text, words):
    """Not there, half written, something else, or of a newer version."""
    if text is not None:
        (tmp_path / "spec.json").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_spec(tmp_path / "spec.json")
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value) or "unknown task" in words


def read_yaml(tmp_path, text):
    """The spec of a config file."""
    (tmp_path / "run.yaml").write_text(text)
    return make_spec(read_config(tmp_path / "run.yaml"))


def test_a_config_file_has_the_names_of_spec_json(tmp_path):
    """As people write it: lists or the words of the command line; off and none are words."""
    text = """
run: {backbone: mobilenet_025, data: roads, limit: 9}
fit:
  phases: [[backbone, 2], [C5, 1]]
  learning_rate: 1e-2
  find_lr: yes
modality:
  classes: [car, bus]
  class_map: {van: car}
  image_size: 64x96
  augment: none
  cache: off
output: {neck_width: 32}
"""
    spec = read_yaml(tmp_path, text)
    assert spec == DETECT.make_spec(
        {
            "backbone": "mobilenet_025",
            "data": "roads",
            "limit": 9,
            "phases": (("backbone", 2), ("C5", 1)),
            "learning_rate": 0.01,
            "find_lr": True,
            "classes": ("car", "bus"),
            "class_map": {"van": "car"},
            "image_size": (64, 96),
            "augment": "none",
            "cache": "off",
            "neck_width": 32,
        }
    )
    words = text.replace("[[backbone, 2], [C5, 1]]", "backbone:2,C5:1").replace("[car, bus]", "car,bus")
    assert read_yaml(tmp_path, words.replace("{van: car}", "van=car").replace("64x96", "[64, 96]")) == spec


def test_a_config_of_another_task_has_its_sections(tmp_path):
    text = """
run: {task: traffic_flow}
modality: {horizon: 6, split: [0.6, 0.2, 0.2]}
output: {refit: false, alarm: [speed < 30 within 30min with 0.6 probability]}
reader: {channels: speed}
"""
    spec = read_yaml(tmp_path, text)
    assert (spec.modality.horizon, spec.modality.split, spec.fit.batch_size) == (6, (0.6, 0.2, 0.2), 32)
    assert spec.output["refit"] is False and spec.reader["channels"] == "speed"
    assert spec.output["alarm"] == ("speed < 30 within 30min with 0.6 probability",)
    assert read_yaml(tmp_path, "") == DETECT.make_spec({})
    assert read_yaml(tmp_path, "run: {task: air_quality}\noutput: {alarm: []}").output["alarm"] == ()


def test_what_is_printed_is_read_again(tmp_path):
    """YAML and JSON, phases, policies and mappings; equal in every field."""
    for spec in (
        DETECT.make_spec(FULL),
        DETECT.make_spec({"phases": (("backbone", 2), ("C3", 1)), "freeze": "none", "cache": "off"}),
        tasks.find("air_quality").make_spec({"task": "air_quality", "refit": False}),
        resolved(DETECT.make_spec(FULL), Phase("C3", 2, 0.1)),
    ):
        plain = json.loads(json.dumps(spec.as_dict()))
        assert read_yaml(tmp_path, yaml.safe_dump({"format_version": 2, **plain})) == spec
        assert isinstance(spec, TrainSpec)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fitt: {epochs: 3}", "unknown section 'fitt': did you mean 'fit'"),
        ("fit: {epoch: 3}", "unknown key of fit 'epoch': did you mean 'epochs'"),
        ("fit: {horizon: 3}", "unknown key of fit 'horizon'"),
        ("modality: {horizon: 3}", "unknown key of modality 'horizon'"),
        ("run: {task: vehicle_detct}", "unknown task 'vehicle_detct': did you mean 'vehicle_detect'"),
        ("run: {task: 5}", "unknown task '5'"),
        ("fit: 3", "section 'fit' is 3: give names and values"),
        ("fit:", "section 'fit' is empty"),
        ("fit: [1]", "section 'fit' is a list"),
        ("fit: {epochs: many}", "fit.epochs: 'many' is not a count"),
        ("fit: {epochs: 2.5}", "fit.epochs: '2.5' is not a count"),
        ("fit: {epochs: true}", "fit.epochs is true or false"),
        ("fit: {epochs: [3]}", "fit.epochs is a list: give a value as for --epochs"),
        ("fit: {epochs: }", "fit.epochs is empty"),
        ("fit: {find_lr: 1}", "fit.find_lr is 1: give true or false"),
        ("fit: {find_lr: maybe}", "fit.find_lr is 'maybe': give true or false"),
        ("fit: {optimizer: adam}", "fit.optimizer: unknown value 'adam': did you mean 'adamw'"),
        ("fit: {phases: [[backbone, two]]}", "fit.phases: phases 'backbone:two'"),
        ("fit: {phases: [[backbone, 0]]}", "fit.phases: phases 'backbone:0'"),
        ("fit: {phases: [3]}", "fit.phases: phases '3'"),
        ("modality: {image_size: [1, 2, 3]}", "modality.image_size: image size '1x2x3'"),
        ("modality: {image_size: {height: 3}}", "modality.image_size is a mapping"),
        ("modality: {class_map: {van: [1]}}", "modality.class_map"),
        ("modality: {class_map: [van]}", "modality.class_map is a list"),
        ("modality: {augment: [{transfrom: flip}]}", "modality.augment is a list"),
        ("modality: {augment: [flip]}", "modality.augment is a list"),
        (
            "run: {task: traffic_flow}\nmodality: {split: [0.5, 0.1]}",
            "modality.split: '0.5,0.1' is not a split",
        ),
        ("run: {task: traffic_flow}\noutput: {alarm: [speed is low]}", "output.alarm: "),
        ("run: {data: [a, b]}", "run.data is a list"),
        ("- 1", "holds a list, expected sections run, fit, modality, output, reader"),
        ("fit: {epochs: 3", "is damaged"),
        ("format_version: 3\nfit: {epochs: 3}", "has format_version 3"),
        ("backbone: vgg16", "unknown section 'backbone'"),
    ],
)
def test_a_mistake_in_a_config_is_one_line_with_its_place(tmp_path, text, words):
    """File, section and key; the nearest name, or what to give instead."""
    with pytest.raises(InputError, match=words) as caught:
        read_yaml(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "run.yaml" in str(caught.value) or "unknown task" in words


def test_a_config_that_is_not_there_is_one_line(tmp_path):
    for path in (tmp_path / "gone.yaml", tmp_path):
        with pytest.raises(InputError, match="cannot be read .*: give a YAML or JSON file"):
            read_config(path)


FORMAT_1 = {  # as version 1 wrote it: one flat mapping for all tasks
    "task": "vehicle_detect",
    "backbone": "mobilenet_025",
    "data": "street",
    "val": None,
    "format": None,
    "classes": ["car", "bus"],
    "class_map": {"van": "car"},
    "labels": "drop",
    "exif": "auto",
    "split_by": "file",
    "shots": None,
    "draws": 2,
    "unlabelled": None,
    "limit": None,
    "weights": "random",
    "freeze": "auto",
    "epochs": "auto",
    "phases": [
        {"freeze": "solve", "epochs": 1, "learning_rate": 0.002},
        {"freeze": "C5", "epochs": 3, "learning_rate": 0.0002},
    ],
    "structure": "",
    "adapt": None,
    "delta": None,
    "batchnorm": "frozen",
    "batch_size": 4,
    "learning_rate": 0.002,
    "find_lr": "yes",
    "layer_decay": 1.0,
    "optimizer": "adamw",
    "schedule": "cosine",
    "weight_decay": 0.01,
    "clip_norm": 10.0,
    "ema": 0.0,
    "image_size": [64, 96],
    "augment": [{"transform": "letterbox"}, {"transform": "flip", "probability": 0.5}],
    "views": 2,
    "cache": "auto",
    "keep_decoded": "off",
    "precision": "auto",
    "patience": 7,
    "seed": 3,
    "out": "runs/old",
    "options": {"neck_width": 32, "label_smoothing": 0.1, "wanted_precision": 0.8, "false_alarms": 50.0},
}
FLOW_1 = {  # flags of images are in it, too; they did nothing
    **FORMAT_1,
    "task": "traffic_flow",
    "backbone": "stid",
    "classes": [],
    "class_map": None,
    "labels": "clip",
    "draws": 1,
    "weights": "auto",
    "phases": [],
    "find_lr": "no",
    "image_size": "auto",
    "augment": "standard",
    "batch_size": 32,
    "options": {
        **{
            "start": None,
            "step": "5min",
            "timezone": None,
            "unit": None,
            "channel": "speed",
            "adjacency": "a.csv",
        },
        **{
            "missing": None,
            "history": 24,
            "horizon": 6,
            "split": [0.6, 0.2, 0.2],
            "graph": "roads",
            "width": 64,
        },
        **{"days": 3.0, "refit": "no", "alarm": ["speed < 30 within 30min with 0.6 probability"]},
    },
}


def test_an_image_run_of_format_1_is_read(tmp_path):
    """Renamed flags, yes and no, solve, the task's options; the plan as it was."""
    (tmp_path / "spec.json").write_text(json.dumps(FORMAT_1))
    spec = read_spec(tmp_path / "spec.json")
    assert isinstance(spec, ResolvedSpec)
    assert spec.plan == (Phase("closed_form", 1, 0.002), Phase("C5", 3, 0.0002))
    run, fit, flags = spec.run, spec.fit, spec.modality
    assert (run.backbone, run.data, run.repeats, run.seed, run.out) == (
        "mobilenet_025",
        "street",
        2,
        3,
        "runs/old",
    )
    assert (fit.batch_size, fit.find_lr, fit.patience, fit.phases) == (4, True, 7, ())
    assert (flags.bad_boxes, flags.classes, flags.class_map) == ("drop", ("car", "bus"), {"van": "car"})
    assert (flags.image_size, flags.views) == ((64, 96), 2)
    assert flags.augment == ({"transform": "letterbox"}, {"transform": "flip", "probability": 0.5})
    new = {"rule_loss": None, "rule_weight": 1.0}  # flags that came later
    assert spec.output == {**FORMAT_1["options"], **new} and spec.reader == {}
    spec.write(tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json") == spec


def test_a_series_run_of_format_1_is_read(tmp_path):
    """Its options are in three sections now, some under other names; it had no phases."""
    (tmp_path / "spec.json").write_text(json.dumps(FLOW_1))
    spec = read_spec(tmp_path / "spec.json")
    assert not isinstance(spec, ResolvedSpec)
    flags = spec.modality
    assert (flags.history, flags.horizon, flags.split, flags.graph) == (24, 6, (0.6, 0.2, 0.2), "roads")
    assert (flags.hidden_size, flags.train_days) == (64, 3.0)
    assert (spec.output["refit"], spec.output["alarm"]) == (
        False,
        ("speed < 30 within 30min with 0.6 probability",),
    )
    assert (spec.reader["channels"], spec.reader["step"], spec.reader["adjacency"]) == (
        "speed",
        "5min",
        "a.csv",
    )
    assert (spec.fit.batch_size, spec.fit.patience, spec.run.seed) == (32, 7, 3)


def test_wrong_values_of_format_1_are_one_line(tmp_path):
    (tmp_path / "spec.json").write_text(json.dumps({**FORMAT_1, "patience": "long"}))
    with pytest.raises(InputError, match=r"spec.json': patience: 'long' is not a count"):
        read_spec(tmp_path / "spec.json")
    assert replace(DETECT.make_spec({}).run, seed=3).seed == 3


@pytest.mark.parametrize("value", [None, True, -1, "x", [], {}, 10**400, [None]])
@pytest.mark.parametrize("place", ["freeze", "epochs", "learning_rate", "plan", "task", "format_version"])
def test_values_of_a_wrong_type_in_the_spec_of_a_run_are_one_line(tmp_path, value, place):
    phase = {"freeze": "backbone", "epochs": 2, "learning_rate": 0.01}
    content = {"format_version": 2, "run": {"task": "vehicle_detect"}, "plan": [phase]}
    where = phase if place in phase else content["run"] if place == "task" else content
    where[place] = value
    (tmp_path / "spec.json").write_text(json.dumps(content))
    try:
        plan = getattr(read_spec(tmp_path / "spec.json"), "plan", ())
        assert all(isinstance(each.epochs, int) and isinstance(each.freeze, str) for each in plan)
    except InputError as error:
        assert "\n" not in str(error)
