"""What counts as a backbone's level, and what is computed from the head."""

import keras
from keras import layers

from cityzoo.modalities.embedding import feature_model


def test_what_is_computed_from_a_head_is_no_level():
    """As a detector's boxes and scores, which unnamed operations join before a layer of the head reshapes them."""
    images = keras.Input((16, 16, 3))
    fine = layers.Conv2D(4, 3, strides=2, padding="same")(images)
    coarse = layers.Conv2D(6, 3, strides=2, padding="same")(fine)
    logits = layers.Conv2D(2, 1, name="head_logits")
    rows = []
    for number, level in enumerate((fine, layers.Conv2D(4, 1, name="neck_lateral")(coarse))):
        both = keras.ops.concatenate([keras.ops.sigmoid(logits(level)), logits(level)], axis=-1)
        rows.append(layers.Reshape((-1, 4), name=f"head_{number}_rows")(both))
    model = keras.Model(images, layers.Concatenate(axis=1, name="predictions")(rows))
    assert feature_model(model).output.shape == (None, 4 + 6)
