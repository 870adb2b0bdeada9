"""What a phase does besides training: longer plans, moving averages, adaptation, losses that are not finite."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit import checkpoint, fine_tune, phases, run_folder
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.fit.run_folder import extend_epochs
from cityzoo.modalities.image import build
from cityzoo.model import load
from cityzoo.spec import Phase

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")


def weights_near(one, other, tolerance=1e-5):
    """Whether two models have the same weights."""
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.allclose(a, b, rtol=1e-4, atol=tolerance) for a, b in pairs)


@pytest.fixture
def spec(make_resolved, tmp_path):
    """The spec of a small classifier: two steps an epoch, images as they are."""
    flags = {"task": "vehicle_classify", "batch_size": 8, "views": 4, "augment": "none"}
    return make_resolved(tmp_path / "run", **flags)


@pytest.fixture
def averaged(spec):
    """An average, and a constant rate, which does not depend on how long the plan is."""
    spec = spec.replace(schedule="constant", ema=0.9, patience=9)
    return replace(spec, plan=(Phase("backbone", 3, 0.005),))


@pytest.fixture(scope="module")
def once(go, sorts, tmp_path_factory):
    """Return a function that gives the run of a spec, uninterrupted; what several tests ask for is trained once."""
    made = {}

    def of(spec):
        asked = str(spec.replace(out=""))
        if asked not in made:
            made[asked] = go(spec.replace(out=str(tmp_path_factory.mktemp("once") / "run")), data=sorts)
        return made[asked]

    return of


@pytest.fixture
def lora(spec):
    """Few parameters are trained, behind C3."""
    return replace(spec.replace(adapt="lora:2"), plan=(Phase("C3", 2, 0.01),))


def test_two_epochs_and_one_more_are_three(go, sorts, averaged, once):
    """Of the weights and of their average."""
    three = once(averaged)
    two = go(replace(averaged, plan=(Phase("backbone", 2, 0.005),)), data=sorts)
    assert not weights_near(load(three.folder.last), load(two.folder.last))
    plan = extend_epochs((Phase("backbone", 2, 0.005),), 3, finished=2)
    more = go(replace(averaged, plan=plan), resume=averaged.run.out, data=sorts)
    assert [row["epoch"] for row in more.state.history] == [1, 2, 3]
    assert weights_near(load(three.folder.last), load(more.folder.last))
    assert weights_near(load(three.folder.model), load(more.folder.model))


def test_an_average_is_kept_as_the_model_and_survives_a_stop(go, sorts, averaged, once, monkeypatch):
    """model.keras is the average, last.keras the weights themselves; stopped and gone on with, both are the same."""
    spec, whole = averaged, once(averaged)
    assert not weights_near(load(whole.folder.model), load(whole.folder.last))
    save = checkpoint.save_checkpoint

    def stop(path, arrays, state):
        save(path, arrays, state)
        if state["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_checkpoint", stop)
    with pytest.raises(InputError, match="--resume"):
        go(spec, data=sorts)
    monkeypatch.setattr(checkpoint, "save_checkpoint", save)
    resumed = go(spec, resume=spec.run.out, data=sorts)
    assert weights_near(load(whole.folder.model), load(resumed.folder.model))
    assert weights_near(load(whole.folder.last), load(resumed.folder.last))


def test_a_loss_that_is_no_number_stops_and_leaves_the_batch_and_the_good_weights(
    go, sorts, spec, monkeypatch
):
    """In the second of two steps of epoch 2: what is kept is epoch 1, and the eight images of that step."""
    from cityzoo.outputs.classification import Classification

    calls, plain = [], Classification.loss

    class Breaking(keras.losses.Loss):
        def call(self, y_true, y_pred):
            calls.append(1)
            return keras.ops.mean(y_pred, axis=1) * (float("nan") if len(calls) == 4 else 1.0)

    monkeypatch.setattr(Classification, "loss", lambda self, size_hw: Breaking())
    spec = replace(spec, plan=(Phase("backbone", 3, 0.005),))
    with pytest.raises(InputError, match="loss is nan at epoch 2, step 2: the weights of epoch 1 are saved"):
        go(spec, data=sorts)
    folder = run_folder.RunFolder(Path(spec.run.out))
    arrays, state = load_checkpoint(folder.checkpoint)
    assert state["epoch"] == 1 and all(np.isfinite(array).all() for array in arrays["model"])
    assert all(np.isfinite(array).all() for array in load(folder.model).get_weights())
    with np.load(folder.bad_batch) as bad:
        rows = json.loads(str(bad["rows"]))
        assert len(rows) == len(bad["target"]) == len(bad["P5"]) == 8
    assert all(row["example"].endswith(".png") and row["view"] == 1 for row in rows)
    monkeypatch.setattr(Classification, "loss", plain)


def test_few_parameters_learn_are_merged_and_lie_in_a_small_file(once, lora, sorts):
    """The base weights stay; model.keras is plain; the delta file brings a fresh base to the same outputs."""
    spec, made = lora, once(lora)
    fine_tune.seed_everything(spec.run.seed)  # as when the run began: the same random base
    base = build.build(spec.replace(adapt=None), made.output, sorts)
    plain = load(made.folder.model)
    names = {layer.name for layer in base.model.layers}
    assert {
        layer.name for layer in plain.layers
    } == names and plain.count_params() == base.model.count_params()
    for layer in base.backbone.layers:
        same = all(
            np.allclose(a, b)
            for a, b in zip(layer.get_weights(), plain.get_layer(layer.name).get_weights(), strict=True)
        )
        assert same == (layer.name not in ("stem4", "stem5")), layer.name
    fine_tune.seed_everything(spec.run.seed)
    again = build.build(spec.replace(adapt=None, delta=str(made.folder.delta)), made.output, sorts)
    expected = plain(IMAGES, training=False)
    np.testing.assert_allclose(again.model(IMAGES, training=False), expected, rtol=1e-3, atol=1e-3)


def test_a_delta_file_of_other_base_weights_is_refused(once, spec, lora, sorts):
    made = once(lora)
    keras.utils.set_random_seed(99)
    with pytest.raises(InputError, match="needs other base weights"):
        build.build(spec.replace(delta=str(made.folder.delta)), made.output, sorts)


def test_the_plan_cannot_be_made_shorter_than_what_was_done():
    plan = (Phase("backbone", 4, 0.01), Phase("C3", 4, 0.001))
    assert [phase.epochs for phase in extend_epochs(plan, 6, finished=2)] == [6, 6]
    assert [phase.epochs for phase in extend_epochs(plan, 6, finished=5)] == [4, 6]
    with pytest.raises(InputError, match="--epochs 1 is less than the 3 epochs"):
        extend_epochs(plan, 1, finished=3)


def test_parameter_table(go, spec, sorts):
    """Behind C4, at half the head's rate; the numbers add up to the model's."""
    task, phase = tasks.find("vehicle_classify"), Phase("C4", 1, 0.01)
    spec, output = spec.replace(layer_decay=0.5), task.output_for(sorts.train.class_names)
    assembled = build.build(replace(spec, plan=(phase,)), output, sorts)
    context = SimpleNamespace(assembled=assembled, spec=spec, modality=task.modality, output=output)
    phases.freeze(context, phase)
    table = fine_tune.parameter_table(context, phase).splitlines()
    rows = {row.split()[0]: row.replace(",", "").split()[1:] for row in table[1:]}
    assert list(rows) == ["C1", "C2", "C3", "C4", "C5", "head"]
    assert sum(int(row[0]) for row in rows.values()) == assembled.model.count_params()
    assert [rows[f"C{n}"][1:] for n in (1, 4)] == [["0", "-"]] * 2
    assert rows["C5"][2] == "0.005" and rows["head"][2] == "0.01"
