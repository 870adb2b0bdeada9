"""The sheet's image: annotations and results lie where the things are."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cityzoo.evaluation.network_inputs import prepare
from cityzoo.evaluation.robustness import corruption_sheet
from cityzoo.evaluation.robustness.conditions import CORRUPTIONS, STRENGTHS
from cityzoo.evaluation.robustness.corruption_sheet import Sheet
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageSet

MODEL = SimpleNamespace(inputs=[np.zeros((1, 64, 64, 3))])


@pytest.fixture
def filled(painted):
    """A sheet that all passes went by; of three images the second has the median number of boxes."""
    several = painted("several.png", (40, 80), (0, 0, 80, 40))
    object.__setattr__(several, "boxes_xyxy", np.tile(several.boxes_xyxy, (3, 1)))
    object.__setattr__(several, "labels", np.zeros(3, np.int32))
    one = painted("one.png", (40, 80), (20, 10, 60, 30))
    none = painted("none.png", (40, 80), (0, 0, 80, 40))
    object.__setattr__(none, "boxes_xyxy", np.zeros((0, 4), np.float32))
    object.__setattr__(none, "labels", np.zeros(0, np.int32))
    inputs = prepare(MODEL, Detection(("car",)), ImageSet("val", ("car",), (several, one, none)), [0, 1, 2])
    sheet = Sheet(inputs, 4.0)
    for name in [
        ("clean", 0.0),
        *((n, s) for n in CORRUPTIONS for s in STRENGTHS),
        ("FGSM", 4.0),
        ("PGD", 4.0),
    ]:
        for part in (slice(0, 2), slice(2, 4)):
            sheet.take(name, part, inputs.images[part].astype("float32"))
    return sheet, inputs


def test_boxes_come_to_the_sheets_pixels(filled):
    """At the network's input the rectangle is 32 x 16 of 64 x 32; on the sheet, 400 wide, it is 200 x 100."""
    sheet, inputs = filled
    images, matrices = sheet.batch()
    assert images.shape == (30, 64, 64, 3) == (len(sheet.examples), *images.shape[1:])
    assert sheet.examples[0].size_hw == (200, 400)
    assert sheet.examples[0].boxes_xyxy[0] == pytest.approx([100, 50, 300, 150], abs=1e-3)
    said = np.concatenate([inputs.targets[1, 0, :4], [9.0]]).astype("float32")
    found = inputs.output.decode(np.tile(said, (30, 1, 1)), matrices, sheet.examples)
    assert found[-1].boxes_xyxy[0] == pytest.approx([100, 50, 300, 150], abs=1e-3)


def test_clean_and_attacked_come_first_then_a_row_a_corruption(filled, tmp_path, monkeypatch):
    """The image is shown without its bars; attacks that were left out leave their cells empty."""
    sheet, inputs = filled
    given, grid = [], corruption_sheet.image_grid
    monkeypatch.setattr(corruption_sheet, "image_grid", lambda *words: given.append(words) or grid(*words))
    sheet.results = inputs.output.decode(np.zeros((30, 1, 5)), sheet.batch()[1], sheet.examples)
    with Image.open(sheet.write(tmp_path)) as opened:
        assert opened.width > 1200
    ((cells, columns, cell_hw, captions),) = given
    assert (columns, cell_hw, len(cells)) == (3, (200, 400), 30)
    assert captions[:5] == [
        "clean", "FGSM, 4 of 255 gray levels", "PGD, 4 of 255 gray levels", "fog 0.2", "fog 0.6",
    ]  # fmt: skip
    assert captions[-1] == "glare 1"
    assert cells[-1][20, 20].tolist() == [20, 20, 20] and cells[-1][100, 200].tolist() == [255, 255, 255]
