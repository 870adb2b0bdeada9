"""The flags of evaluate.py: those of the run's own task, found behind its other flags."""

import json
import re

import pytest

from cityzoo import tasks
from cityzoo.commands.evaluate_flags import evaluation_parser, parse_evaluation
from cityzoo.errors import InputError
from cityzoo.evaluation.quality_gate import QualityGate
from tests.cityzoo.commands.test_train_flags import OTHER_WORDS
from tests.cityzoo.test_spec_file import FLOW_1, FORMAT_1


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Folders of runs: one of each modality, one of a task with thresholds, two of format 1."""
    monkeypatch.chdir(tmp_path)
    for name in ("vehicle_detect", "traffic_flow", "incident_classify", "scene_anomaly"):
        (tmp_path / name).mkdir()
        tasks.find(name).make_spec({"task": name}).write(tmp_path / name / "spec.json")
    for name, content in (("old", FORMAT_1), ("old_flow", FLOW_1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "the following arguments are required: RUN"),
        (["--json"], "the following arguments are required: RUN"),
        (["vehicle_detect", "--dta", "x"], "did you mean '--data'?"),
        (["vehicle_detect", "--split", "vall"], "did you mean 'val'?"),
        (["vehicle_detect", "--score", "2"], "out of bounds"),
        (["vehicle_detect", "--score", "nan"], "out of bounds"),
        (["vehicle_detect", "--score", "high"], "is not a score"),
        (["vehicle_detect", "--limit", "0"], "is not a count"),
        (["vehicle_detect", "--limit", "auto"], "is not a count"),
        (["vehicle_detect", "--class-map", "van"], "mapping 'van'"),
        (["vehicle_detect", "--require", "AP50"], "AP50>=0.6"),
        (["vehicle_detect", "--robustness", "0"], "is not a count"),
        (["vehicle_detect", "--bad-boxes", "dropp"], "did you mean 'drop'?"),
        (["vehicle_detect", "--slice-by", "cam("], "argument --slice-by: "),
        (["vehicle_detect", "--slice-by", "gone.csv"], "gone.csv"),
        (
            ["traffic_flow", "--explain", "3"],
            "--explain does not apply to runs of 'traffic_flow'; tasks that have it: event_classify",
        ),
        (["traffic_flow", "--slice-by", "folder"], "--slice-by does not apply to runs of 'traffic_flow'"),
        (["traffic_flow", "--predict", "folder"], "--predict does not apply to runs of 'traffic_flow'"),
        (
            ["scene_anomaly", "--wanted-precision", "0.9"],
            "--wanted-precision does not apply to runs of 'scene_anomaly'; tasks that have it: vehicle_detect (",
        ),
    ],
)
def test_bad_flags_are_one_line_and_code_2(runs, words, expected, capsys):
    """Nothing is loaded for that."""
    with pytest.raises(SystemExit) as caught:
        parse_evaluation(words)
    line = capsys.readouterr().err
    assert caught.value.code == 2
    assert line.count("\n") == 1 and line.startswith("evaluate.py: error: ") and expected in line


@pytest.mark.parametrize(
    ("words", "expected"), [(["gone"], "'gone' does not exist"), (["."], "'.' is not a run folder")]
)
def test_folders_that_are_not_runs_are_input_errors(runs, words, expected):
    with pytest.raises(InputError, match=re.escape(expected)):
        parse_evaluation(words)


def test_flags_become_the_command(runs):
    """One of each sort; the others have their defaults."""
    words = "vehicle_detect old --data other --limit 3 --require AP50>=0.5 --json --out new --wanted-precision 0.8"
    command = parse_evaluation(words.split())
    assert (command.folder.path.name, command.spec.run.task) == ("vehicle_detect", "vehicle_detect")
    assert (command.others, command.data, command.out, command.json) == (("old",), "other", "new", True)
    assert command.require == [QualityGate("AP50", ">=", 0.5)]
    assert command.options == {"wanted_precision": 0.8} and command.uses_other_data
    flags = {
        "data": "other",
        "limit": 3,
        "format": None,
        "allow_outside": False,
        "split": None,
        "class_map": None,
        "predict": None,
    }
    flags |= {"bad_boxes": "clip", "score": None, "robustness": None, "attack_eps": 4.0, "explain": None}
    flags |= {"interventions": None, "rules": None, "adversarial": None, "patch_search": None}
    assert command.flags == {**flags, "slice_by": "auto", "projector": False}
    command = parse_evaluation(["vehicle_detect"])
    assert not command.uses_other_data and command.require == [] and command.options == {}


def test_the_run_is_found_behind_flags_of_its_modality(runs):
    """Their values are not taken for it."""
    for words in (
        ["--split", "val", "--class-map", "van=car", "vehicle_detect"],
        ["--wanted-precision", "0.8", "--slice-by", "folder", "vehicle_detect"],
        ["--robustness=3", "--json", "vehicle_detect"],
    ):
        assert parse_evaluation(words).folder.path.name == "vehicle_detect"
    assert parse_evaluation(["--limit", "3", "traffic_flow"]).flags == {
        "data": None,
        "format": None,
        "allow_outside": False,
        "interventions": None,
        "limit": 3,
        "projector": False,
        "rules": None,
    }
    assert parse_evaluation(["vehicle_detect", "--robustness"]).flags["robustness"] == 100
    assert (
        parse_evaluation(["vehicle_detect", "--rules", "fit"]).flags["rules"] == "fit"
    )  # a file for sensors


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [(["--labels", "drop"], "bad_boxes", "drop"), (["--eps", "2"], "attack_eps", 2.0)],
)
def test_old_names_work_and_warn(runs, caplog, words, name, value):
    assert parse_evaluation(["vehicle_detect", *words]).flags[name] == value
    assert f"{words[0]} is now --{name.replace('_', '-')};" in caplog.text


def test_runs_of_format_1_are_opened(runs):
    """Of images with phases, of sensors with options; values by hand."""
    spec = parse_evaluation(["old", "--split", "all"]).spec
    assert (spec.run.task, spec.modality.bad_boxes, spec.output["neck_width"]) == (
        "vehicle_detect",
        "drop",
        32,
    )
    assert [(phase.freeze, phase.epochs) for phase in spec.plan] == [("closed_form", 1), ("C5", 3)]
    spec = parse_evaluation(["old_flow", "--limit", "9"]).spec
    assert (spec.run.task, spec.modality.horizon, spec.modality.hidden_size) == ("traffic_flow", 6, 64)
    with pytest.raises(SystemExit):
        parse_evaluation(["old_flow", "--split", "all"])


def test_help_of_a_run_is_that_of_its_task(runs, capsys):
    """Of no run: all flags, by modality."""
    pages = {}
    for words in (["vehicle_detect"], ["traffic_flow"], []):
        with pytest.raises(SystemExit) as caught:
            parse_evaluation([*words, "--help"])
        assert caught.value.code == 0
        pages["".join(words)] = capsys.readouterr().out
    assert pages["vehicle_detect"] == evaluation_parser(tasks.find("vehicle_detect")).format_help()
    assert pages["traffic_flow"] == evaluation_parser(tasks.find("traffic_flow")).format_help()
    assert "\nimage tasks:\n" in pages[""] and "--wanted-precision" in pages[""]


@pytest.mark.parametrize("name", tasks.names())
def test_help_never_mentions_another_modality(name):
    """Not a word, flag or unit of it; the example of --require fits the task's first metric."""
    task = tasks.find(name)
    page = evaluation_parser(task).format_help()
    words = OTHER_WORDS[task.modality.name].split()
    assert [word for word in words if re.search(rf"\b{word}s?\b", page, re.IGNORECASE)] == []
    assert not re.search(r"\{\w+\}", page)
    metric = task.output.primary_metrics[0]
    assert f'--require "{metric}{"<=" if metric in task.output.lower_is_better else ">="}' in page


