"""Two processes train the model of a single one: started as on a cluster, on Keras' JAX backend."""

import importlib.util
import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from augment.epoch_order import sequential_order
from cityzoo.errors import InputError
from cityzoo.fit import distributed

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"  # compiled, not run
SCRIPT = """
import json, pickle, runpy, sys
from dataclasses import replace
from pathlib import Path

import keras, zoo, numpy as np
from cityzoo import predict, tasks
from cityzoo.errors import InputError
from cityzoo.fit import devices, distributed, features, fine_tune, phases, run_folder
from cityzoo.modalities.image import build, settings
from cityzoo.spec import Phase
from cityzoo.visualize import augmented

here, folder = Path(sys.argv[1]), Path(sys.argv[2])
distributed.start()
zoo.build = runpy.run_path(str(here.parent / "conftest.py"))["small_backbone"]
known = runpy.run_path(str(here / "conftest.py"))
build.dtype_policies = settings.dtype_policies = lambda spec: ("float32", "float32")
features.STORED = np.float32
build.calibrate = lambda *args: None
phases.ImageSummaryCallback = lambda *args: keras.callbacks.Callback()
augmented.to_tensorboard = lambda *args: None
data, read, evaluated, fit = pickle.loads(Path(sys.argv[3]).read_bytes()), [], [], keras.Model.fit
predict.predict_batches = predict.predict_views = lambda *args: evaluated.append(1)


class Output(known["SmallDetection"]):
    metrics = lambda self, truth, results: {"AP": None, "AP50": 0.25 + distributed.process_index()}


def recorded(self, batches, **arguments):
    read.extend(np.asarray(target) for _, target in batches)
    return fit(self, batches, **arguments)


keras.Model.fit = recorded
task = replace(tasks.find("vehicle_detect"), output=Output)
plan = Phase("C4", 1, 0.01), Phase("none", 1, 0.01)
spec = known["resolved_spec"](folder / "run", *plan, views=1, augment="none")
fine_tune.check_processes_agree(spec, task, data)
fine_tune.seed_everything(0)
with devices.strategy().scope():
    output = task.output_for(known["NAMES"])
    assembled = build.build(spec, output, data)
    with run_folder.open_or_create(spec, None) as opened:
        state = fine_tune.fine_tune(spec, task, output, data, assembled, opened)
        made = sorted(file.name for file in opened.path.iterdir())

seen = {"files": made, "gone": not opened.path.exists(), "epochs": state.history, "evaluated": len(evaluated)}
index, chief = distributed.process_index(), distributed.is_chief()
seen["chief"] = distributed.broadcast_from_chief(index + 0.5)
seen["all"] = [distributed.all_gather(chief), distributed.all_gather(True)]
try:
    distributed.require_equal_across_processes({"same": [1, None], "number": index, "images": "here" * index})
except InputError as error:
    seen["disagreement"] = str(error)
(folder / "seen.json").write_text(json.dumps(seen))
weights = {weight.path: np.asarray(weight.value) for weight in assembled.model.weights}
np.savez(folder / "arrays.npz", read=read, **{name.replace("/", " "): value for name, value in weights.items()})
distributed.barrier()
"""


def free_port():
    """One that nobody listens on."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def started(folder, variables):
    """The script in a process of its own; what it writes lands in a new folder."""
    folder.mkdir()
    outside = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    own = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT), "XLA_FLAGS": QUICKLY}
    own["CITYZOO_HOME"] = str(folder.with_name("home-" + folder.name[:3]))  # two machines may share it
    words = [sys.executable, "-c", SCRIPT, str(HERE), str(folder), str(folder.with_name("street"))]
    with (folder / "output").open("w") as file:
        return subprocess.Popen(words, stdout=file, stderr=file, env=outside | own | variables, cwd=folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, street):
    """What one process left, and what each of two left that shared the same batches."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "street").write_bytes(pickle.dumps(street))
    both = {distributed.ADDRESS: f"127.0.0.1:{free_port()}", distributed.COUNT: "2"}
    given = {
        "one": {},
        "two-0": {**both, distributed.NUMBER: "0"},
        "two-1": {**both, distributed.NUMBER: "1"},
    }
    processes = {name: started(folder / name, variables) for name, variables in given.items()}
    try:
        for name, process in processes.items():
            assert process.wait(timeout=400) == 0, (folder / name / "output").read_text()[-3000:]
    finally:
        for process in processes.values():
            process.kill()
    return SimpleNamespace(**{name.replace("-", "_"): result(folder / name) for name in given})


def result(folder):
    """What a script wrote."""
    arrays = dict(np.load(folder / "arrays.npz"))
    seen = json.loads((folder / "seen.json").read_text())
    return SimpleNamespace(path=folder, seen=seen, read=arrays.pop("read"), weights=arrays)


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(trained):
    """Behind the cache and without it, BatchNorm's statistics too; both processes have the same to the last bit."""
    for name, weights in trained.one.weights.items():
        assert (trained.two_0.weights[name] == trained.two_1.weights[name]).all(), name
        assert trained.two_0.weights[name] == pytest.approx(weights, rel=1e-5, abs=1e-5), name
    everywhere = (trained.one, trained.two_0, trained.two_1)
    losses = [[row["loss"] for row in each.seen["epochs"]] for each in everywhere]
    assert losses[1] == losses[2] == pytest.approx(losses[0], rel=1e-5)


