"""A head fitted in closed form: its inputs, what stays unchanged, and the phases after it."""

import csv
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.fit import checkpoint, closed_form, features, phases
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.fit.lr_finder import find_lr
from cityzoo.fit.run_folder import extend_epochs
from cityzoo.model import load
from cityzoo.outputs.classification import Classification
from cityzoo.sample import ImageSet
from cityzoo.spec import CLOSED_FORM, Phase

HEAD = "head_logits"


@pytest.fixture(scope="module")
def solve_spec(make_resolved):
    """Return a function from a folder to the spec of one phase, which fits the head on two views of each image."""
    phase = Phase(CLOSED_FORM, 1, 0.005)
    return lambda folder: make_resolved(folder, phase, task="vehicle_classify", views=2)


@pytest.fixture
def sort_spec(solve_spec, tmp_path):
    """The spec in a folder of the test's own, images as they are."""
    return solve_spec(tmp_path / "run").replace(augment="none")


def by_layer(model):
    """Layer's name to its weights."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def moved(before, after):
    """Names of layers of which a single bit changed."""
    return {
        name
        for name in before
        if any(a.tobytes() != b.tobytes() for a, b in zip(before[name], after[name], strict=True))
    }


@pytest.fixture(scope="module", autouse=True)
def solved_by():
    """Record what each `fit_closed_form` was given; features are cached in float32."""
    given, plain = [], Classification.fit_closed_form

    def recorded(self, inputs):
        given.append(inputs._replace(inputs=np.array(inputs.inputs), targets=np.array(inputs.targets)))
        return plain(self, inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "STORED", np.float32)
        patch.setattr(Classification, "fit_closed_form", recorded)
        yield given


@pytest.fixture(scope="module")
def made(go, sorts, solve_spec, solved_by, tmp_path_factory):
    """A run of one phase that computes the head, and what `fit_closed_form` was given in it."""
    made = go(solve_spec(tmp_path_factory.mktemp("solved") / "run"), data=sorts)
    made.given = solved_by[-1]
    return made


def test_the_head_alone_changes(made):
    """Backbone, norms and all else bit for bit as they were, in the model and in both files."""
    assert moved(made.start, by_layer(made.assembled.model)) == {HEAD}
    for file in (made.folder.model, made.folder.last):
        assert moved(by_layer(made.assembled.model), by_layer(load(file))) == set()
    assert made.state.solved["how"] == "logistic regression"
    assert (made.state.epoch, made.state.phase) == (1, 0)


def pixels_of(side):
    """The images as they lie on the disk, (N, 64, 64, 3) float32."""
    return np.stack([np.asarray(Image.open(each.path), np.float32) for each in side.examples])


def test_it_is_logistic_regression_on_the_features_by_hand(go, sorts, sort_spec):
    """Features of the plain images, pooled by hand; the classifier by its equations, to its own optimum."""
    from sklearn.linear_model import LogisticRegression

    made = go(sort_spec.replace(views=1), data=sorts)
    backbone, levels = made.assembled.backbone, ("P4", "P5")
    rows = np.concatenate(
        [np.asarray(backbone(pixels_of(sorts.train))[level]).mean(axis=(1, 2)) for level in levels], axis=1
    )
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    labels = [int(each.target[1]) for each in sorts.train.examples]
    (strength,), (scale,) = made.state.solved["C"], made.state.solved["scale"]
    by_hand = LogisticRegression(C=strength, tol=1e-9, max_iter=5000).fit((rows - mean) / deviation, labels)
    kernel, bias = made.assembled.model.get_layer(HEAD).get_weights()
    shown = pixels_of(sorts.val)
    expected = scale * by_hand.decision_function(
        (np.concatenate([np.asarray(backbone(shown)[n]).mean(axis=(1, 2)) for n in levels], axis=1) - mean)
        / deviation
    )
    assert kernel.shape == (8, 1) and bias.shape == (1,)
    found = np.asarray(made.assembled.model(shown, training=False))[:, 0]
    assert found == pytest.approx(expected, rel=0.02, abs=0.005)
    # At the optimum the gradient of the penalised loss is zero: C sum of (p - y) x + w, and C sum of (p - y).
    scaled, weights = (rows - mean) / deviation, kernel[:, 0] * deviation / scale
    error = 1 / (1 + np.exp(-(rows @ kernel[:, 0] + bias[0]) / scale)) - labels
    assert strength * error @ scaled + weights == pytest.approx(np.zeros(8), abs=2e-3)
    assert strength * error.sum() == pytest.approx(0, abs=2e-3)


def test_what_is_solved_are_the_features_of_every_view(made, sorts):
    """Sixteen images in two views: 32 rows, view by view, with targets and scenes; the views differ."""
    _, inputs, targets, groups, seed = made.given
    assert inputs.shape == (32, 8) and seed == 0
    expected = np.stack([each.target for each in sorts.train.examples])
    np.testing.assert_array_equal(targets, np.concatenate([expected, expected]))
    assert not np.allclose(inputs[:16], inputs[16:])
    assert [groups[row] == groups[row + 1] for row in range(0, 32, 2)] == [True] * 16  # two of a scene
    assert len(set(groups)) == 8 and groups[:16].tolist() == groups[16:].tolist()


def test_few_scenes_are_no_groups(go, sorts, sort_spec, solved_by):
    """Seven scenes cannot be parted: each image is a group, with all of its views."""
    assert closed_form.LEAST_SCENES == 8
    images = [replace(each, scene=f"scene{min(i // 2, 6)}") for i, each in enumerate(sorts.train.examples)]
    go(sort_spec, data=replace(sorts, train=ImageSet("train", sorts.train.class_names, tuple(images))))
    groups = solved_by[-1].groups
    assert groups.tolist() == [*range(16), *range(16)]


def rows_of(path):
    """Rows of a history."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_history_checkpoint_and_logs_have_one_row(made):
    """The figure is the best so far; the model before it is kept."""
    (row,) = rows_of(made.folder.history)
    assert (row["epoch"], row["phase"]) == ("1", "1")
    assert float(row["val_balanced_accuracy"]) == pytest.approx(made.state.best, abs=1e-6)
    assert {f"val_{name}" for name in made.output.primary_metrics} <= set(row)
    untrained = load(made.folder.before)
    assert moved(by_layer(untrained), by_layer(load(made.folder.model))) == {"head_logits"}
    _, state = load_checkpoint(made.folder.checkpoint)
    assert (state["epoch"], state["phase"], state["stale"]) == (1, 0, 0)
    assert state["solved"] == made.state.solved
    assert any((made.folder.logs / "validation").rglob("*tfevents*"))


