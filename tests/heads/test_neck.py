"""Sizes and names of the neck; what it cannot mix it refuses."""

import keras
import numpy as np
import pytest

from heads.neck import path_aggregation


def levels(**sides):
    """Inputs of square levels with 4 channels."""
    return {name: keras.Input((side, side, 4), name=name) for name, side in sides.items()}


def test_every_level_sees_every_other():
    """A single hot pixel in one level changes all levels that come out."""
    given = levels(P3=8, P4=4, P5=2)
    model = keras.Model(given, path_aggregation(given, 16))
    zeros = {name: np.zeros((1, *tensor.shape[1:]), "float32") for name, tensor in given.items()}
    still = model(zeros)
    assert {name: tuple(x.shape[1:]) for name, x in still.items()} == {
        "P3": (8, 8, 16),
        "P4": (4, 4, 16),
        "P5": (2, 2, 16),
    }
    for hot in given:
        touched = {name: array.copy() for name, array in zeros.items()}
        touched[hot][0, 1, 1] = 100.0
        for name, moved in model(touched).items():
            assert float(np.abs(moved - still[name]).max()) > 0, (hot, name)


@pytest.mark.parametrize("sides", [{"P3": 8, "P5": 2}, {}])
def test_levels_must_be_neighbours(sides):
    """A missing level between two, or none at all."""
    with pytest.raises(ValueError, match="such as P3, P4, P5"):
        path_aggregation(levels(**sides), 16)


@pytest.mark.parametrize("sides", [{"P3": 8, "P4": 4}, {"P3": 8}])
def test_missing_coarse_levels_are_made_from_the_last_one(sides):
    """Behind a truncated backbone; a hot pixel of the finest level is seen in those made, and the way back up."""
    given = levels(**sides)
    model = keras.Model(given, path_aggregation(given, 16, coarsest="P5"))
    assert {name: tuple(x.shape[1:]) for name, x in model.output.items()} == {
        "P3": (8, 8, 16),
        "P4": (4, 4, 16),
        "P5": (2, 2, 16),
    }
    made = [layer.name for layer in model.layers if layer.name.endswith("_made_conv")]
    assert made == [f"neck_{name}_made_conv" for name in ("P4", "P5") if name not in sides]
    zeros = {name: np.zeros((1, *tensor.shape[1:]), "float32") for name, tensor in given.items()}
    still, hot = model(zeros), {name: array.copy() for name, array in zeros.items()}
    hot["P3"][0, 1, 1] = 100.0
    for name, moved in model(hot).items():
        assert float(np.abs(moved - still[name]).max()) > 0, name


def test_nothing_is_made_that_is_there():
    """A full pyramid keeps its layers, and with them the weights of earlier models."""
    given = levels(P3=8, P4=4, P5=2)
    names = [
        [layer.name for layer in keras.Model(given, path_aggregation(given, 16, coarsest=coarsest)).layers]
        for coarsest in (None, "P5")
    ]
    assert names[0] == names[1]
