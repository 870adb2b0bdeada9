"""Runs in MLflow and Weights & Biases, read back through their own clients; both stay on this machine."""

import json
import time
from pathlib import Path

import pytest

from cityzoo.errors import InputError
from cityzoo.report.trackers import TRACKERS, read_tracked, require_trackers, track_run

REPORT = {
    "AP50": 0.5,
    "n_images": 12,
    "flag": True,
    "before": {"AP50": 0.25},
    "spec": {"run": {"backbone": "vgg16", "limit": None}, "fit": {"phases": [["C2", 3]], "ema": 0.998}},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run folder of two epochs, the first without a loss; the current folder is next to it."""
    run = tmp_path / "runs" / "road-1"
    run.mkdir(parents=True)
    (run / "history.csv").write_text("epoch,loss,val_AP50\n1,,0.25\n2,1.5,0.5\n")
    (run / "report.json").write_text(json.dumps(REPORT))
    (run / "model.keras").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return run


def test_what_a_tracker_gets(folder):
    """Flat settings, numbers of the report and before fine-tuning, epochs, and the files that exist."""
    run = read_tracked(folder, "vehicle_detect", REPORT)
    assert run.name == "road-1" and run.registered_name == "cityzoo-vehicle_detect"
    assert run.settings == {"backbone": "vgg16", "limit": "–", "phases": '[["C2", 3]]', "ema": 0.998}
    assert run.metrics == {"AP50": 0.5, "n_images": 12, "before/AP50": 0.25}
    assert run.history == [{"epoch": 1, "val_AP50": 0.25}, {"epoch": 2, "loss": 1.5, "val_AP50": 0.5}]
    assert [file.name for file in run.files] == ["report.json", "history.csv", "model.keras"]


def test_mlflow_has_parameters_epochs_files_and_a_registered_model(folder):
    mlflow = pytest.importorskip("mlflow")
    for _ in range(2):
        track_run(["tensorboard", "mlflow"], folder, "vehicle_detect", REPORT)
    client = mlflow.MlflowClient()
    (experiment,) = [each for each in client.search_experiments() if each.name.startswith("cityzoo")]
    run, _ = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "road-1" and run.data.params["ema"] == "0.998"
    assert run.data.metrics["AP50"] == 0.5 and run.data.metrics["before/AP50"] == 0.25
    epochs = client.get_metric_history(run.info.run_id, "epoch/val_AP50")
    assert {(each.step, each.value) for each in epochs} == {(1, 0.25), (2, 0.5)}
    assert "model.keras" in {each.path for each in client.list_artifacts(run.info.run_id)}
    versions = client.search_model_versions("name='cityzoo-vehicle_detect'")
    assert {each.version for each in versions} in ({1, 2}, {"1", "2"})
    assert Path("mlflow.db").is_file()


def test_wandb_offline_writes_a_run(folder, monkeypatch, caplog):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with caplog.at_level("INFO"):
        track_run(["wandb"], folder, "vehicle_detect", REPORT)
    assert "tracked by wandb: cityzoo-vehicle_detect" in caplog.text
    (written,) = Path("wandb").glob("offline-run-*/run-*.wandb")
    wanted = (b"epoch/val_AP50", b"vgg16", b"before/AP50")
    for _ in range(100):  # another process of the client writes it
        if all(word in written.read_bytes() for word in wanted):
            break
        time.sleep(0.2)
    assert all(word in written.read_bytes() for word in wanted)


def test_a_tracker_that_fails_leaves_the_run(folder, monkeypatch, caplog):
    """A server that cannot be reached; a warning names it."""

    def unreachable(client, run):
        raise ConnectionError("no route to tracker")

    monkeypatch.setitem(TRACKERS, "json", (unreachable, "JSONDecodeError"))
    track_run(["json"], folder, "vehicle_detect", REPORT)
    assert "--track json failed" in caplog.text and "no route to tracker" in caplog.text


def test_unknown_and_missing_clients_are_refused_before_training(monkeypatch):
    require_trackers(["tensorboard"])
    with pytest.raises(InputError, match="did you mean 'mlflow'"):
        require_trackers(["mlfow"])
    monkeypatch.setitem(TRACKERS, "not_installed", TRACKERS["mlflow"])
    with pytest.raises(InputError, match=r"pip install .*\[not_installed\]"):
        require_trackers(["not_installed"])