def test_a_run_stopped_behind_the_solved_phase_ends_as_if_it_never_was(
    go, sorts, sort_spec, tmp_path, monkeypatch
):
    """Stopped when its one row was written; gone on with, the second phase gives the same weights."""
    plan = (Phase(CLOSED_FORM, 1, 0.005), Phase("C4", 2, 0.002))
    spec = replace(sort_spec, plan=plan)
    whole = go(spec.replace(out=str(tmp_path / "whole")), data=sorts)
    assert [row["phase"] for row in rows_of(whole.folder.history)] == ["1", "2", "2"]
    save = checkpoint.save_checkpoint

    def stop(path, arrays, state):
        save(path, arrays, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(closed_form, "save_checkpoint", stop)
        with pytest.raises(InputError, match=f"--resume {spec.run.out}"):
            go(spec, data=sorts)
    history = Path(spec.run.out, "history.csv")
    assert len(rows_of(history)) == 1
    headed = by_layer(load(Path(spec.run.out, "model.keras")))
    resumed = go(spec, resume=spec.run.out, data=sorts)
    assert moved(headed, by_layer(load(resumed.folder.last))) == {HEAD, "stem5"}  # the second phase did train
    for one, other in ((whole.folder.model, resumed.folder.model), (whole.folder.last, resumed.folder.last)):
        for a, b in zip(load(one).get_weights(), load(other).get_weights(), strict=True):
            assert a == pytest.approx(b, rel=1e-4, abs=1e-5)
    assert len(rows_of(history)) == 3
    for one, other in zip(whole.state.history, resumed.state.history, strict=True):
        assert one == pytest.approx({**other, "seconds": one["seconds"]}, rel=1e-4)
    assert resumed.state.solved == whole.state.solved


def test_without_a_cache_the_head_is_the_same_and_nothing_stays(
    go, made, sorts, sort_spec, tmp_path, monkeypatch
):
    """Features lie in a folder for that long."""
    (tmp_path / "aside").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "aside"))
    off = go(sort_spec.replace(cache="off", augment="light"), data=sorts)
    assert moved(by_layer(made.assembled.model), by_layer(off.assembled.model)) == set()
    assert list((tmp_path / "aside").iterdir()) == []


