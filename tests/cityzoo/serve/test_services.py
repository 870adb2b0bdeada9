"""What a server does is reported: stages, cameras, drift of its stable version, refused versions, lines of JSON."""

import json
import logging
import shutil

import numpy as np
import pytest

pytest.importorskip("fastapi")

from cityzoo.monitor.json_logs import JsonFormatter
from cityzoo.monitor.reference import make_reference


def test_metrics_of_a_camera(make_client, detector, png, tmp_path):
    """Stages add up, detections are counted, and the camera is compared with the reference in the model's folder."""
    folder = shutil.copytree(detector, tmp_path / "onnx")
    make_reference([{"brightness": [200.0 + i % 9]} for i in range(90)]).write(folder)
    with make_client(
        folder, sample_seconds=0.0, drift_seconds=0.0, cameras=("north",), drift_window=8
    ) as client:
        for _ in range(20):
            assert client.post("/predict?camera=north", content=png).status_code == 200
        client.get("/metrics")
        monitor = client.services.monitor
        monitor.flush()
        (model,) = {name for name, _ in client.services.served}
        of_model, of_camera = {"model": model, "version": "1"}, {"model": model, "camera": "north"}
        took = {
            stage: monitor.value("request_seconds_sum", **of_model, stage=stage)
            for stage in ("decode", "queue", "infer", "post", "total")
        }
        assert 0 < took["decode"] + took["queue"] + took["infer"] + took["post"] <= took["total"]
        assert monitor.value("request_seconds_count", **of_model, stage="queue") == 20
        assert monitor.value("batch_size_sum", **of_model) == 20
        assert monitor.value("detections_total", **of_camera, **{"class": "red"}) > 0
        assert (
            monitor.value("camera_frames_total", **of_camera) > 10
        )  # the last ones may still be on their way
        assert monitor.value("drift_score", **of_camera, signal="brightness") == pytest.approx(1)
        digest = json.loads((folder / "parity.json").read_text())["sha256"]
        assert monitor.value("model_info", **of_model, sha256=digest) == 1


def test_a_refused_version_is_counted(make_client, detector, tmp_path):
    """With a word for why; the version before it goes on."""
    shutil.copytree(detector, tmp_path / "cars" / "1")
    broken = shutil.copytree(detector, tmp_path / "cars" / "2")
    proof = json.loads((broken / "parity.json").read_text())
    (broken / "parity.json").write_text(json.dumps({**proof, "passed": False}))
    with make_client(tmp_path) as client:
        assert client.services.monitor.value("model_load_failures_total", model="cars", reason="parity") == 1


def test_lines_of_a_request_carry_its_id(client, png, caplog):
    """The server's own line, formatted as JSON."""
    with caplog.at_level(logging.INFO):
        client.post("/predict", content=png, headers={"X-Request-Id": "job-7"})
    (record,) = [each for each in caplog.records if each.name == "cityzoo.serve.requests"]
    row = json.loads(JsonFormatter().format(record))
    assert (row["request_id"], row["path"], row["status"]) == ("job-7", "/predict", 200)
    assert np.isfinite(row["seconds"])


def test_a_damaged_reference_is_a_warning(make_client, detector, tmp_path, png, caplog):
    """The model is served without it: drift is no gate."""
    folder = shutil.copytree(detector, tmp_path / "onnx")
    (folder / "reference.json").write_text("{")
    with make_client(folder) as client:
        assert client.post("/predict?camera=north", content=png).status_code == 200
    assert "drift is not watched" in caplog.text
