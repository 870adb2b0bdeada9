"""Which answers are looked at."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.evaluation.explain.answer_selection import find_requested, list_answers, select_informative
from cityzoo.sample import Detections, ImageExample, ImageSet

NAMES = ("bus", "car", "van")


def images(*labels, scenes=()):
    """One image a label, named by its place."""
    scenes = scenes or [""] * len(labels)
    each = zip(labels, scenes, strict=True)
    made = (
        ImageExample(f"day/{i}.jpg", (9, 9), target=np.eye(3)[y], scene=s) for i, (y, s) in enumerate(each)
    )
    return ImageSet("val", NAMES, tuple(made))


def said(label, share):
    """Probabilities with this share for one class, the rest for the others alike."""
    shares = np.full(3, (1 - share) / 2)
    shares[label] = share
    return shares


def test_right_wrong_and_unsure_in_turn():
    """The surest right one, the surest wrong one, the least confidence; then the next class of each."""
    truth = images(0, 0, 1, 2, 0, 1)
    results = [said(0, 0.99), said(0, 0.98), said(1, 0.9), said(0, 0.8), said(0, 0.5), said(2, 0.6)]
    chosen = select_informative(truth, results, 10)
    assert [each.row for each in chosen] == [0, 3, 4, 2, 5, 1]
    assert [each.right for each in chosen] == [True, False, True, True, False, True]
    assert select_informative(truth, results, 2) == chosen[:2]


def test_a_new_scene_comes_first():
    truth = images(0, 0, 0, 0, scenes=["a", "a", "a", "b"])
    assert {
        each.row for each in select_informative(truth, [said(0, p) for p in (0.99, 0.9, 0.8, 0.7)], 2)
    } == {0, 3}


def test_of_several_classes_a_missed_one_is_wrong_and_nothing_is_not_looked_at():
    truth = ImageSet(
        "val", ("fire", "smoke"), tuple(ImageExample(f"{t}", (9, 9), target=t) for t in ([0, 0], [0, 1]))
    )
    chosen = select_informative(truth, [np.array([0.1, 0.2]), np.array([0.3, 0.4])], 4, several=True)
    assert [(each.row, each.label, each.right) for each in chosen] == [(1, 1, False)]


def test_detections_are_right_where_they_found_their_object():
    """Weak ones are no case; an image comes once."""
    truth = ImageSet(
        "val",
        NAMES,
        (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [1]), ImageExample("b.jpg", (50, 50))),
    )
    found = [
        Detections([[0, 0, 20, 20], [30, 30, 40, 40]], [0.9, 0.1], [1, 1]),
        Detections([[5, 5, 20, 20]], [0.7], [0]),
    ]
    assert [(each.row, each.number, each.right) for each in select_informative(truth, found, 5)] == [
        (0, 0, True),
        (1, 0, False),
    ]
    assert [each.right for each in list_answers(0, truth.examples[0], found[0])] == [True, False]
    assert select_informative(truth, [Detections([], [], [])] * 2, 3) == []


def test_an_image_is_asked_for_by_its_name():
    """With folders or without; the file's crops all; a name may itself end like an answer's number."""
    crops = [ImageExample("in/a.jpg", (4, 4), target=[1, 0], window_xyxy=(x, 0, x + 4, 4)) for x in (0, 8)]
    truth = ImageSet("val", ("bus", "car"), (*crops, ImageExample("out/b:2", (4, 4), target=[1, 0])))
    shares = [np.array([0.2, 0.8]), np.array([0.6, 0.4]), np.array([0.9, 0.1])]
    assert [(a.row, a.label) for a in find_requested(truth, shares, "a.jpg")] == [(0, 1), (1, 0)]
    assert [(a.row, a.label) for a in find_requested(truth, shares, "in/a.jpg:2")] == [(0, 0), (1, 1)]
    assert [(a.row, a.number) for a in find_requested(truth, shares, "b:2")] == [(2, 0)]
    with pytest.raises(InputError, match=r"'c.jpg' .*the 3 held-out images \(a.jpg, b:2 ...\): give"):
        find_requested(truth, shares, "c.jpg")
    with pytest.raises(InputError, match=r"'a.jpg:3' .*3 of 2: give :1 to :2"):
        find_requested(truth, shares, "a.jpg:3")
    with pytest.raises(InputError, match=r"'in/a.jpg' .* 1 of 0: give another image"):
        find_requested(truth, [Detections([], [], [])] * 3, "in/a.jpg")