def test_the_model_that_is_saved_is_the_one_that_was_judged(made, sorts):
    """The figure in the history is that of the saved model on the plain held-out images."""
    logits = np.asarray(load(made.folder.model)(pixels_of(sorts.val), training=False))[:, 0]
    wanted = np.array([each.target[1] for each in sorts.val.examples])
    recalls = [((logits > 0) == wanted)[wanted == label].mean() for label in (0, 1)]
    assert made.state.best == pytest.approx(np.mean(recalls))


@pytest.mark.parametrize("stages", [(CLOSED_FORM,), ("backbone", CLOSED_FORM)])
def test_a_task_whose_head_cannot_be_computed_is_refused_before_anything_is_done(
    go, spec, tmp_path, stages, monkeypatch
):
    """One line, no folder; not after the phases before it were trained."""
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("something was trained"))
    plan = tuple(Phase(freeze, 1, 0.01) for freeze in stages)
    with pytest.raises(
        InputError, match="head of this task cannot be computed: remove closed_form from --phases"
    ) as caught:
        go(replace(spec, plan=plan))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_learning_rate_is_found_in_the_first_phase_that_trains(go, sorts, sort_spec, monkeypatch):
    """A phase in closed form has none; thirty steps are enough for a curve. Smoothed labels leave a loss to lower."""
    monkeypatch.setattr(phases, "find_lr", partial(find_lr, steps=30))
    plan = (Phase(CLOSED_FORM, 1, 0.005), Phase("C4", 1, 0.002))
    spec = replace(sort_spec.replace(find_lr=True, label_smoothing=0.2), plan=plan)
    made = go(spec, data=sorts)
    assert (made.folder.path / "find_lr.png").is_file()


@pytest.mark.slow
def test_a_backbone_that_is_adapted_gets_a_computed_head_first(go, sorts, sort_spec):
    """Few parameters learn behind it; what both did lies in the delta file."""
    plan = (Phase(CLOSED_FORM, 1, 0.005), Phase("C4", 1, 0.01))
    made = go(replace(sort_spec.replace(adapt="lora:2"), plan=plan), data=sorts)
    assert [(row["phase"], row["epoch"]) for row in made.state.history] == [(1, 1), (2, 2)]
    assert made.state.solved["how"] == "logistic regression" and made.folder.delta.is_file()
    assert HEAD in moved(made.start, by_layer(made.assembled.model))


def test_more_epochs_do_not_repeat_what_takes_one_pass():
    """A solved phase stays at 1; the phases behind it get the number."""
    solve, train = Phase(CLOSED_FORM, 1, 0.005), Phase("C4", 2, 0.002)
    assert extend_epochs((solve,), 5, finished=1) == (solve,)
    assert extend_epochs((solve, train), 5, finished=1) == (solve, replace(train, epochs=5))
    assert extend_epochs((solve, train), 5, finished=0) == (solve, replace(train, epochs=5))
    assert extend_epochs((solve, train), 5, finished=3) == (solve, replace(train, epochs=5))
