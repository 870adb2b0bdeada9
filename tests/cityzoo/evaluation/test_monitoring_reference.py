"""The reference of an evaluation holds its images' brightness, its answers' scores, its sensors' values."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.series.windows import WindowSet
from cityzoo.evaluation.monitoring_reference import write_reference
from cityzoo.modalities.image import IMAGE
from cityzoo.modalities.series import SERIES
from cityzoo.monitor.reference import read_reference
from cityzoo.outputs.anomaly import Anomaly, AnomalyResult
from cityzoo.outputs.detection import Detection
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.outputs.quantile_forecast import QuantileForecast
from cityzoo.sample import Detections, ImageExample, ImageSet


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    """Eighty images, every fourth dark."""
    folder = tmp_path_factory.mktemp("streets")
    for name, light in (("night.png", 15), ("day.png", 150)):
        Image.new("RGB", (64, 48), (light,) * 3).save(folder / name)
    names = [str(folder / ("night.png" if i % 4 == 0 else "day.png")) for i in range(80)]
    return ImageSet("val", ("bus", "car"), tuple(ImageExample(name, (48, 64)) for name in names))


def test_of_a_detector(streets, tmp_path):
    """Twenty dark images; one car each above the operating point."""
    results = [Detections([[0, 0, 9, 9]] * 2, [0.75, 0.25], [1, 0])] * 80
    report = {"operating_point": {"score": 0.5}}
    write_reference(tmp_path, IMAGE, Detection(("bus", "car")), streets, results, report)
    found = read_reference(tmp_path)
    brightness = found.signals["brightness"]
    assert (
        brightness.counts[brightness.find_bin(15)] == 20 and brightness.counts[brightness.find_bin(150)] == 60
    )
    assert found.signals["class"].counts[found.signals["class"].find_bin(1)] == 80  # cars; no bus counts
    assert "score:bus" not in found.signals and sum(found.signals["score:car"].counts) == 80
    assert (found.score, found.confidence, found.examples, found.split) == (0.5, 0.75, 80, "val")


def test_of_several_classes(streets, tmp_path):
    """Those of a half and more, as a server names them."""
    results = [np.array([0.9, 0.6]), np.array([0.2, 0.7])] * 40
    write_reference(tmp_path, IMAGE, MultiLabelClassification(("bus", "car")), streets, results, {})
    found = read_reference(tmp_path).signals["class"]
    assert [found.counts[found.find_bin(place)] for place in (0, 1)] == [40, 80]


def test_of_anomaly_scores(streets, tmp_path):
    """Answers without classes."""
    results = [AnomalyResult(float(i), np.zeros((2, 2)), (0, 0, 64, 48)) for i in range(80)]
    write_reference(tmp_path, IMAGE, Anomaly(("normal", "odd")), streets, results, {})
    assert sum(read_reference(tmp_path).signals["score"].counts) == 80


def test_of_a_series(series, tmp_path):
    """Sixty-four windows of three sensors, one of which is broken."""
    values = np.random.default_rng(0).normal(50, 5, (80, 3, 1))
    values[:, 2] = np.nan
    windows = WindowSet("val", series(values), range(12, 80), np.arange(12, 76), 12, 3)
    write_reference(tmp_path, SERIES, QuantileForecast(), windows, np.zeros((64, 3, 3, 3)), {})
    found = read_reference(tmp_path)
    assert sum(found.signals["series:0"].counts) == 64 * 24
    missing = found.signals["missing"]
    assert missing.counts == (0, 64, 0) and missing.find_bin(1) == 2  # more than ever before is new
