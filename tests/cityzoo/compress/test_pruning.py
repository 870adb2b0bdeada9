"""The command as people type it: prune a run, interrupt and continue it, evaluate and resume the result, misuse it."""

import json

import pytest

from cityzoo.model import load
from cityzoo.spec_file import read_spec
from tests.cityzoo.compress.street import COMMAND, SMALL, write_street

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(as_scripts, tmp_path_factory):
    """A folder with a run and pruned ones, and what each command said: {name: (code, out, err)}."""
    folder = tmp_path_factory.mktemp("place")
    write_street(folder / "street")
    (folder / "empty").mkdir()
    train = ["--data", "street", *SMALL, "--augment", "light", "--views", "1"]
    prune = ["prune", "run", "--target-parameters", "0.6x"]
    twice = [*prune, "--rounds", "2", "--epochs", "1", "--importance", "l1", "--no-teacher", "--out", "twice"]
    cases = {
        "train": ("train.py", [*train, "--phases", "backbone:1,C5:1", "--out", "run"]),
        "stopped": (COMMAND, [*prune, "--epochs", "2"], "run-pruned-0.6-parameters/checkpoint.npz"),
        "continued": (COMMAND, [*prune, "--epochs", "2"]),
        "finished": (COMMAND, [*prune, "--epochs", "2"]),
        "twice": (COMMAND, twice),
        "evaluate": ("evaluate.py", ["twice", "run", "--out", "compared"]),
        "longer": ("train.py", ["--resume", "twice", "--epochs", "2"]),
        "no model": (COMMAND, ["prune", "empty", "--target-latency", "0.5x"]),
        "not smaller": (COMMAND, ["prune", "run", "--target-latency", "1.2x"]),
        "no target": (COMMAND, ["prune", "run"]),
        "too small": (COMMAND, ["prune", "run", "--target-parameters", "0.01x", "--importance", "l1"]),
        "taken": (COMMAND, [*prune, "--out", "street"]),
        "stage": (COMMAND, [*prune, "--freeze", "C9"]),
    }
    return folder, as_scripts(folder, cases)


def test_a_pruned_run_is_a_run(place):
    """It reaches its target, is plain Keras, and its report compares it with the run before."""
    folder, said = place
    assert said["train"][0] == 0, said["train"][2]
    assert said["stopped"][0] != 0 and said["continued"][0] == 0, said["continued"][2]
    run = folder / "run-pruned-0.6-parameters"
    before, after = load(folder / "run" / "model.keras"), load(run / "model.keras")
    assert after.count_params() <= 0.6 * before.count_params()
    assert after.name == before.name + "_pruned" and type(after) is type(before)
    assert {layer.name for layer in after.layers if layer.weights} == {
        layer.name for layer in before.layers if layer.weights
    }
    assert after.get_layer("neck_P5_lateral_conv").filters in range(8, 64, 8)
    report = json.loads((run / "report.json").read_text())
    assert report["pruning"]["parameters"] == [
        before.count_params(),
        load(run / "pruned.keras").count_params(),
    ]
    assert report["pruning"]["masked_difference"] < 1e-4
    assert "AP" in report["compared"]["run"]["figures"]
    assert report["teacher"]["run"] == "run"


def test_an_interrupted_run_continues_and_a_finished_one_is_kept(place):
    folder, said = place
    assert "continuing" in said["continued"][1] + said["continued"][2]
    rows = (folder / "run-pruned-0.6-parameters" / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2"]
    assert said["finished"][0] == 2 and "is finished" in said["finished"][2]


def test_rounds_remove_again_from_what_was_fine_tuned(place):
    folder, said = place
    assert said["twice"][0] == 0, said["twice"][2]
    sizes = [load(folder / name / "model.keras").count_params() for name in ("run", "twice/round-1", "twice")]
    assert sizes[1] <= 0.6**0.5 * sizes[0] and sizes[2] <= 0.6 * sizes[0]
    assert read_spec(folder / "twice" / "spec.json").fit.teacher is None
    assert said["evaluate"][0] == 0, said["evaluate"][2]
    assert said["longer"][0] == 0, said["longer"][2]
    report = json.loads((folder / "twice" / "report.json").read_text())
    assert report["epochs"] == 2 and report["pruning"]["parameters"][0] == sizes[0]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no model", "is not a run folder"),
        ("not smaller", "below 1x"),
        ("no target", "--target-latency --target-parameters is required"),
        ("too small", "cannot be reached"),
        ("taken", "exists: give a new name"),
        ("stage", "give one of"),
    ],
)
def test_misuse_is_one_line(place, case, words):
    code, _, err = place[1][case]
    last = err.strip().splitlines()[-1]
    assert code == 2 and words in last and "Traceback" not in err
