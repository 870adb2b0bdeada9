"""A backbone small enough to be built in a blink, and pictures with one white rectangle."""

import numpy as np
import pytest
from PIL import Image


def small_backbone(name, size_hw, weights="auto"):
    """Build, like `zoo.build`, five strided convolutions as wide as the backbone's name says."""
    import keras

    import zoo

    x, levels = keras.Input((*size_hw, 3), name="images"), {}
    images, width = x, {"slim": 4, "wide": 6}[name.partition("_")[0]]
    for number in range(1, 6):
        x = keras.layers.Conv2D(width, 3, 2, padding="same", use_bias=False, name=f"stem{number}")(x)
        x = keras.layers.BatchNormalization(name=f"stem{number}_norm")(x)
        if name.endswith("_deep"):
            x = keras.layers.Conv2D(width, 1, name=f"stem{number}_more")(x)
        levels[f"P{number}"] = x = keras.layers.ReLU(name=f"stem{number}_relu")(x)
    outputs = {level: levels[level] for level in ("P3", "P4", "P5")}
    return zoo.Built(name, keras.Model(images, outputs, name=name), zoo.Origin("random"))


@pytest.fixture(scope="session")
def small_build():
    """Return what builds small backbones."""
    return small_backbone


@pytest.fixture
def small_zoo(small_build, monkeypatch):
    """Make `zoo.build` build small backbones."""
    import zoo

    monkeypatch.setattr(zoo, "build", small_build)


@pytest.fixture
def painted(tmp_path):
    """Return a function that writes a dark picture with one white rectangle and returns it, annotated."""
    from cityzoo.sample import Picture

    def write(name, size_hw, box, label=0):
        pixels = np.full((*size_hw, 3), 20, np.uint8)
        x1, y1, x2, y2 = box
        pixels[y1:y2, x1:x2] = 255
        Image.fromarray(pixels).save(tmp_path / name)
        return Picture(str(tmp_path / name), size_hw, [box], [label])

    return write