@pytest.mark.slow
def test_each_process_reads_its_half_of_every_batch(trained):
    """Two steps in each phase: the rows of each batch go round."""
    assert trained.one.read.shape[:2] == (4, 4)
    assert (trained.two_0.read == trained.one.read[:, ::2]).all()
    assert (trained.two_1.read == trained.one.read[:, 1::2]).all()


@pytest.mark.slow
def test_only_the_chief_leaves_a_run_folder(trained):
    """The other has a folder to work in, which is gone in the end, and writes no TensorBoard files."""
    assert trained.two_0.seen["files"] == trained.one.seen["files"]
    assert {"model.keras", "checkpoint.npz", "logs"} <= set(trained.two_0.seen["files"])
    assert "logs" not in trained.two_1.seen["files"]
    assert (trained.two_0.seen["gone"], trained.two_1.seen["gone"]) == (False, True)
    assert not (trained.two_1.path / "run").exists()


@pytest.mark.slow
def test_figures_are_the_chiefs(trained):
    """All stop at the same epoch because all get the same metrics, computed once per epoch."""
    rows = [[{**row, "seconds": 0} for row in each.seen["epochs"]] for each in (trained.two_0, trained.two_1)]
    assert rows[0] == rows[1] and [row["val_AP50"] for row in rows[0]] == [0.25, 0.25]
    assert [each.seen["evaluated"] for each in (trained.one, trained.two_0, trained.two_1)] == [
        2,
        2,
        0,
    ]  # once per epoch
    assert trained.two_0.seen["chief"] == trained.two_1.seen["chief"] == 0.5
    assert trained.two_0.seen["all"] == trained.two_1.seen["all"] == [False, True]


@pytest.mark.slow
def test_processes_that_were_given_different_things_say_so(trained):
    """Both of them, in one line; a process alone agrees with itself."""
    assert "disagreement" not in trained.one.seen
    for each in (trained.two_0, trained.two_1):
        assert each.seen["disagreement"].startswith(
            "the 2 processes differ in their number, images: start the"
        )
        assert "\n" not in each.seen["disagreement"]


@pytest.fixture
def variables(monkeypatch):
    """Return a function that sets the environment variables of a process."""

    def put(count=None, number=None, address=None):
        for name, value in (
            (distributed.COUNT, count),
            (distributed.NUMBER, number),
            (distributed.ADDRESS, address),
        ):
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)

    return put


def test_a_process_alone_is_the_chief_of_whole_batches(variables):
    """Nothing set."""
    variables()
    rows, size = distributed.process_shard(sequential_order(4), 2)
    assert (distributed.process_count(), distributed.process_index(), distributed.is_chief(), size) == (
        1,
        0,
        True,
        2,
    )
    assert list(rows()) == [(0, 0), (1, 0), (2, 0), (3, 0)]
    distributed.start()


def test_the_third_of_four_reads_every_fourth_row(variables):
    """Two of each batch of eight."""
    variables("4", "2", "127.0.0.1:1")
    rows, size = distributed.process_shard(sequential_order(16), 8)
    assert (distributed.is_chief(), size, [row for row, _ in rows()]) == (False, 2, [2, 6, 10, 14])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AssertionError("x is not the same on each process."), "do not have the same weights"),
        (RuntimeError("UNKNOWN: Gloo all-reduce failed: Connection reset"), "one of 2 processes exited"),
        (
            ValueError("UNKNOWN: Gloo AllGather failed: Connection closed"),
            "restart all with --resume RUN",
        ),
    ],
)
def test_what_another_process_did_is_said_in_one_line(variables, error, words):
    """Where there is another one."""
    variables("2", "0", "h:1")
    with pytest.raises(InputError, match=words) as caught, distributed.distribution_scope():
        raise error
    assert "\n" not in str(caught.value)
    variables()
    with pytest.raises(type(error)), distributed.distribution_scope():
        raise error
    variables("2", "0", "h:1")
    with (
        pytest.raises(RuntimeError, match="shapes"),
        distributed.distribution_scope(),
    ):  # a bug is no lost process
        raise RuntimeError("shapes do not match")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("two", "0", "h:1"), f"{distributed.COUNT} is 'two': give a whole number of 1 or more"),
        (("0", "0", "h:1"), f"{distributed.COUNT} is '0': give a whole number of 1 or more"),
        (("2", "-1", "h:1"), f"{distributed.NUMBER} is '-1': give a whole number of 0 or more"),
        (("2", None, "h:1"), f"{distributed.COUNT} is 2, but {distributed.NUMBER} is not set"),
        (("2", "0", None), f"{distributed.COUNT} is 2, but {distributed.ADDRESS} is not set"),
        (("2", "2", "h:1"), f"{distributed.NUMBER} is 2: 2 processes are numbered from 0 to 1"),
        (("2", "0", "h:1"), "set KERAS_BACKEND=jax"),
    ],
)
def test_surroundings_that_cannot_be_are_refused(variables, monkeypatch, given, words):
    """In one line, before anything waits for the others."""
    monkeypatch.setattr("cityzoo.backend.on_jax", lambda: False)
    variables(*given)
    with pytest.raises(InputError) as caught:
        distributed.start()
    assert words in str(caught.value) and "\n" not in str(caught.value)
