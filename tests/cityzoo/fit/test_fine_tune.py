"""Whole runs: which weights change, with and without the cache, uninterrupted and resumed."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from cityzoo.data.image import Findings
from cityzoo.errors import InputError
from cityzoo.evaluation.run_facts import training_facts
from cityzoo.fit import checkpoint, fine_tune
from cityzoo.modalities.image import build
from cityzoo.model import class_names, load
from cityzoo.spec import Phase


def by_layer(model):
    """Layer's name to its weights."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def unchanged(before, after):
    """Return the names of layers without any change, moving statistics included."""
    same = {
        name: all((a == b).all() for a, b in zip(before[name], after[name], strict=True)) for name in before
    }
    return {name for name in same if same[name]}


def assert_near(one, other, **tolerance):
    """Compare the weights of two models layer by layer."""
    first, second = by_layer(one), by_layer(other)
    assert first.keys() == second.keys()
    for name, arrays in first.items():
        for a, b in zip(arrays, second[name], strict=True):
            assert a == pytest.approx(b, **tolerance), name


STEMS = {f"stem{n}{part}" for n in range(1, 6) for part in ("", "_norm")}


def test_a_phase_moves_what_is_not_frozen_and_nothing_else(whole):
    """The head alone, then what lies behind C4: BatchNorms of the backbone stay still in both."""
    (start, headed), (after_first, ended) = whole.phases
    assert unchanged(start, headed) == STEMS
    assert unchanged(headed, after_first) == start.keys()
    assert unchanged(after_first, ended) == STEMS - {"stem5"}


def test_parameters_are_counted_as_the_last_phase_left_them(whole):
    """Frozen are stem 1 to 4, all of the backbone's norms, and the moving statistics of the head's norms."""
    start = whole.phases[0][0]
    statistics = [w for name in start.keys() - STEMS if "norm" in name for w in start[name][2:]]
    frozen = statistics + [w for name in STEMS - {"stem5"} for w in start[name]]
    total = sum(w.size for arrays in start.values() for w in arrays)
    counted = sum(w.size for w in frozen)
    assert fine_tune.parameter_counts(whole.assembled) == {
        "trainable": total - counted,
        "frozen": counted,
        "total": total,
    }


def test_a_run_leaves_its_files(whole):
    """Three models, a history, TensorBoard's logs, a checkpoint; the features lie elsewhere."""
    folder = whole.folder
    names = {
        "spec.json",
        "before.keras",
        "model.keras",
        "last.keras",
        "history.csv",
        "logs",
        "checkpoint.npz",
    }
    assert {file.name for file in folder.path.iterdir()} == names
    assert class_names(load(folder.model)) == class_names(load(folder.last)) == ("red", "blue")
    assert [(row["phase"], row["epoch"]) for row in whole.state.history] == [(1, 1), (2, 2), (2, 3)]
    assert len(folder.history.read_text().splitlines()) == 4
    assert class_names(load(folder.before)) == ("red", "blue")
    assert any(folder.logs.rglob("*tfevents*"))


def test_training_behind_the_cache_is_training_without_it(go, spec, whole):
    """The same augmented views: the same weights after two phases."""
    streamed = go(spec.replace(cache="off"))
    assert_near(whole.assembled.model, streamed.assembled.model, rel=1e-3, abs=2e-4)
    for one, other in zip(whole.state.history, streamed.state.history, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)


def test_a_run_may_start_from_an_earlier_ones_model(spec, whole, street):
    """All of its weights; where they came from is known for the report."""
    path = str(whole.folder.model)
    begun = build.build(spec.replace(weights=path), whole.output, street)
    assert_near(begun.model, load(path), rel=0, abs=0)
    assert (begun.origin.kind, begun.origin.path, len(begun.origin.sha256)) == ("file", path, 64)
    assert "red, blue" in begun.origin.note


