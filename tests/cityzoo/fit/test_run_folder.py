"""The folder of a run: created once, cleared of unfinished work, resumed."""

import csv
import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit.checkpoint import load_checkpoint, save_checkpoint
from cityzoo.fit.run_folder import (
    RunFolder,
    finished_epochs,
    free_name,
    next_free_folder,
    open_or_create,
    open_run,
    write_history,
)
from cityzoo.spec_file import read_spec
from tests.conftest import ROOT

DETECT = tasks.find("vehicle_detect")
STATE = {"phase": 1, "epoch": 3, "best": 0.25, "history": [{"epoch": 1, "loss": 2.5}]}


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A spec, with the tests' folder as working directory."""
    monkeypatch.chdir(tmp_path)
    return DETECT.make_spec({"backbone": "slim"})


def test_runs_are_numbered(spec, tmp_path):
    """TASK-BACKBONE-NUMBER under runs/, no number twice."""
    names = []
    for _ in range(2):
        with open_or_create(spec, None) as run:
            save_checkpoint(run.checkpoint, {}, STATE)
            names.append(run.path.as_posix())
    assert names == ["runs/vehicle_detect-slim-1", "runs/vehicle_detect-slim-2"]
    assert read_spec(tmp_path / names[0] / "spec.json") == spec


def test_an_existing_out_is_refused_and_left_alone(tmp_path):
    """The user's folder."""
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="exists: give a new name, remove it, or resume it with --resume"):
        free_name(DETECT.make_spec({"out": str(tmp_path)}))
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path):
    """A file is where the folder above should be."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be created .*give another --out"),
        open_or_create(DETECT.make_spec({"out": str(tmp_path / "file" / "run")}), None),
    ):
        pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, InputError])
def test_without_a_finished_epoch_nothing_is_left(spec, tmp_path, error):
    """Interrupted, broken or refused before there was anything to go on from."""
    with pytest.raises((InputError, RuntimeError)), open_or_create(spec, None) as run:
        run.logs.mkdir()
        (run.logs / "events").write_bytes(b"x" * 100)
        raise error
    assert list((tmp_path / "runs").iterdir()) == []


def test_after_a_finished_epoch_an_interruption_says_how_to_go_on(spec):
    """With the folder's own name."""
    with (
        pytest.raises(InputError, match="--resume runs/vehicle_detect-slim-1$"),
        open_or_create(spec, None) as run,
    ):
        save_checkpoint(run.checkpoint, {"model": [np.ones(2)]}, STATE)
        raise KeyboardInterrupt
    assert run.checkpoint.is_file()


def test_a_run_without_a_checkpoint_is_not_removed_by_resuming_it(tmp_path):
    """Somebody deleted the large file, or copied a run without it: the model must survive."""
    (tmp_path / "model.keras").write_bytes(b"a trained model")
    with (
        pytest.raises(InputError, match="holds no checkpoint.npz"),
        open_or_create(DETECT.make_spec({}), str(tmp_path)) as run,
    ):
        load_checkpoint(run.checkpoint)
    assert (tmp_path / "model.keras").read_bytes() == b"a trained model"


def test_opening_what_is_no_run(tmp_path):
    """Not there, or something else."""
    with pytest.raises(InputError, match="does not exist: give a folder that train.py named"):
        open_run(str(tmp_path / "gone"))
    with pytest.raises(InputError, match="is not a run folder"):
        open_run(str(tmp_path))


def test_history_has_a_column_for_every_figure(tmp_path):
    """A figure that only later epochs have leaves earlier cells empty."""
    write_history(
        tmp_path / "history.csv", [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.5, "val_AP": 0.25}]
    )
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"epoch": "1", "loss": "2.0", "val_AP": ""},
        {"epoch": "2", "loss": "1.5", "val_AP": "0.25"},
    ]


def test_every_file_has_its_own_place(tmp_path):
    """No two parts of a run write over each other."""
    run = RunFolder(tmp_path)
    places = [run.spec, run.model, run.last, run.history, run.logs, run.checkpoint]
    assert len(set(places)) == len(places) and all(place.parent == tmp_path for place in places)


