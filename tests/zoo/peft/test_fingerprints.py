import keras
import numpy as np

import zoo
from zoo.peft.adapt import adapt
from zoo.peft.rewrite import fingerprint


def _model(*names):
    inputs = x = keras.Input((4, 4, 3))
    for name in names:
        x = keras.layers.Conv2D(3, 1, name=name, kernel_initializer=keras.initializers.GlorotUniform(1))(x)
    return keras.Model(inputs, x)


def test_names_of_layers_do_not_count_but_weights_and_their_order_do():
    model = _model("conv2d_7", "conv2d_8")
    assert fingerprint(model) == fingerprint(_model("left", "right"))
    assert fingerprint(model) != fingerprint(_model("only"))
    kernel = np.array(model.layers[1].kernel)
    kernel[0, 0, 0, 0] = np.nextafter(kernel[0, 0, 0, 0], np.float32(2))
    model.layers[1].kernel.assign(kernel)
    changed = fingerprint(model)
    assert changed != fingerprint(_model("left", "right"))
    first, second = model.layers[1].get_weights(), model.layers[2].get_weights()
    model.layers[1].set_weights(second)
    model.layers[2].set_weights(first)
    assert fingerprint(model) != changed


def test_neither_the_size_nor_the_precision_counts(backbone):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        larger = zoo.build(backbone.name, 96, weights="random").model
    finally:
        keras.config.set_dtype_policy("float32")
    larger.set_weights(backbone.get_weights())
    assert fingerprint(larger) == fingerprint(backbone) and len(fingerprint(backbone)) == 64


def test_an_adapted_backbone_has_that_of_the_weights_it_began_with(backbone, shake):
    assert fingerprint(shake(adapt(backbone, "bias"))) == fingerprint(backbone)
