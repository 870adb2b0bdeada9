"""Classes that a task makes of boxes: the boxes come back, of whole images alone."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image import load
from cityzoo.data.image.derived_labels import crop_boxes, label_presence
from cityzoo.evaluation.interventions.known_boxes import restore_boxes


@pytest.fixture
def street(tmp_path):
    """Eight images with boxes as CSV; a class of its own stands for nothing."""
    rows = ["path,x1,y1,x2,y2,class"]
    for number in range(8):
        Image.fromarray(np.full((40, 60, 3), 20 * number, np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{number},5,{number + 20},25,{('fire', 'smoke')[number % 2]}")
    (tmp_path / "boxes.csv").write_text("\n".join(rows) + "\n")
    return str(tmp_path / "boxes.csv")


def test_boxes_come_back(street):
    images = label_presence(load(street, progress=False).train)
    assert len(images) and not any(len(each.labels) for each in images.examples)
    restored = restore_boxes(images, street)
    for each in restored.examples:
        number = int(each.name.removesuffix(".png"))
        assert each.boxes_xyxy.tolist() == [[number, 5, number + 20, 25]] and each.labels.tolist() == [0]
        assert each.target.sum() == 1


def test_others_stay_as_they_are(street):
    """Crops, images with boxes, and images without a source."""
    boxes = load(street, progress=False).train
    classes = label_presence(boxes)
    assert restore_boxes(boxes, street) is boxes
    smoke = label_presence(boxes, absent=("fire",))
    counts = [len(each.labels) for each in restore_boxes(smoke, street).examples]
    assert counts == [int(each.target[0]) for each in smoke.examples]  # boxes of its classes alone
    assert restore_boxes(classes, None) is classes
    assert restore_boxes(classes, "no/such/folder") is classes
    crops = crop_boxes(boxes)
    assert restore_boxes(crops, street) is crops
