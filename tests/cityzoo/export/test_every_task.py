"""Every task in the formats of the extra "export": forecasts with several inputs, and images of each output."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from cityzoo.backend import compiled
from cityzoo.commands import export
from cityzoo.export import graphs
from cityzoo.export.write import write
from cityzoo.outputs.quantile_forecast import QuantileForecast
from cityzoo.runtime.runtime_model import open_model
from heads.forecast import QuantileForecastHead
from zoo.series.build import build, names
from zoo.series.sensor_stats import SensorStatistics

pytest.importorskip("tf2onnx")
pytest.importorskip("ai_edge_litert")
IMAGE_TASKS = {
    "vehicle_classify": {"least_px": 24, "classes": ("car", "bus")},
    "incident_classify": {},
    "vehicle_count": {"neck_width": 8},
    "vehicle_detect": {"neck_width": 8},
    "scene_anomaly": {"memory": 16},
}


@pytest.mark.parametrize("fmt", ["onnx", "litert"])
@pytest.mark.parametrize(
    "backbone", ["stid", *(pytest.param(n, marks=pytest.mark.slow) for n in names() if n != "stid")]
)
def test_forecasts_are_those_of_the_model(backbone, fmt, tmp_path):
    """History with gaps: which value is the last one depends on the mask."""
    keras.utils.set_random_seed(0)
    ring = np.roll(np.eye(3, dtype="float32"), 1, axis=1)
    sensors = SensorStatistics(6, 3, (50.0, 5.0), (10.0, 2.0), graphs=(ring,))
    features = build(backbone, sensors, width=8)
    model = keras.Model(features.input, QuantileForecastHead(horizon=2)(features.output))
    rng = np.random.default_rng(0)
    inputs = {
        "series": rng.normal(50, 10, (4, 6, 3, 2)).astype("float32"),
        "mask": (rng.random((4, 6, 3, 2)) < 0.6).astype("float32"),
        "time_of_day": rng.random(4).astype("float32"),
        "day_of_week": rng.integers(0, 7, 4).astype("int32"),
    }
    graph = graphs.make_graph(model, QuantileForecast(), graphs.PLAIN)
    file = open_model(write(graph, fmt, tmp_path, dynamic_batch=fmt == "onnx"))
    assert [each.name for each in file.outputs] == ["quantiles"]
    np.testing.assert_allclose(file(inputs), compiled(model)(inputs), rtol=1e-4, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["onnx", "litert", "saved_model"])
@pytest.mark.parametrize("name", list(IMAGE_TASKS))
def test_images_pass_the_gate_and_their_example_runs(image_run, name, fmt):
    run = image_run(name, **IMAGE_TASKS[name])
    assert export.main([str(run), "--format", fmt]) == 0
    folder = run / "exports" / fmt
    assert json.loads((folder / "parity.json").read_text())["passed"]
    words = [sys.executable, folder / "example.py"]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert answer.stdout.strip() or name == "vehicle_detect"
