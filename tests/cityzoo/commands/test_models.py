"""The command changes a folder as it says, and refuses what would leave no version."""

import json
import logging

import pytest

from cityzoo.commands import models
from cityzoo.errors import InputError
from cityzoo.serve.traffic import Share, read_traffic


@pytest.fixture
def export(tmp_path):
    """An exported folder that passed its gate."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"weights")
    (folder / "preprocessing.json").write_text('{"task": "vehicle_detect"}')
    (folder / "parity.json").write_text('{"passed": true}')
    return folder


@pytest.fixture
def run(tmp_path, caplog):
    """Run the command on a folder; returns what it printed."""
    caplog.set_level(logging.INFO)

    def call(*words):
        caplog.clear()
        assert models.main([str(tmp_path / "models"), *map(str, words)]) == 0
        return caplog.text

    call.folder = tmp_path / "models" / "cars"
    return call


def test_from_a_first_version_to_a_roll_back(export, run):
    """add, add as canary, promote, roll back; each step in the history with its author."""
    run("add", export, "--name", "cars")
    run("add", export, "--name", "cars", "--canary", "10")
    traffic = read_traffic(run.folder)
    assert (traffic.stable, traffic.canary) == (1, Share(2, 10))
    assert (run.folder / "2" / "model.onnx").read_bytes() == b"weights"
    run("promote", "cars")
    assert (read_traffic(run.folder).stable, read_traffic(run.folder).canary) == (2, None)
    assert "back to version 1" in run("rollback", "cars")
    traffic = read_traffic(run.folder)
    assert (traffic.stable, traffic.withdrawn) == (1, (2,))
    assert [entry["event"] for entry in traffic.history] == ["canary", "promote", "rollback"]
    assert all(entry["by"] and entry["time"].endswith("+00:00") for entry in traffic.history)
    shown = run("list")
    assert "1  stable " in shown
    assert "2  withdrawn " in shown
    with pytest.raises(InputError, match="no other one to roll back to"):
        run("rollback", "cars")


def test_rollback_ends_a_canary_or_shadow_first(export, run):
    """The stable version stays."""
    run("add", export, "--name", "cars")
    for number, kind in ((2, "canary"), (3, "shadow")):
        run("add", export, "--name", "cars")
        run(kind, "cars", number, "--percent", "5%")
        assert getattr(read_traffic(run.folder), kind) == Share(number, 5)
        run("rollback", "cars")
    traffic = read_traffic(run.folder)
    assert (traffic.stable, traffic.canary, traffic.shadow, traffic.withdrawn) == (1, None, None, (2, 3))


def test_pin_unpin_load_unload(export, run):
    """As servers read them."""
    run("add", export, "--name", "cars")
    run("pin", "cars")
    run("add", export, "--name", "cars")
    assert "stable, pinned" in run("list")
    assert read_traffic(run.folder).candidates([1, 2]) == [1]
    run("load", "cars", 2)
    assert read_traffic(run.folder).also_loaded == (2,)
    run("unpin", "cars")
    assert read_traffic(run.folder).candidates([1, 2]) == [2, 1]
    run("unload", "cars")
    assert "cars  (unloaded)" in run("list")


def test_what_did_not_pass_its_gate_is_not_added(export, run):
    """Nor promoted, when its document says otherwise later."""
    run("add", export, "--name", "cars")
    run("add", export, "--name", "cars", "--shadow", "100")
    for folder in (export, run.folder / "2"):
        (folder / "parity.json").write_text(json.dumps({"passed": False, "metric": "AP", "loss": 0.2}))
    for words in (("add", export, "--name", "cars"), ("promote", "cars"), ("canary", "cars", 2)):
        with pytest.raises(InputError, match="did not pass its parity gate"):
            run(*words)
    assert "refused: '2' did not pass" in run("list")
    assert sorted(entry.name for entry in run.folder.iterdir()) == [".traffic.lock", "1", "2", "traffic.json"]


def test_wrong_names_are_refused_with_the_nearest(export, run, tmp_path):
    """Models, versions, folders, shares."""
    run("add", export, "--name", "cars")
    for words, message in (
        (("rollback", "cats"), "did you mean 'cars'"),
        (("pin", "cars", 7), "unknown version '7'"),
        (("promote", "cars"), "say which version"),
        (("unload", "cars", 1), "is the stable one"),
        (("canary", "cars", 1), "is the only one that may answer"),
        (("add", export, "--name", "../cars"), "expected letters"),
    ):
        with pytest.raises(InputError, match=message):
            run(*words)
    with pytest.raises(InputError, match="is not a folder"):
        models.main([str(tmp_path / "none"), "list"])
