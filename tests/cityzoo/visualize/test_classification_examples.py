"""Sheets of classified images: the surest mistakes and right answers, in their order."""

import csv

import numpy as np
import pytest
from PIL import Image

from cityzoo.outputs.classification import Classification
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.visualize import classification_examples, sheets

NAMES = ("red", "green")
OUTPUT = Classification(NAMES)


@pytest.fixture
def sheet(monkeypatch):
    """What goes onto the sheets, in order: (colours of the images' middles, captions)."""
    given, grid = [], sheets.image_grid

    def noted(images, columns, cell_hw, captions):
        given.append(([tuple(image[2, 2].tolist()) for image in images], list(captions)))
        return grid(images, columns, cell_hw, captions)

    monkeypatch.setattr(sheets, "image_grid", noted)
    return given


def images(folder, targets):
    """A PNG each, whose grey tells its number."""
    made = []
    for number, target in enumerate(targets):
        Image.new("RGB", (12, 10), (number, number, number)).save(folder / f"{number}.png")
        made.append(ImageExample(str(folder / f"{number}.png"), (10, 12), target=target))
    return ImageSet("val", NAMES, tuple(made))


def write(truth, results, folder, output=OUTPUT):
    """Write both sheets."""
    classification_examples.write_examples(truth, results, output, {}, folder)


def numbers(shown):
    """Which images a sheet has."""
    return [colour[0] for colour in shown[0]]


def test_surest_first_and_right_answers_of_all_classes_in_turn(tmp_path, sheet):
    """Six images: .9 and .6 sure of red and .8 of green, right; .7, .55 and .95 wrong."""
    truth = images(tmp_path, np.eye(2)[[0, 0, 1, 0, 1, 0]])
    red = np.array([0.9, 0.6, 0.2, 0.3, 0.55, 0.05])
    write(truth, list(np.stack([red, 1 - red], axis=1)), tmp_path)
    worst, best = sheet
    assert numbers(worst) == [5, 3, 4]
    assert numbers(best) in ([2, 0, 1], [0, 2, 1])  # one of each class, then what is left
    assert worst[1][0] == "green 0.95 | red"
    for name in ("worst", "best"):
        with Image.open(tmp_path / f"{name}.png") as opened:
            assert opened.width > 3 * 200


def test_several_are_judged_by_the_class_that_is_furthest_off(tmp_path, sheet):
    """Fire right and smoke wrong is a mistake; both right is as sure as the less sure one."""
    truth = images(tmp_path, np.array([[1, 0], [1, 1], [0, 0], [0, 1]]))
    results = [np.array(p) for p in ([0.9, 0.8], [0.7, 0.99], [0.1, 0.2], [0.6, 0.9])]
    write(truth, results, tmp_path, MultiLabelClassification(NAMES))
    worst, best = sheet
    assert numbers(worst) == [0, 3] and sorted(numbers(best)) == [1, 2]
    assert worst[1][0] == "red 0.90, green 0.80 | red"


def test_no_more_than_twelve(tmp_path, sheet):
    truth = images(tmp_path, np.eye(2)[[0] * 20])
    shares = [np.array([0.6 + 0.01 * i, 0.4 - 0.01 * i]) for i in range(20)]
    write(truth, shares, tmp_path)
    ((shown),) = sheet
    assert numbers(shown) == list(range(19, 7, -1))


@pytest.mark.parametrize(("share", "left"), [(1.0, "best"), (0.0, "worst")])
def test_a_sheet_without_images_is_removed(tmp_path, share, left):
    """Of an evaluation before this one."""
    for name in ("best", "worst"):
        (tmp_path / f"{name}.png").write_bytes(b"old")
    truth = images(tmp_path, np.eye(2)[[0, 0]])
    write(truth, [np.array([share, 1 - share])] * 2, tmp_path)
    kept = {"best", "worst"} & {file.stem for file in tmp_path.iterdir()}
    assert kept == {left} and (tmp_path / f"{left}.png").read_bytes() != b"old"


def test_windows_are_cut_from_their_files(tmp_path, sheet):
    """A file with a green corner; the image is that corner."""
    image = Image.new("RGB", (60, 40), (9, 9, 9))
    image.paste((0, 200, 0), (40, 20, 60, 40))
    image.save(tmp_path / "street.png")
    crop = ImageExample(str(tmp_path / "street.png"), (20, 20), target=[0, 1], window_xyxy=(40, 20, 60, 40))
    truth = ImageSet("val", NAMES, (crop,))
    write(truth, [np.array([0.2, 0.8])], tmp_path)
    assert sheet[0][0] == [(0, 200, 0)]


def test_the_table_says_all_classes_and_survives_commas(tmp_path):
    """Both classes, none, and a path with a comma."""
    truth = ImageSet(
        "val",
        NAMES,
        (ImageExample("a,b.png", (9, 9), target=[1, 1]), ImageExample("c.png", (9, 9), target=[0, 0])),
    )
    results = [np.array([0.25, 1 / 3]), np.array([0, 1.0])]
    MultiLabelClassification(NAMES).write_results(truth, results, tmp_path)
    first, second = csv.DictReader((tmp_path / "predictions.csv").open())
    assert first == {
        "path": "a,b.png",
        "window_xyxy": "",
        "true": "red+green",
        "red": "0.250000",
        "green": "0.333333",
    }
    assert second["true"] == "" and second["green"] == "1.000000"


def inked(drawn, size_hw):
    """Pixels below the image that are not paper."""
    line = drawn[size_hw[0] :].astype(int)
    return int((np.abs(line - line[0, 0]).max(axis=-1) > 40).sum())


def test_a_result_stands_below_its_image():
    """The image itself is left as it is; the truth adds words."""
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    result, truth = np.array([0.2, 0.1, 0.7]), ImageExample("a.jpg", (240, 320), target=[0, 0, 1])
    output = Classification(("bus", "car", "truck"))
    alone = classification_examples.draw(image, None, result, output)
    both = classification_examples.draw(image, truth, result, output)
    for drawn in (alone, both, classification_examples.draw_target(image, truth.target, output)):
        assert drawn.shape[1] == 320 and drawn.shape[0] > 250 and drawn.dtype == np.uint8
        np.testing.assert_array_equal(drawn[:240], image)
        assert inked(drawn, (240, 320)) > 20
    assert inked(both, (240, 320)) > inked(alone, (240, 320))


def test_both_sheets_are_written_with_the_outputs_captions(tmp_path, sheet):
    truth = images(tmp_path, np.eye(2)[[0, 1]])
    results = [np.array([0.9, 0.1]), np.array([0.7, 0.3])]
    write(truth, results, tmp_path)
    assert {"best.png", "worst.png"} <= {file.name for file in tmp_path.iterdir()}
    assert sheet[0][1] == ["red 0.70 | green"]
