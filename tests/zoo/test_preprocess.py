import importlib

import keras
import numpy as np
import pytest

from zoo import registry
from zoo.backbone import preprocess

MODULES = {
    "vgg": ["vgg16", "vgg19"],
    "resnet": ["resnet"],
    "resnet_v2": ["resnet_v2"],
    "inception_v3": ["inception_v3"],
    "inception_resnet_v2": ["inception_resnet_v2"],
    "xception": ["xception"],
    "mobilenet": ["mobilenet"],
    "mobilenet_v2": ["mobilenet_v2"],
    "mobilenet_v3": ["mobilenet_v3"],
    "densenet": ["densenet"],
    "nasnet": ["nasnet"],
    "efficientnet": ["efficientnet"],
    "efficientnet_v2": ["efficientnet_v2"],
    "convnext": ["convnext"],
}


@pytest.fixture
def images():
    return np.random.default_rng(3).uniform(0, 255, (2, 5, 6, 3)).astype("float32")


@pytest.mark.parametrize("family", registry.FAMILIES)
def test_it_equals_the_familys_own_preprocess_input(family, images):
    inputs = keras.Input((5, 6, 3))
    model = keras.Model(inputs, preprocess(inputs, registry.FAMILIES[family].preprocess) * 1.0)
    for module in MODULES[family]:
        own = importlib.import_module(f"keras.applications.{module}").preprocess_input
        np.testing.assert_allclose(np.asarray(model(images)), own(images.copy()), atol=2e-5)


def test_numbers_by_hand():
    red = np.array([[[[255.0, 0.0, 0.0]]]], "float32")
    expected = {
        "caffe": [0 - 103.939, 0 - 116.779, 255 - 123.68],
        "tf": [1.0, -1.0, -1.0],
        "torch": [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225],
        "inside": [255.0, 0.0, 0.0],
    }
    for behaviour, values in expected.items():
        inputs = keras.Input((1, 1, 3))
        got = keras.Model(inputs, preprocess(inputs, behaviour) * 1.0)(red)
        np.testing.assert_allclose(np.asarray(got)[0, 0, 0], values, atol=1e-4)


def test_an_unknown_behaviour_is_refused():
    with pytest.raises(ValueError, match="caffe, tf, torch, inside"):
        preprocess(keras.Input((4, 4, 3)), "bgr")


def test_efficientnet_equals_the_graph_that_keras_builds_for_imagenet(images):
    """Keras adds a Rescaling for weights="imagenet" only, to files that hold std where variance belongs."""
    from zoo.backbone import TORCH_MEAN_RGB, TORCH_STD_RGB, fix_normalization

    inputs = keras.Input((5, 6, 3))
    normalization = keras.layers.Normalization(axis=-1)
    model = keras.Model(inputs, normalization(keras.layers.Rescaling(1 / 255)(inputs)))
    count = normalization.get_weights()[2]
    normalization.set_weights([np.array(TORCH_MEAN_RGB), np.array(TORCH_STD_RGB), count])
    normalization.finalize_state()
    published = np.asarray(model(images)) / np.sqrt(TORCH_STD_RGB)
    fix_normalization(model)
    np.testing.assert_allclose(np.asarray(model(images)), published, atol=1e-4)
    by_hand = (images / 255 - TORCH_MEAN_RGB) / TORCH_STD_RGB
    np.testing.assert_allclose(np.asarray(model(images)), by_hand, atol=1e-4)
