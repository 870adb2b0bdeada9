"""After training: the best model is calibrated, and trained again on train and val for the epochs that val chose."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from cityzoo.data.series.windows import windows_of
from cityzoo.fit import fine_tune, refit
from cityzoo.fit.context import TrainState
from cityzoo.fit.run_folder import RunFolder
from cityzoo.modalities.series.data import SeriesDataset
from cityzoo.model import load
from cityzoo.spec import CLOSED_FORM, Phase

PLAN = (Phase(CLOSED_FORM, 1, 0.01), Phase("backbone", 4, 0.01), Phase("none", 5, 0.001))


class Output:
    """An output with one number to calibrate, or none."""

    def __init__(self, refit, fitted):
        self.refit, self.fitted = refit, fitted

    def with_train_statistics(self, train):
        return self

    def calibrate(self, model, predict):
        """Return the number, if the held-out examples were predicted by the model of the best epoch."""
        assert predict() == ("val", [2.0])
        return self.fitted

    def choose_thresholds(self, predict, fitted):
        """Return the output unchanged."""
        return self

    def apply_calibration(self, model, fitted):
        """Add the number to the weight."""
        model.set_weights([weight + fitted for weight in model.get_weights()])


def one_weight(value):
    """Return a model with one weight."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.set_weights([np.full((1, 1), value, "float32")])
    return SimpleNamespace(model=model)


@pytest.fixture
def finish(monkeypatch, tmp_path, make_resolved):
    """Return a function that finishes a run: (output, best_epoch) -> what was trained again."""
    trained = []

    def again(spec, task, output, data, assembled, folder, resume, found_rate):
        trained.append(SimpleNamespace(spec=spec, folder=folder, resume=resume, found_rate=found_rate))

    def run(output, best_epoch=0, training_spec=lambda spec: spec):
        modality = SimpleNamespace(
            training_spec=training_spec,
            raw_outputs=lambda model, examples: model(np.ones((1, 1), "float32"))[0].tolist(),
            build=lambda spec, output, data: one_weight(5.0),
        )
        task = SimpleNamespace(modality=modality, output_for=lambda names, options: output)
        joined = SimpleNamespace(train=SimpleNamespace(class_names=()))
        data = SimpleNamespace(val="val", with_val=lambda: joined)
        spec = make_resolved(tmp_path / "run", *PLAN)
        state = TrainState(best_epoch=best_epoch, found_rate=0.25)
        refit.finish(spec, task, output, data, one_weight(2.0), RunFolder(tmp_path), state)
        return trained

    monkeypatch.setattr(fine_tune, "fine_tune", again)
    return run


def test_without_anything_to_calibrate_the_model_file_stays(finish, tmp_path):
    """It is the best epoch's already."""
    assert finish(Output(refit=False, fitted=None)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_trained_at_a_smaller_size_is_saved_at_the_whole_one(finish, tmp_path):
    """It is built as the spec says, not as it was trained, and calibrated so."""
    output = Output(refit=False, fitted=None)
    output.calibrate = lambda model, predict: None if predict() == ("val", [5.0]) else 1.0
    assert finish(output, training_spec=lambda spec: spec.replace(seed=9)) == []
    assert load(tmp_path / "model.keras").get_weights()[0].item() == 5.0


def test_the_calibrated_model_is_saved(finish, tmp_path):
    """With the weights of the best epoch."""
    assert finish(Output(refit=False, fitted=0.5)) == []
    assert load(tmp_path / "model.keras").get_weights()[0].item() == 2.5


@pytest.mark.parametrize(
    ("best_epoch", "epochs"),
    [
        (1, [(CLOSED_FORM, 1)]),
        (3, [(CLOSED_FORM, 1), ("backbone", 2)]),
        (7, [(CLOSED_FORM, 1), ("backbone", 4), ("none", 2)]),
    ],
)
def test_it_trains_again_up_to_the_best_epoch(finish, tmp_path, best_epoch, epochs):
    """In a folder of its own, on train and val, at the rates of the whole plan; calibration is the first model's."""
    (again,) = finish(Output(refit=True, fitted=0.5), best_epoch)
    assert [(phase.freeze, phase.epochs) for phase in again.spec.plan] == epochs
    planned = {phase.freeze: phase.epochs for phase in PLAN}
    assert all(phase.schedule_epochs == planned[phase.freeze] for phase in again.spec.plan)
    assert (again.folder.path, again.resume, again.found_rate) == (tmp_path / refit.FOLDER, False, 0.25)
    assert load(tmp_path / "model.keras").get_weights()[0].item() == 5.5


def test_a_refit_that_was_stopped_is_resumed(finish, tmp_path):
    """From its own checkpoint."""
    (tmp_path / refit.FOLDER).mkdir()
    (tmp_path / refit.FOLDER / "checkpoint.npz").touch()
    assert finish(Output(refit=True, fitted=None), 3)[0].resume


def test_train_and_val_are_joined(series):
    """Windows of both, in order, and nothing left to choose epochs by."""
    town = series(np.random.default_rng(0).normal(size=(60, 2)))
    parts = {"train": range(30), "val": range(30, 45), "test": range(45, 60)}
    sides = {name: windows_of(name, town, rows, 3, 2) for name, rows in parts.items()}
    joined = SeriesDataset(**sides, findings=None).with_val()
    assert joined.train.rows == range(45) and len(joined.val) == 0
    assert joined.train.origins.tolist() == list(range(2, 43))
    assert joined.test is sides["test"]
