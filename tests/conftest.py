"""Other processes that tests share: importing Keras takes seconds, so each is started once and runs scripts in turn."""

import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parents[1]
SERVER = """
import contextlib, io, json, os, sys, traceback

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    folder, script, sys.argv = json.loads(line)
    os.chdir(folder)
    said, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(said):
            exec(compile(script, "script", "exec"), {"__name__": "__main__"})
    except BaseException:
        error = traceback.format_exc()
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()  # layers are numbered from one again
    print(json.dumps([error, said.getvalue()]), file=answers, flush=True)
"""
HIDE_GPUS = "from cityzoo import backend; backend.prepare()"  # as train.py does, before anything touches them


# Whole files go to one worker, in this order: what trains and evaluates comes first, so that no worker is left
# alone with a long file at the end.
LONGEST_FIRST = (
    *(
        "test_commands.py",
        "cityzoo/commands/test_drift.py",
        "cityzoo/tasks",
        "test_house.py",
    ),
    *("cityzoo/continual", "cityzoo/modalities", "cityzoo/selection", "cityzoo/compress", "cityzoo/tune"),
    *("cityzoo/fit", "cityzoo/evaluation", "cityzoo/export", "cityzoo/serve", "heads/test_detection.py"),
    *("augment", "zoo/peft", "cityzoo/demo", "cityzoo/commands"),
)


# Beginnings of the names of single cases that are slow as `-m slow` has it: others of the same test run every day.
SLOW_CASES = tuple((ROOT / "tests" / "slow_cases.txt").read_text().splitlines())


def path_of(item):
    """Path of a test's file below tests/."""
    return item.path.relative_to(ROOT / "tests").as_posix()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark slow cases; move the files that take longest to the front, the others keep their order."""
    for item in items:
        if f"{path_of(item)}::{item.name}".startswith(SLOW_CASES):
            item.add_marker("slow")

    def place(item):
        path = path_of(item)
        fits = (number for number, start in enumerate(LONGEST_FIRST) if path.startswith(start))
        return next(fits, len(LONGEST_FIRST))

    items.sort(key=place)


def pytest_collection_finish():
    """Leave all that was imported out of garbage collection: it stays, and looking through it takes half a second."""
    gc.collect()
    gc.freeze()


class Elsewhere:
    """A Python process that runs the scripts it is given, one after the other, each with names of its own."""

    def __init__(self, first="", **variables):
        self.first, self.process = first, None
        outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.surroundings = {**outside, "TF_CPP_MIN_LOG_LEVEL": "3", **variables}
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115

    def __call__(self, script, *words, folder, timeout=300):
        """Return what the script printed; fail as it failed."""
        if self.process is None:
            command = [sys.executable, "-c", self.first + SERVER]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.stderr}
            self.process = subprocess.Popen(command, **pipes, text=True, cwd=folder, env=self.surroundings)
        late = threading.Timer(timeout, self.process.kill)
        late.start()
        asked = json.dumps([str(folder), script, ["script", *map(str, words)]])
        print(asked, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        late.cancel()
        if not answer:
            self.stop()
            self.stderr.seek(0)
            pytest.fail(f"the process ended: {self.stderr.read()[-2000:]}")
        error, said = json.loads(answer)
        assert not error, error
        return said

    def stop(self):
        """End the process, if it was started."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="session")
def on_jax():
    """Run scripts where Keras computes with JAX on processors: (script, *words, folder) -> what was printed."""
    pytest.importorskip("jax", reason="JAX is not installed")
    ours = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    yield (run := Elsewhere(HIDE_GPUS, **ours))
    run.stop()


@pytest.fixture(scope="session")
def keras_alone():
    """Run scripts where nothing of this project has been imported and none of it is on the path."""
    yield (run := Elsewhere())
    run.stop()


