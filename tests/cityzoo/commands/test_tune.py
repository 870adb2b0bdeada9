"""The command line of tune: wrong searches in one line, before anything heavy is loaded; crashes of the worker."""

import json
import shlex
import subprocess
import sys

import pytest

pytest.importorskip("optuna")

from cityzoo.commands import tune
from cityzoo.errors import InputError
from cityzoo.tune.study import StudyFolder, read_request


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--search", "learning_rate=1e-2..1e-5"], "inverted"),
        (["--search", "learning_rat=1e-5..1e-2"], "learning_rate"),
        (["--search", "val=a,b"], "unknown setting"),
        (["--objectives", "mae"], "balanced_accuracy"),
        (["--objectives", "accuracy,joules"], "milliseconds"),
        (["--pruner", "half"], "halving"),
        (["--only"], "--search"),
        (["--search", "head=linear,cosine", "--head", "linear"], "--head"),
        (["--minutes", "0"], "--minutes"),
        (["--resume", "nowhere"], "nowhere"),
        (["--resume", "nowhere", "--freeze", "none"], "--freeze"),
    ],
)
def test_what_cannot_be_searched_is_refused_at_once(words, said, tmp_path, monkeypatch):
    """Before a folder is made and before a worker starts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune, "_supervise", lambda *_: pytest.fail("started"))
    with pytest.raises(InputError) as error:
        tune.main(words if "--resume" in words else ["--task", "vehicle_classify", "--data", "d", *words])
    assert said in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_what_is_given_is_not_searched_and_the_rest_is_stored(tmp_path, monkeypatch):
    """The study's folder knows the defaults, what the user has set, ranges and objectives."""
    monkeypatch.chdir(tmp_path)
    started = []
    monkeypatch.setattr(tune, "_supervise", lambda folder, limits: started.append((str(folder), limits)) or 0)
    words = ["--task", "vehicle_classify", "--data", "d", "--head", "cosine", "--search", "epochs=2..9"]
    assert tune.main([*words, "--objectives", "accuracy,megabytes", "--minutes", "3"]) == 0
    folder = "runs/tune-vehicle_classify-vgg16-1"
    assert started == [(folder, {"minutes": 3.0, "trials": None, "retrain": 0})]
    request = read_request(StudyFolder(tmp_path / folder))
    assert request["given"] == ["data", "head"] and request["searches"] == ["epochs=2..9"]
    assert (
        request["objectives"] == ["accuracy", "megabytes"] and request["spec"]["output"]["head"] == "cosine"
    )
    assert tune.main(["--resume", folder, "--trials", "4"]) == 0 and started[1][1]["trials"] == 4


def test_a_killed_worker_is_started_again(tmp_path, monkeypatch):
    """Killed by a signal twice, then done: its exit code is the command's; killed again and again: an error."""
    codes = iter([-9, -11, 0])

    class Process:
        pid = 7

        def __init__(self, words):
            assert json.loads(json.dumps(words))[3:6] == ["tune", "--resume", str(tmp_path)]

        def wait(self):
            return next(codes, -9)

    monkeypatch.setattr(subprocess, "Popen", Process)
    limits = {"minutes": 1.0, "trials": 2, "retrain": 0}
    assert tune._supervise(tmp_path, limits) == 0
    with pytest.raises(InputError):
        tune._supervise(tmp_path, limits)


WORKER = """
import os, signal, sys, time
from cityzoo import cli
from cityzoo.commands import tune

def work(_):
    tune._end_with_parent()
    print("started", flush=True)
    time.sleep(20)
    print("still here", flush=True)

sys.exit(cli.run(work, [], "tune"))
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="other systems have no signal at the end of a parent process"
)
def test_a_worker_ends_with_the_command_that_is_killed():
    """Also in the background of a shell script, where SIGINT is ignored."""
    command = f"trap '' INT; {shlex.quote(sys.executable)} -c {shlex.quote(WORKER)}; echo over"
    with subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "started\n"
        parent.kill()
        assert (
            parent.stdout.read() == ""
        )  # at its end the worker has closed it; it would be open for a minute


def test_a_missing_optuna_names_the_line_that_installs_it():
    """Exit code 2, one line."""
    code = (
        "import sys; sys.modules['optuna'] = None\nfrom cityzoo import cli; from cityzoo.commands import tune\n"
        "sys.exit(cli.run(tune.main, ['--data', 'd'], 'tune'))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 2 and 'pip install "cityzoo[tune]"' in found.stderr
    assert found.stderr.count("\n") == 1