def test_a_new_folder_gets_the_next_free_number(tmp_path):
    """Evaluations do not write over each other."""
    assert [next_free_folder(None, tmp_path, "evaluation").name for _ in range(2)] == [
        "evaluation-1",
        "evaluation-2",
    ]
    assert next_free_folder(str(tmp_path / "a" / "b"), tmp_path, "evaluation").is_dir()


def test_an_existing_folder_or_an_impossible_one_is_refused(tmp_path):
    """Nothing is written over."""
    with pytest.raises(InputError, match="exists: give a new name"):
        next_free_folder(str(tmp_path), tmp_path, "evaluation")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be created"):
        next_free_folder(str(tmp_path / "file" / "below"), tmp_path, "evaluation")


@pytest.mark.parametrize(
    "left", [(), ("spec.json", "data.json", "before.keras", "model.keras", ".999999999.x.npz")]
)
def test_a_folder_of_a_training_killed_before_its_first_checkpoint_is_used_again(spec, tmp_path, left):
    """By its number and by --out; what lay there is gone."""
    folder = tmp_path / "runs" / "vehicle_detect-slim-1"
    folder.mkdir(parents=True)
    for name in left:
        (folder / name).write_text("left")
    for each in (spec, spec.replace(out=str(folder))):
        with open_or_create(each, None) as run:
            assert run.path.resolve() == folder and [file.name for file in folder.iterdir()] == ["spec.json"]
        folder.mkdir()
    with open_or_create(spec, str(folder)) as run:
        assert run.is_unbegun


def test_a_run_without_its_checkpoint_after_two_epochs_is_not_used_again(tmp_path):
    """Somebody removed the large file."""
    write_history(tmp_path / "history.csv", [{"epoch": 1}, {"epoch": 2}])
    (tmp_path / "spec.json").write_text("{}")
    (tmp_path / "model.keras").write_bytes(b"a trained model")
    with pytest.raises(InputError, match="exists"):
        free_name(DETECT.make_spec({"out": str(tmp_path)}))
    assert not RunFolder(tmp_path).is_unbegun


def test_a_run_is_trained_by_one_process_at_a_time(spec, tmp_path):
    """Another process is refused, and gets the next number; nothing is left behind when the first one is killed."""
    script = (
        "import sys, time; from pathlib import Path; from cityzoo.fit.run_lock import lock_run\n"
        "with lock_run(Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
    )
    folder = tmp_path / "runs" / "vehicle_detect-slim-1"
    folder.mkdir(parents=True)
    words = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as other:
        assert other.stdout.readline() == b"locked\n"
        with (
            pytest.raises(InputError, match="is in use by a training .*--resume"),
            open_or_create(spec, str(folder)),
        ):
            pass
        with open_or_create(spec, None) as run:
            assert run.path.name == "vehicle_detect-slim-2"
        other.kill()
    with (
        open_or_create(spec, str(folder)),
        open_or_create(spec, str(folder)) as run,
    ):  # a process may lock twice
        assert run.path == folder


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_full_disk_is_one_line_with_how_to_go_on(spec, number):
    words = "nothing more can be written .*resume with: python train.py --resume 'my run'"
    with pytest.raises(InputError, match=words), open_or_create(spec.replace(out="my run"), None) as run:
        save_checkpoint(run.checkpoint, {"model": [np.ones(2)]}, STATE)
        raise RuntimeError("HDF5 failed") from OSError(number, "while writing")
    assert run.checkpoint.is_file()
    with pytest.raises(RuntimeError), open_or_create(spec, str(run.path)):
        raise RuntimeError("something else")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"epoch\nx\n", b"loss\n1\n", b"epoch,loss\n1,2\n\x00,3\n"])
def test_a_damaged_history_is_one_line(tmp_path, content):
    (tmp_path / "history.csv").write_bytes(content)
    with pytest.raises(InputError, match="history.csv' is damaged .*remove it"):
        finished_epochs(RunFolder(tmp_path))


def test_a_signed_run_stays_as_it_was_signed(tmp_path):
    """New folders of its evaluation lie next to it."""
    from cityzoo.fit.run_folder import next_free_folder

    run = tmp_path / "mine"
    run.mkdir()
    assert next_free_folder(None, run, "evaluation") == run / "evaluation-1"
    (run / "model.sig").touch()
    assert next_free_folder(None, run, "evaluation") == tmp_path / "mine-evaluation-1"
