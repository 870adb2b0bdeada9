"""After each epoch: the best model is kept, patience ends a phase, images are drawn every few epochs."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from cityzoo.fit.callbacks import CheckpointCallback, EvaluationCallback, ImageSummaryCallback
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.fit.context import TrainState
from cityzoo.fit.nan_guard import NanGuard
from cityzoo.fit.run_folder import RunFolder
from cityzoo.modalities.image import IMAGE
from cityzoo.model import float32_copy, load
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections


@pytest.fixture
def model():
    """One weight that says which epoch it is of."""
    images = keras.Input((1,))
    made = keras.Model(images, keras.layers.Dense(1, use_bias=False)(images))
    made.compile(keras.optimizers.SGD(), "mse")
    return made


def weight(model):
    """The one weight."""
    return float(model.get_weights()[0][0, 0])


def keep(model, folder, metrics, patience=99, state=None, enough=99, start=None):
    """Go through epochs with these metrics; return the keeper and the number of epochs that there were."""
    state = state or TrainState()
    context = SimpleNamespace(
        assembled=SimpleNamespace(model=model),
        folder=RunFolder(folder),
        state=state,
        task=SimpleNamespace(monitor="AP"),
        output=SimpleNamespace(lower_is_better=()),
        spec=SimpleNamespace(fit=SimpleNamespace(patience=patience, keep_epochs=0)),
        teacher=None,
        elapsed_seconds=lambda: 12.34,
        float32_twin=float32_copy(model),
        is_enough=lambda state: state.epoch >= enough,
    )
    keeper = CheckpointCallback(context, None, NanGuard())
    keeper.set_model(model)
    model.stop_training = False
    if start is not None:
        keeper.keep_start({"AP": start})
    for epoch, figure in enumerate(metrics):
        model.set_weights([np.full((1, 1), epoch + 1, "float32")])
        keeper.on_epoch_end(epoch, {"loss": 0.5} | ({} if figure is None else {"val_AP": figure}))
        if model.stop_training:
            break
    return keeper, epoch + 1


def test_the_best_epoch_is_kept_and_the_last_one_goes_on(model, tmp_path):
    """Best of .1 .4 .3: the second; the checkpoint has both."""
    keeper, _ = keep(model, tmp_path, [0.1, 0.4, 0.3])
    assert weight(load(tmp_path / "model.keras")) == weight(keeper.twin) == 2
    arrays, state = load_checkpoint(tmp_path / "checkpoint.npz")
    assert (arrays["model"][0], arrays["best"][0]) == (3, 2)
    assert len(arrays["optimizer"]) == len(model.optimizer.variables)
    assert (state["epoch"], state["best"], state["stale"], state["spent"]) == (3, 0.4, 1, 12.34)
    assert [row["val_AP"] for row in state["history"]] == [0.1, 0.4, 0.3]
    assert TrainState(**state) == keeper.state
    assert (tmp_path / "history.csv").read_text().splitlines()[0] == "epoch,phase,seconds,loss,val_AP"


@pytest.mark.parametrize(
    ("metrics", "epochs"),
    [
        ([0.1, 0.2, 0.2, 0.2, 0.3], 4),  # as good is not better
        ([0.1, 0.0, 0.2, 0.1, 0.3, 0.1, 0.1], 7),
        ([0.0, 0.0, 0.0, 0.0], 3),
    ],
)
def test_patience_of_two_epochs(model, tmp_path, metrics, epochs):
    """Two in a row that are no better end the phase."""
    assert keep(model, tmp_path, metrics, patience=2)[1] == epochs


def test_a_training_that_has_enough_ends_with_its_checkpoint(model, tmp_path):
    """After the second of four epochs, whatever the metric does."""
    keeper, epochs = keep(model, tmp_path, [0.1, 0.2, 0.3, 0.4], enough=2)
    assert epochs == 2 and load_checkpoint(keeper.folder.checkpoint)[1]["epoch"] == 2


def test_the_best_of_an_earlier_phase_stays_the_best(model, tmp_path):
    """A second phase that never gets there writes no model."""
    keep(model, tmp_path, [0.1, 0.2], state=TrainState(best=0.5))
    assert not (tmp_path / "model.keras").exists()


def test_the_model_that_is_continued_stays_until_an_epoch_is_better(model, tmp_path):
    """It is the best of epoch 0; patience counts as ever, and a resumed run still knows it."""
    begun = weight(model)
    keeper, epochs = keep(model, tmp_path, [0.1, 0.4, 0.3], patience=2, start=0.45)
    assert epochs == 2 and keeper.state.best_epoch == 0 and weight(load(tmp_path / "model.keras")) == begun
    assert load_checkpoint(tmp_path / "checkpoint.npz")[0]["best"][0] == begun
    keeper, _ = keep(model, tmp_path, [0.1, 0.4, 0.3], start=0.35)
    assert keeper.state.best_epoch == 2 and weight(load(tmp_path / "model.keras")) == 2


def test_without_a_figure_the_last_epoch_is_kept(model, tmp_path):
    """No boxes held out, nothing to evaluation by: training must not have been for nothing, nor end early."""
    _, epochs = keep(model, tmp_path, [None] * 4, patience=2)
    assert epochs == 4
    assert weight(load(tmp_path / "model.keras")) == 4


def test_a_figure_that_is_no_number_is_no_best(model, tmp_path):
    """A run that diverges keeps the epoch before."""
    keep(model, tmp_path, [0.1, float("nan")])
    assert weight(load(tmp_path / "model.keras")) == 1
    assert json.loads(json.dumps(load_checkpoint(tmp_path / "checkpoint.npz")[1]))["best"] == 0.1


def test_the_primary_metrics_go_into_the_logs():
    """The headline ones, and none that could not be had."""
    evaluation = EvaluationCallback(
        lambda: ({"AP": 0.5, "AP50": 0.75, "AP75": None, "per_class": {}}, ["results"]),
        NanGuard(),
        ("AP", "AP75", "AP50"),
    )
    logs = {"loss": 1.0}
    evaluation.on_epoch_end(0, logs)
    assert logs == {"loss": 1.0, "val_AP": 0.5, "val_AP50": 0.75}
    assert evaluation.results == ["results"]


def test_images_are_drawn_every_few_epochs_and_at_the_end(street, tmp_path):
    """TensorBoard gets four of the held-out images in epochs 1, 6 and 8 of 8, with the boxes on them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    evaluation = EvaluationCallback(lambda: ({}, []), NanGuard(), ())
    evaluation.results = [Detections([[10, 10, 50, 50]], [0.9], [0])] * len(street.val)
    context = SimpleNamespace(
        val=SimpleNamespace(examples=street.val),
        modality=IMAGE,
        output=Detection(street.val.class_names),
        folder=RunFolder(tmp_path),
    )
    images = ImageSummaryCallback(evaluation, context, last_epoch=8)
    for epoch in range(8):
        images.on_epoch_end(epoch)
    events = EventAccumulator(
        str(tmp_path / "logs" / "images"), size_guidance={"tensors": 0, "images": 0}
    ).Reload()
    tags = events.Tags()["tensors"]
    assert sorted(tags) == [f"val/{number}" for number in range(4)]
    steps = sorted(event.step for event in events.Tensors(tags[0]))  # files of one second come in any order
    assert steps == [1, 6, 8]
