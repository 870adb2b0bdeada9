"""The fine-tuning benchmark, small and for real: what it prints is what it measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import finetune
from benchmarks.fits import Fitted

ROOT = Path(__file__).parents[2]


def test_ratios_are_plain_over_ours_and_stand_on_the_page():
    rows = {
        "frozen": [Fitted("ours", 10.0, 12.8, 0.4, 1.1), Fitted("plain Keras", 65.0, 2.0, 0.41, 1.2)],
        "loop": [Fitted("ours", 10.0, 5.0, 0.0, 2.0), Fitted("plain Keras", 9.7, 5.1, 0.0, 2.0)],
    }
    ratios = finetune.headline(rows)
    assert ratios == {"frozen_cache_speedup": 6.5, "bare_fit_over_train_loop": 0.97}
    facts = dict.fromkeys(("processor", "cores", "system", "date", "load_average_at_start"), 1) | {
        "versions": []
    }
    text = finetune.page(facts, "About.", rows, ratios)
    assert (
        "| frozen_cache_speedup | 6.0 | 6.50 |" in text
        and "| loop | ours | 10.0 | 5.0 | 0.000 | 2.000 |" in text
    )


@pytest.mark.slow
def test_the_whole_command_on_drawn_pictures(tmp_path):
    command = [sys.executable, "benchmarks/finetune.py", "--backbone", "mobilenet_025", "--weights", "random"]
    command += [
        "--image-size",
        "64",
        "--pictures",
        "32",
        "--loop-pictures",
        "32",
        "--epochs",
        "2",
        "--out",
        str(tmp_path),
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    ratios = json.loads(done.stdout.splitlines()[-1])
    assert set(ratios) == {*finetune.WANTED, "mixed_precision_speedup"} and all(
        r > 0 for r in ratios.values()
    )
    assert (tmp_path / "finetune.md").read_text() in done.stdout
    rows = json.loads((tmp_path / "finetune.json").read_text())["rows"]
    for case in ("frozen", "c4"):  # the same batches from the same weights lead to the same model
        assert rows[case][0]["val_loss"] == pytest.approx(rows[case][1]["val_loss"], rel=0.02)


def test_wrong_input_is_one_line():
    command = [sys.executable, "benchmarks/finetune.py", "--data", "nowhere"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and done.stderr.strip().splitlines()[-1].startswith(
        "python benchmarks/finetune.py: "
    )
    assert "Traceback" not in done.stderr
