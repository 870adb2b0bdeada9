"""Regions from an exported detector: tiles and their offsets, parts of vehicles, wrong folders and classes."""

import json
import shutil

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.redact.detector import DetectorFinder
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import mark


def test_small_objects_of_a_large_image_are_found_where_they_are(white_cells, scene):
    """In tiles at full resolution; in the whole image, which is reduced three times, they would vanish."""
    image, places = scene
    regions = Redactor([DetectorFinder(white_cells, ["plate"], 0.5)]).find(image)
    covered = mark(image.shape[:2], regions)
    assert all(covered[y : y + 8, x : x + 8].all() for x, y in places)
    assert covered.mean() < 0.1


def test_of_vehicles_the_lower_half_is_covered(white_cells):
    """Class plate: the whole box; car: half of it, as a plate."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[8:16, 16:24] = 255
    boxes = {name: DetectorFinder(white_cells, [name], 0.5).find(image)[0] for name in ("plate", "car")}
    assert boxes["plate"].box_xyxy == (16, 8, 24, 16)
    assert boxes["car"].box_xyxy == (16, 12, 24, 16)
    assert {region.kind for region in boxes.values()} == {"plate"}


def test_both_classes_without_a_choice(white_cells):
    """All that stand for people, plates and vehicles; whole boxes where they are drawn."""
    image = np.full((32, 64, 3), 255, np.uint8)
    finder = DetectorFinder(white_cells)
    assert finder.classes == ("plate", "car")
    assert {region.kind for region in finder.detect(image)} == {"plate", "car"}


def test_wrong_classes_and_folders(white_cells, tmp_path):
    """What is allowed is named."""
    with pytest.raises(InputError, match="did you mean 'plate'"):
        Redactor.from_name(f"{white_cells}:plat")
    with pytest.raises(InputError, match="'2' is not a score"):
        Redactor.from_name(f"{white_cells}@2")
    about = json.loads((white_cells / "preprocessing.json").read_text())
    for change, message in (
        ({"class_names": ["tree", "sky"]}, "stands for people"),
        ({"variant": "plain"}, "no detector"),
    ):
        folder = tmp_path / message
        shutil.copytree(white_cells, folder)
        (folder / "preprocessing.json").write_text(json.dumps(about | change))
        with pytest.raises(InputError, match=message):
            DetectorFinder(folder)
