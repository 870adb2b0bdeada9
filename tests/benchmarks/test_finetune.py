"""The fine-tuning benchmark, small and for real: what it prints is what it measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import finetune
from benchmarks.fits import Fitted

ROOT = Path(__file__).parents[2]


FACTS = {
    "processor": "P",
    "cores": 2,
    "system": "S",
    "date": "D",
    "load_average_at_start": 0.1,
    "versions": ["V"],
}


def case(ours, plain):
    """A case that took so many seconds."""
    made = [Fitted("ours", ours, 12.8, 0.4, 1.1), Fitted("plain Keras", plain, 2.0, 0.41, 1.2)]
    return {"about": "About.", "rows": [vars(row) for row in made]}


def test_ratios_are_plain_over_ours_and_stand_on_the_page():
    cases = {"frozen": case(10.0, 65.0), "loop": case(10.0, 9.7)}
    assert finetune.headline(cases) == {"frozen_cache_speedup": 6.5, "bare_fit_over_train_loop": 0.97}
    text = finetune.page(FACTS, cases)
    assert (
        "| frozen_cache_speedup | 6.0 | 6.50 |" in text and "| ours | 10.0 | 12.8 | 0.400 | 1.100 |" in text
    )


def test_cases_not_measured_stay_on_the_same_machine_alone(tmp_path):
    path = tmp_path / "finetune.json"
    assert finetune._earlier(path, FACTS) == {}
    path.write_text(json.dumps({"machine": FACTS, "cases": {"c4": case(1.0, 3.0)}}))
    assert finetune.headline(finetune._earlier(path, FACTS | {"date": "later"})) == {"c4_cache_speedup": 3.0}
    assert finetune._earlier(path, FACTS | {"versions": ["other"]}) == {}


@pytest.mark.slow
def test_the_whole_command_on_drawn_images(tmp_path):
    command = [sys.executable, "benchmarks/finetune.py", "--backbone", "mobilenet_025", "--weights", "random"]
    command += [
        "--image-size",
        "64",
        "--images",
        "32",
        "--loop-images",
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
    cases = json.loads((tmp_path / "finetune.json").read_text())["cases"]
    for name in ("frozen", "c4"):  # the same batches from the same weights lead to the same model
        assert cases[name]["rows"][0]["val_loss"] == pytest.approx(
            cases[name]["rows"][1]["val_loss"], rel=0.02
        )


@pytest.mark.slow
def test_wrong_input_is_one_line():
    command = [sys.executable, "benchmarks/finetune.py", "--data", "nowhere"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and done.stderr.strip().splitlines()[-1].startswith(
        "python benchmarks/finetune.py: "
    )
    assert "Traceback" not in done.stderr
