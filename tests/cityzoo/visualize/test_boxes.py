import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cityzoo.visualize.boxes import PALETTE, TRUTH, WHITE, LabelPlacer, class_color, draw_detections
from cityzoo.visualize.sheets import load_font

NAMES = ("car", "motorbike", "bus")


def grey(height=200, width=300):
    return np.full((height, width, 3), 90, np.uint8)


def changed(image, drawn):
    rows, columns = np.nonzero((image != drawn).any(axis=-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_the_edge_of_a_box_has_the_colour_of_its_class():
    image = grey()
    drawn = draw_detections(image, [[50, 60, 150, 140]], [1], NAMES)
    for x, y in ((50, 100), (149, 100), (100, 60), (100, 139)):
        assert tuple(drawn[y, x]) == class_color(1)
    for x, y in ((47, 100), (152, 100), (100, 143), (100, 100)):  # off the edge, and the object itself
        assert tuple(drawn[y, x]) == (90, 90, 90)
    assert (image == 90).all()


@pytest.mark.parametrize(("side", "width"), [(64, 1), (512, 2), (1080, 4)])
def test_lines_grow_with_the_image(side, width):
    drawn = draw_detections(grey(side, side), [[side / 4, side / 4, side / 2, side / 2]], [0], NAMES)
    row = drawn[side * 3 // 8, : side * 3 // 8]
    assert (row == class_color(0)).all(axis=-1).sum() == width


@pytest.mark.parametrize(
    "box", [(0, 0, 40, 30), (270, 0, 300, 60), (0, 170, 50, 200), (260, 180, 300, 200), (0, 0, 300, 200)]
)
def test_the_label_stays_inside_of_the_image(box):
    canvas = Image.fromarray(grey())
    place = LabelPlacer(canvas.size, [box], 1).place(
        ImageDraw.Draw(canvas), box, ("motorbike 0.87",), PALETTE[0]
    )
    x1, y1, x2, y2 = place
    assert x1 >= 0 and y1 >= 0 and x2 <= 300 and y2 <= 200
    assert changed(grey(), np.asarray(canvas)) == place  # nothing is written beside the chip
    text = np.asarray(canvas)[y1:y2, x1:x2].reshape(-1, 3)
    assert (text.sum(axis=-1) < 60).any()  # black letters on orange
    assert x2 - x1 >= load_font(11).getlength("motorbike 0.87")


def test_labels_never_lie_on_each_other():
    canvas, rng = Image.fromarray(grey(300, 300)), np.random.default_rng(0)
    boxes = [(x, y, x + 40, y + 30) for x, y in rng.integers(0, 250, (200, 2)).tolist()]
    chips = LabelPlacer(canvas.size, boxes, 1)
    places = [chips.place(ImageDraw.Draw(canvas), box, ("car 0.5", "car"), PALETTE[0]) for box in boxes]
    places = [place for place in places if place]
    assert 40 < len(places) < 200
    for a, b in itertools.combinations(places, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_annotations_are_dashed_in_white_and_green():
    drawn = draw_detections(grey(), np.zeros((0, 4)), [], NAMES, truth=([[50, 60, 150, 140]], [2]))
    edge = {tuple(pixel) for pixel in drawn[139, 50:150].tolist()}
    assert edge == {WHITE, TRUTH}
    assert tuple(drawn[100, 100]) == (90, 90, 90)


def test_a_false_alarm_is_marked():
    image, box = grey(), [[50, 60, 150, 140]]
    plain = draw_detections(image, box, [0], NAMES, [0.5])
    marked = draw_detections(image, box, [0], NAMES, [0.5], false_alarms=np.array([True]))
    assert changed(image, marked)[1] == changed(image, plain)[1]
    assert (plain != marked).any(axis=-1).sum() > 20


def test_boxes_over_the_edge_and_without_size_do_no_harm():
    drawn = draw_detections(grey(), [[-20, -20, 400, 300], [5, 5, 5, 5]], [0, 1], NAMES, [0.1, 0.2])
    assert drawn.shape == (200, 300, 3)


def test_an_image_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"\(4, 4, 3\) float64"):
        draw_detections(np.zeros((4, 4, 3)), [], [], NAMES)