def test_verify_refuses_unsigned_changed_missing_and_extra_files(runs, signer_file, public_file):
    """Before anything of the run is loaded; other runs of the comparison are verified, too."""
    import evaluate
    from cityzoo.security.signing import sign_folder

    words = ["vehicle_detect", "--verify", str(public_file)]
    for change, message in (
        (lambda run: None, "is not signed"),
        (lambda run: (run / "data.json").write_text("[1]"), "'data.json' was changed"),
        (lambda run: (run / "data.json").unlink(), "'data.json' was signed and is missing"),
        (lambda run: (run / "model.keras").write_bytes(b"x"), "'model.keras' is extra"),
    ):
        change(runs / "vehicle_detect")
        with pytest.raises(InputError, match=message):
            evaluate.main(words)
        (runs / "vehicle_detect" / "model.keras").unlink(missing_ok=True)
        (runs / "vehicle_detect" / "data.json").write_text("[]")
        sign_folder(runs / "vehicle_detect", signer_file)
    with pytest.raises(InputError, match="'traffic_flow' is not signed"):
        evaluate.main(["vehicle_detect", "traffic_flow", *words[1:]])


def test_an_encrypted_run_is_one_line(runs):
    """With the command that decrypts it."""
    from cityzoo.security.encrypted_folder import encrypt_folder
    from cityzoo.security.encryption_keys import EncryptionKeys

    encrypt_folder(runs / "vehicle_detect", EncryptionKeys((bytes(32),)))
    with pytest.raises(InputError, match="is encrypted: python -m cityzoo protect decrypt"):
        parse_evaluation(["vehicle_detect"])