@pytest.mark.slow
def test_a_run_that_was_stopped_twice_ends_as_if_it_never_was(go, spec, whole, stop_after, in_float32):
    """Between two phases and in the middle of one: the same weights, metrics and best epoch."""
    stop_after(1)
    with pytest.raises(InputError, match=f"--resume {spec.run.out}"):
        go(spec)
    stop_after(2)
    with pytest.raises(InputError, match=f"--resume {spec.run.out}"):
        go(spec, resume=spec.run.out)
    stop_after(None)
    resumed = go(spec, resume=spec.run.out)
    assert_near(whole.assembled.model, resumed.assembled.model, rel=1e-4, abs=1e-5)
    assert_near(load(whole.folder.model), load(resumed.folder.model), rel=1e-4, abs=1e-5)
    assert_near(load(whole.folder.last), load(resumed.folder.last), rel=1e-4, abs=1e-5)
    for one, other in zip(whole.state.history, resumed.state.history, strict=True):
        assert one == pytest.approx({**other, "seconds": one["seconds"]}, rel=1e-4)
    assert resumed.state.best == pytest.approx(whole.state.best)


@pytest.fixture
def scripted(monkeypatch):
    """Return a function that sets the figure of each judging."""

    def follow(*figures):
        coming = iter(figures)
        metrics = "cityzoo.outputs.classification.Classification.metrics"
        monkeypatch.setattr(metrics, lambda *_: {"balanced_accuracy": next(coming)})

    return follow


def test_patience_ends_a_phase_and_the_best_epoch_goes_on(
    go, sorts, make_resolved, scripted, stop_after, tmp_path
):
    """Best in epoch 2 of 9, out of patience after 4: model.keras is of epoch 2, last.keras of 4, whenever stopped."""
    flags = {"task": "vehicle_classify", "patience": 2, "augment": "none", "views": 1}
    spec = make_resolved(tmp_path / "run", Phase("backbone", 9, 0.01), **flags)
    scripted(0.1, 0.4, 0.3, 0.2)
    stop_after(3)
    with pytest.raises(InputError):
        go(spec, data=sorts)
    stop_after(4)
    with pytest.raises(InputError):
        go(spec, resume=spec.run.out, data=sorts)
    at_stop = checkpoint.load_checkpoint(Path(spec.run.out, "checkpoint.npz"))[0]
    stop_after(None)
    made = go(spec, resume=spec.run.out, data=sorts)
    assert [row["epoch"] for row in made.state.history] == [1, 2, 3, 4]
    assert training_facts(spec, Findings("x", "painted"), made.assembled, made.state, 1.0)["epochs"] == 4
    for model, group in (
        (made.assembled.model, "best"),
        (load(made.folder.model), "best"),
        (load(made.folder.last), "model"),
    ):
        for expected, found in zip(at_stop[group], model.get_weights(), strict=True):
            assert (expected == found).all()
    assert any((a != b).any() for a, b in zip(at_stop["best"], at_stop["model"], strict=True))


def test_a_stage_that_the_backbone_lacks_is_said_before_anything_is_trained(go, spec, tmp_path):
    """In the second phase; nothing is left behind."""
    spec = replace(spec, plan=(Phase("backbone", 1, 0.01), Phase("C7", 1, 0.01)))
    with pytest.raises(InputError, match="has no stage 'C7'") as caught:
        go(spec)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_no_number_is_said_in_one_line(go, spec, monkeypatch):
    """What to lower."""

    class Nan(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.mean(y_pred, axis=(1, 2)) * float("nan")

    monkeypatch.setattr("cityzoo.outputs.detection.Detection.loss", lambda *_: Nan())
    with pytest.raises(
        InputError, match="loss is nan at epoch 1, step 1: batch saved to .*lower --learning-rate$"
    ):
        go(spec)


def test_a_checkpoint_of_another_spec_is_refused(go, spec, tmp_path):
    """Somebody edited spec.json, or mixed two runs' files."""
    checkpoint.save_checkpoint(tmp_path / "checkpoint.npz", {"model": [np.ones(3)]}, {"phase": 0, "epoch": 1})
    with pytest.raises(InputError, match="does not fit the spec next to it"):
        go(spec, resume=tmp_path)
