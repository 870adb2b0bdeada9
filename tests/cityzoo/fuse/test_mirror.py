"""A detector that also sees the mirror image treats left and right alike."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.fuse.mirror import mirror_model
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.detection import Detection

SIZE, POINTS = (32, 64), 42


@pytest.fixture(scope="module")
def run():
    """A run whose network is a dense layer: it tells left from right."""
    images = keras.Input((*SIZE, 3), name="image")
    flat = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(images))
    rows = keras.layers.Dense(POINTS * 6, kernel_initializer=keras.initializers.GlorotUniform(0))(flat)
    outputs = keras.layers.Reshape((POINTS, 6))(rows)
    return SimpleNamespace(
        model=keras.Model(images, outputs), output=Detection(("bus", "car")), path="runs/a"
    )


def test_the_answer_to_the_mirror_image_is_the_mirrored_answer(run):
    fused = mirror_model(run)
    images = np.random.default_rng(0).uniform(0, 1, (2, *SIZE, 3)).astype("float32")
    one, other = (np.asarray(fused.model(each)) for each in (images, images[:, :, ::-1]))
    mirrored = np.asarray(run.output.mirror_outputs(other, SIZE))
    np.testing.assert_allclose(one, mirrored, atol=1e-4)
    alone = np.asarray(run.model(images))
    assert np.abs(alone - mirrored).max() > 0.1  # which the network alone does not do
    assert fused.model.count_params() == run.model.count_params()


def test_classifiers_are_refused(run):
    spec = SimpleNamespace(run=SimpleNamespace(task_name="traffic_state"))
    with pytest.raises(InputError, match="--flips"):
        mirror_model(SimpleNamespace(**vars(run) | {"output": Classification(("a", "b")), "spec": spec}))
