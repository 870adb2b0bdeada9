"""The command as people type it: killed in the middle, and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")
ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import runpy, sys
root = sys.argv.pop(1)
sys.path.insert(0, root)
runpy.run_path(root + "/tests/tiny_backbone.py")
if sys.argv[1] == "train":
    import train
    sys.exit(train.main(sys.argv[2:]))
from cityzoo import __main__, cli
sys.exit(cli.run(__main__.main, sys.argv[1:], "python -m cityzoo"))
"""
TRAIN = "train --backbone tiny --weights random --limit 12 --image-size 96 --batch-size 4 --views 1 --augment light"
PLAN = "--precision float32 --phases backbone:1,C5:1 --out run"
COMPRESS = "compress run --target-latency 0.9x --may-lose 1 --try int8,input --epochs 1"


def start(folder, words):
    """The command in a process of its own, with its words in a file."""
    surroundings = {**os.environ, "CITYZOO_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", SCRIPT, str(ROOT), *words.split()]
    with (folder / "log").open("w") as log:
        return subprocess.Popen(words, cwd=folder, env=surroundings, stdout=log, stderr=subprocess.STDOUT)


@pytest.mark.slow
def test_a_killed_command_continues_and_leaves_everything(tmp_path):
    """Killed when the original is finished: it is not exported again, and all four files are compared."""
    assert start(tmp_path, f"{TRAIN} {PLAN}").wait(timeout=1800) == 0, (tmp_path / "log").read_text()[-2000:]
    out = tmp_path / "run" / "compressed"
    running = start(tmp_path, COMPRESS)
    while not (out / "original" / "int8" / "trial.json").is_file():
        assert running.poll() is None, (tmp_path / "log").read_text()[-2000:]
        time.sleep(0.1)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = (out / "original" / "int8" / "trial.json").stat().st_mtime_ns
    code, said = start(tmp_path, COMPRESS).wait(timeout=1800), (tmp_path / "log").read_text()
    assert code in (0, 1), said[-2000:]
    assert (out / "original" / "int8" / "trial.json").stat().st_mtime_ns == before
    assert said.count("finished before") == 2 and "cost of each step" in said
    content = json.loads((out / "compress.json").read_text())
    names = [(each["candidate"]["change"], each["candidate"]["precision"]) for each in content["trials"]]
    assert names == [(change, kind) for change in ("original", "input:64x64") for kind in ("float", "int8")]
    files = [out / each["file"] for each in content["trials"]]
    assert all(file.is_file() for file in files) and (out / "pareto.png").is_file()
    sizes = [each["megabytes"] for each in content["trials"]]
    assert sizes[1] < 0.5 * sizes[0]
    assert (code == 0) == (content["chosen"] is not None)
