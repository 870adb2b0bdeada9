"""Images at the network's input: which ones, and where they end."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.evaluation.network_inputs import prepare
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageSet

MODEL = SimpleNamespace(inputs=[np.zeros((1, 32, 32, 3))])
KIND = Detection(("car",))


@pytest.fixture
def truth(painted):
    """Wide, tall, and as the input; a white rectangle in each."""
    sizes = {"wide": (30, 60), "tall": (64, 16), "same": (32, 32)}
    each = tuple(painted(f"{name}.png", size, (0, 0, size[1], size[0])) for name, size in sizes.items())
    return ImageSet("val", ("car",), each)


def test_bars_are_outside_and_all_of_an_image_inside(truth):
    """The images are white all over, bars are grey."""
    inputs = prepare(MODEL, KIND, truth, [0, 1, 2])
    assert (inputs.inside[..., 0] == (inputs.images == 255).all(axis=-1)).all()
    assert inputs.inside[..., 0].sum(axis=(1, 2)).tolist() == [16 * 32, 32 * 8, 32 * 32]
    assert inputs.targets[0, 0] == pytest.approx([0, 8, 32, 24, 0], abs=1e-5)
    assert inputs.matrices[1, 0] == pytest.approx([0.5, 0, 12])


def test_chance_falls_to_an_image_by_its_row_alone(truth):
    """Whatever other images are taken."""
    every, some = prepare(MODEL, KIND, truth, [0, 1, 2]), prepare(MODEL, KIND, truth, [2])
    assert (every.seeds[2] == some.seeds[0]).all() and len(np.unique(every.seeds, axis=0)) == 3
    assert (prepare(MODEL, KIND, truth, [2], seed=1).seeds != some.seeds).any()
    assert some.examples.examples == truth.examples[2:]


def test_no_image_is_said(truth):
    with pytest.raises(InputError, match="no held-out image"):
        prepare(MODEL, KIND, ImageSet("val", ("car",), ()), [])
