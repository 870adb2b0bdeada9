"""The commands in processes of their own: a run trained on attacked images, evaluated under attack."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[4]


def run(folder, script, *words):
    """Run a script in a process of its own."""
    command = [sys.executable, str(ROOT / script), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def draw(folder, split, count):
    """Gray noise with an upright or a flat bar."""
    rng = np.random.default_rng(len(split))
    for label, name in enumerate(("flat", "upright")):
        place = folder / split / name
        place.mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(60, 120, (48, 48, 3), dtype=np.uint8)
            y, x = rng.integers(16, 32, 2)
            h, w = ((3, 12), (12, 3))[label]
            pixels[y - h : y + h, x - w : x + w] = 190
            Image.fromarray(pixels).save(place / f"{number}.png")


@pytest.mark.slow
def test_train_and_evaluate_under_attack(tmp_path):
    """Both models of the training are compared; the report fits the schema and the page has the images."""
    import jsonschema

    schema = json.loads((ROOT / "cityzoo/report/report.schema.json").read_text())
    for split, count in (("train", 24), ("val", 12)):
        draw(tmp_path / "bars", split, count)
    flags = "--task vehicle_classify --backbone mobilenet_025 --weights random --image-size 64 --views 1"
    more = "--batch-size 16 --data bars --augment none --phases closed_form,backbone:2 --out run"
    done = run(tmp_path, "train.py", *flags.split(), *more.split(), "--adversarial", "fgsm:eps=1")
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    jsonschema.validate(report, schema)
    assert report["adversarial"]["training"] == "fgsm:eps=1"
    assert [row["eps"] for row in report["adversarial"]["compared"]] == [0, 1, 2, 4, 8]
    words = "run --adversarial 12 --patch-search 0.1 --out attacked"
    done = run(tmp_path, "evaluate.py", *words.split())
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "attacked" / "report.json").read_text())
    jsonschema.validate(report, schema)
    assert report["adversarial"]["n"] == 12 and report["patch_search"]["side"] == 20
    assert report["patch_search"]["searched"] + report["patch_search"]["n"] == 24
    page = (tmp_path / "attacked" / "report.html").read_text()
    assert "patch_search/patches/random noise/accuracy" in page
    done = run(tmp_path, "train.py", "--task", "vehicle_detect", "--adversarial", "pgd")
    assert done.returncode == 2 and "supports classifiers" in done.stderr
