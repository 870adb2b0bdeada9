"""Decoding and metrics without a deep-learning framework, as a server runs them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = '''
import sys

class Refuse:
    """Importing a framework fails, wherever it is tried."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("keras", "tensorflow", "jax", "torch"):
            raise ImportError(f"this test refuses {name}")

sys.meta_path.insert(0, Refuse())

import numpy as np
from PIL import Image

from cityzoo.data.image.decode import read_image
from cityzoo.outputs.anomaly import Anomaly
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.counting import Counting
from cityzoo.outputs.detection import Detection
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.sample import ImageExample, ImageSet

EYE = np.stack([np.eye(3, dtype=np.float32)] * 2)

def examples(targets, names, boxes=((), ())):
    found = []
    for i, target in enumerate(targets):
        Image.new("RGB", (32, 32), (i, 0, 0)).save(f"{i}.png")
        array = np.reshape(np.asarray(boxes[i], np.float32), (-1, 4))
        target = None if target is None else np.array(target, np.float32)
        found.append(ImageExample(f"{i}.png", (32, 32), array, np.zeros(len(array), np.int32), target=target))
    return ImageSet("val", names, tuple(found))

def check(output, truth, outputs, metric, value):
    results = output.decode(np.asarray(outputs, np.float32), EYE, truth.examples)
    assert output.class_names == truth.class_names
    found = output.metrics(truth, results)[metric]
    assert abs(found - value) < 1e-6, (metric, found)
    asked = output.attribution_target(outputs[0], EYE[0], truth.examples[0], 0) if output.supports_attribution else 0
    assert asked is not None

boxes = examples((None, None), ("car",), ([[2, 2, 20, 20]], [[4, 4, 30, 30]]))
rows = np.array([[[2, 2, 20, 20, 3.0]], [[4, 4, 30, 30, 3.0]]], np.float32)
check(Detection(("car",)), boxes, rows, "AP50", 1.0)
one = examples(([1, 0], [0, 1]), ("bus", "car"))
check(Classification(("bus", "car")), one, np.array([[-2.0], [2.0]]), "accuracy", 1.0)
several = examples(([1, 0], [0, 1]), ("fire", "smoke"))
check(MultiLabelClassification(("fire", "smoke")), several, np.array([[2.0, -2], [-2, 2]]), "mean_auroc", 1.0)
numbers = examples(([1], [1]), ("car",), ([[2, 2, 20, 20]], [[4, 4, 30, 30]]))
check(Counting(("car",)), numbers, np.full((2, 4, 4, 1), 1 / 16), "mae", 0.0)
check(Counting(("car",), head="regression"), numbers, np.array([[1.5], [1.0]]), "mae", 0.25)
frames = examples(([1, 0], [0, 1]), ("normal", "strange"))
maps = np.stack([np.zeros((4, 4, 1)), np.ones((4, 4, 1))])
check(Anomaly(("normal", "strange")), frames, maps, "image_auroc", 1.0)
assert read_image("1.png").tolist()[0][0] == [1, 0, 0]
'''


def test_every_image_output_decodes_and_measures_without_keras_or_tensorflow(tmp_path):
    """Two examples each; the finder refuses every framework."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert ran.returncode == 0, ran.stderr
