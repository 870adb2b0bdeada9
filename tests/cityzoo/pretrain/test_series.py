"""What is hidden in windows of sensors, and that the encoder's weights are loaded back."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from cityzoo.pretrain.series import MaskedSeries
from tests.cityzoo import series_town

PRETRAIN, TRAIN = "cityzoo/__main__.py", "train.py"
SIZES = ["--hidden-size", "4", "--history", "6", "--horizon", "3", "--backbone", "stid", "--data", "town.csv"]
CASES = {
    "pretrain": (PRETRAIN, ["pretrain", "--method", "mae", *SIZES, "--epochs", "2", "--run", "masked"]),
    "train": (
        TRAIN,
        ["--task", "traffic_flow", *SIZES, "--epochs", "1", "--weights", "masked", "--out", "flow"],
    ),
    "pairs": (PRETRAIN, ["pretrain", "--method", "simclr", *SIZES]),
    "probe": (PRETRAIN, ["pretrain", "--method", "mae", *SIZES, "--probe", "town.csv"]),
}


def test_blocks_of_rows_are_hidden_and_are_the_target():
    """Of four blocks of three rows half are hidden for each sensor; missing measurements are no target."""
    rng = np.random.default_rng(0)
    series, mask = rng.uniform(40, 60, (5, 12, 3, 2)).astype(np.float32), np.ones((5, 12, 3, 2), np.float32)
    mask[:, 4, 0] = series[:, 4, 0] = 0
    output = MaskedSeries(mask=0.5, spread=10.0, history=12)
    inputs = {"series": tf.constant(series), "mask": tf.constant(mask), "time_of_day": tf.zeros(5)}
    hidden, target = output.hide_rows(inputs)
    hidden, target = {name: each.numpy() for name, each in hidden.items()}, target.numpy()
    gone = (hidden["mask"] < mask)[..., 0].transpose(0, 2, 1)
    np.testing.assert_array_equal(target[..., 1] > 0, gone)
    np.testing.assert_allclose(target[..., 0], series[..., 0].transpose(0, 2, 1) / 10, rtol=1e-6)
    assert (gone[:, 1:].sum(axis=2) == 6).all() and not gone[:, 0, 4].any()
    blocks = gone[:, 1:].reshape(5, 2, 4, 3)
    assert (blocks.all(axis=3) == blocks.any(axis=3)).all()
    assert not hidden["series"][hidden["mask"] == 0].any()
    seen = hidden["mask"][..., 0].transpose(0, 2, 1)
    found = output.metrics(None, output.measure_windows(target, target[..., :1], seen))
    mean = (target[..., 0] * seen).sum(2) / seen.sum(2)
    wanted = np.mean([np.abs(target[i, ..., 0] - mean[i, :, None])[gone[i]].mean() for i in range(5)])
    assert found == {"masked_error": 0.0, "error_of_mean": pytest.approx(wanted, rel=1e-4)}


@pytest.fixture(scope="module")
def ran(tmp_path_factory, as_scripts):
    """Folder, and exit code, output and errors of each command."""
    place = tmp_path_factory.mktemp("masked")
    series_town.written(place / "town.csv", series_town.town(days=6))
    return place, as_scripts(place, CASES)


@pytest.mark.slow
def test_the_encoder_is_loaded_back(ran):
    """The run of train.py begins with the encoder's weights."""
    place, answers = ran
    assert answers["pretrain"][0] == 0 and answers["train"][0] == 0, answers["train"][2][-2000:]
    report = json.loads((place / "masked" / "report.json").read_text())
    assert (
        report["epochs"] == 2
        and report["masked_error"] > 0
        and report["weights_file"] == "masked/model.keras"
    )
    own, other = (
        keras.saving.load_model(place / name, compile=False)
        for name in ("masked/model.keras", "flow/before.keras")
    )
    for name in ("encoder_in", "encoder_block1_in"):
        for one, two in zip(own.get_layer(name).weights, other.get_layer(name).weights, strict=True):
            np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.slow
def test_pairs_and_probes_are_for_images(ran):
    """One line each."""
    answers = ran[1]
    assert answers["pairs"][0] == 2 and "--method mae" in answers["pairs"][2]
    assert (
        answers["probe"][0] == 2
        and "--probe" in answers["probe"][2]
        and "--weights RUN" in answers["probe"][2]
    )