# A process is forked from one in which TensorFlow is imported and nothing has been computed yet: as fresh as a new one,
# without waiting for the imports again.
READY = """
import runpy, sys
sys.path.insert(0, ROOT)
runpy.run_path(ROOT + "/tests/tiny_backbone.py")
import matplotlib.pyplot, pandas, scipy.stats, sklearn.linear_model, tensorboard.compat
"""
FORK = """
import atexit, os, signal, sys

timeout, script = int(sys.argv.pop(1)), sys.argv.pop(1)
if (child := os.fork()):
    assert os.waitpid(child, 0)[1] == 0
else:
    status = 1
    try:
        signal.alarm(timeout)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = open("printed.txt", "w")
        exec(compile(script, "script", "exec"), {"__name__": "__main__"})
        sys.stdout.flush()
        atexit._run_exitfuncs()
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)
"""
# Commands one after the other. Where a file is named with a command, Ctrl-C comes as soon as that file exists; a
# folder: the command runs there.
DRIVER = """
import json, os, runpy, signal, sys, tempfile, threading, time


def interrupt(file, over):
    while not over.is_set():
        if os.path.exists(file):
            return os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.005)


def run(script, words, file, folder):
    os.chdir(os.path.join(home, folder or ""))
    sys.argv, over = [script, *words], threading.Event()
    kept, files = [os.dup(1), os.dup(2)], [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
    for number, opened in enumerate(files, 1):
        os.dup2(opened.fileno(), number)
    if file:
        threading.Thread(target=interrupt, args=(file, over), daemon=True).start()
    try:
        runpy.run_path(script, run_name="__main__")
        code = "no exit"
    except SystemExit as leave:
        code = leave.code
    except BaseException as error:
        code = f"{type(error).__name__}: {error}"
    over.set()
    sys.stdout.flush(), sys.stderr.flush()
    said = []
    for number, (opened, old) in enumerate(zip(files, kept), 1):
        os.dup2(old, number)
        opened.seek(0)
        said.append(opened.read().decode())
    return [code, *said]


home = os.getcwd()
sys.stdout = sys.__stdout__
os.environ.update(CITYZOO_HOME=home + "/home")
answers = {name: run(*case) for name, case in json.load(open("cases.json")).items()}
json.dump(answers, open(home + "/answers.json", "w"))
"""


@pytest.fixture(scope="session")
def forked(tmp_path_factory):
    """Run scripts where TensorFlow and "tiny" backbones are imported: (script, *words, folder) -> what was printed."""
    ours = {"KERAS_HOME": str(tmp_path_factory.mktemp("keras")), "PYTHONPATH": ""}
    server = Elsewhere(READY.replace("ROOT", repr(str(ROOT))), **ours)

    def run(script, *words, folder, timeout=900):
        server(FORK, timeout, script, *words, folder=folder, timeout=timeout + 60)
        return (folder / "printed.txt").read_text()

    yield run
    server.stop()


@pytest.fixture(scope="session")
def as_scripts(forked):
    """Return a function that runs train.py and evaluate.py: (folder, cases) -> {name: (code, out, err)}.

    A case is the script's name, its words, and, if it is to be interrupted, the file that Ctrl-C waits for (else None)
    and, if it is to run in a folder below, its name.
    """

    def run(folder, cases):
        given = {
            name: (str(ROOT / script), words, *(*more, None, None)[:2])
            for name, (script, words, *more) in cases.items()
        }
        (folder / "cases.json").write_text(json.dumps(given))
        forked(DRIVER, folder=folder)
        return json.loads((folder / "answers.json").read_text())

    return run


@pytest.fixture(scope="module")
def tiny_backbones():
    """Two more rows in the table of backbones, "tiny" and "tiny_wide", for one file alone."""
    import keras

    import zoo.registry

    with mock.patch.dict(zoo.registry.BACKBONES), mock.patch.dict(vars(keras.applications)):
        runpy.run_path(str(ROOT / "tests" / "tiny_backbone.py"))
        yield
