"""Boxes that were planted wrong are found, of their kind and in the right place; right ones are not."""

import numpy as np
import pytest

from cityzoo.sample import Detections, ImageExample, ImageSet
from cityzoo.selection.box_issues import CLASS, MISSING, PLACE, find_box_issues
from cityzoo.selection.label_check import draw_around

TRUE = [[10, 10, 30, 30], [50, 10, 70, 30], [10, 50, 30, 70], [60, 60, 90, 90]]
LABELS = [0, 1, 0, 1]
FOUND = Detections(TRUE, [0.9, 0.8, 0.7, 0.6], LABELS)


def _issues(boxes, labels, found=FOUND):
    street = ImageSet("val", ("car", "bus"), (ImageExample("a.jpg", (100, 100), boxes, labels),))
    return find_box_issues(street, [found])


def test_right_boxes_raise_nothing():
    """Not even a second, weaker detection of a found object, of any class."""
    again = Detections([*TRUE, TRUE[0], TRUE[0]], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [*LABELS, 0, 1])
    assert _issues(TRUE, LABELS) == [] == _issues(TRUE, LABELS, again)


@pytest.mark.parametrize(
    ("boxes", "labels", "kind", "score", "given"),
    [
        (TRUE[:3], LABELS[:3], MISSING, 0.6, None),
        (TRUE, [0, 0, 0, 1], CLASS, 0.8, 0),
        ([[20, 10, 40, 30], *TRUE[1:]], LABELS, PLACE, 0.9, 0),  # IoU 200 / 600
    ],
)
def test_each_kind_is_found(boxes, labels, kind, score, given):
    """The one wrong box, with the detection's class and place, and the label's own."""
    (issue,) = _issues(boxes, labels)
    place = [0.9, 0.8, 0.7, 0.6].index(score)
    assert (issue.kind, round(issue.score, 4), issue.given) == (kind, score, given)
    assert issue.label == LABELS[place] and issue.box_xyxy.tolist() == TRUE[place]
    assert issue.given_xyxy is None if given is None else issue.given_xyxy.tolist() == boxes[place]


def test_a_picture_shows_the_box_and_its_surroundings():
    """A painted object in a large image fills the middle of the cell, enlarged, its detection around it."""
    image = np.zeros((400, 400, 3), np.uint8)
    image[100:120, 200:220] = (250, 0, 0)
    box = np.array([200, 100, 220, 120], np.float32)
    street = ImageExample("a.jpg", (400, 400), [box, [0, 0, 50, 50]], [0, 0])
    drawn = draw_around(image, [box], street, Detections([box], [0.9], [0]), ("car",))
    assert drawn.shape == (300, 300, 3)  # 20 + 2 * 16 pixels, 52 in all, as high as the cell
    assert drawn[150, 150, 0] > 200 and drawn[20, 20].max() == 0
