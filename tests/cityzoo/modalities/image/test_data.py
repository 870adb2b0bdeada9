"""Labels in the order of a model's classes, and the images that evaluate.py's flags select."""

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks
from cityzoo.commands.evaluate_flags import evaluation_parser
from cityzoo.errors import InputError
from cityzoo.modalities.image.data import is_unlabelled, read_to_evaluate, reorder_labels
from cityzoo.sample import ImageExample, ImageSet

BOX = [2, 2, 12, 12]
DETECT = tasks.find("vehicle_detect")


def truth(names, *labels):
    """An image with a box for each label, and a bare one."""
    return ImageSet(
        "val",
        names,
        (ImageExample("a.jpg", (48, 64), [BOX] * len(labels), labels), ImageExample("b.jpg", (8, 8))),
    )


def test_labels_are_turned_to_the_models_order():
    """By name; boxes and images stay as they are."""
    turned = reorder_labels(truth(("bus", "car", "tram"), 1, 0, 2), ("tram", "car", "van", "bus"))
    assert turned.class_names == ("tram", "car", "van", "bus")
    assert turned.examples[0].labels.tolist() == [1, 3, 0]
    assert turned.examples[0].boxes_xyxy.tolist() == [BOX] * 3
    assert len(turned.examples[1].labels) == 0
    assert turned.split == "val"


def test_a_class_that_is_named_but_has_no_boxes_does_no_harm():
    """data.yaml often names more than is there."""
    assert reorder_labels(truth(("car", "zebra"), 0), ("car",)).examples[0].labels.tolist() == [0]


def test_boxes_of_a_class_that_the_model_does_not_know_are_refused():
    """One line: which, what the model knows, how to map them."""
    with pytest.raises(
        InputError, match="labels of zebra.*it knows car.*--class-map zebra=car or zebra=ignore"
    ) as caught:
        reorder_labels(truth(("car", "zebra"), 0, 1), ("car",))
    assert "\n" not in str(caught.value)


def whole(names, *targets):
    """Images with targets and no boxes."""
    return ImageSet("val", names, tuple(ImageExample("a.jpg", (48, 64), target=each) for each in targets))


def test_targets_of_whole_images_are_turned_to_the_models_order():
    """By name: each number moves to its class's place, and a class that the data lacks is 0."""
    given = whole(("bus", "car", "tram"), [1, 0, 0], [0, 0.75, 0.25], [0, 0, 0])
    turned = reorder_labels(given, ("tram", "car", "van", "bus"))
    assert turned.class_names == ("tram", "car", "van", "bus")
    expected = [[0, 0, 0, 1], [0.25, 0.75, 0, 0], [0, 0, 0, 0]]
    assert [each.target.tolist() for each in turned.examples] == expected
    assert [each.target.tolist() for each in given.examples] == [[1, 0, 0], [0, 0.75, 0.25], [0, 0, 0]]


def test_a_class_that_no_whole_image_shows_does_no_harm():
    """Its column is left out; an image that does show it is refused."""
    turned = reorder_labels(whole(("car", "zebra"), [1, 0]), ("bus", "car"))
    assert turned.examples[0].target.tolist() == [0, 1]
    with pytest.raises(InputError, match="labels of zebra.*it knows bus, car"):
        reorder_labels(whole(("car", "zebra"), [1, 0], [0, 1]), ("bus", "car"))


def test_a_count_is_left_as_it_is():
    """It has one number, whatever the classes; its boxes' labels are turned."""
    crowd = ImageExample("a.jpg", (48, 64), [BOX] * 3, [0, 1, 1], target=[3])
    turned = reorder_labels(ImageSet("val", ("bus", "car"), (crowd,)), ("car", "bus")).examples[0]
    assert turned.target.tolist() == [3] and turned.labels.tolist() == [1, 0, 0]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data set of three training and two held-out images, and the cache kept off the user's."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))
    rows = {"train": [], "val": []}
    for number, (split, name) in enumerate(
        [*[("train", "car")] * 2, ("train", "bus"), ("val", "bus"), ("val", "car")]
    ):
        Image.fromarray(np.full((48, 64, 3), 30 + number, np.uint8)).save(tmp_path / f"{number}.png")
        rows[split].append(f"{number}.png,2,2,12,12,{name}\n")
    for split, lines in rows.items():
        (tmp_path / f"{split}.csv").write_text("".join(lines))
    return str(tmp_path)


def read(spec, class_names, *words):
    """What the flags of evaluate.py select."""
    flags = vars(evaluation_parser(DETECT).parse_args(["run", *words]))
    return read_to_evaluate(DETECT.make_spec(spec), DETECT, class_names, flags)


@pytest.mark.parametrize(("split", "files"), [("val", "34"), ("train", "012"), ("all", "01234")])
def test_the_split_selects_images(data, split, files):
    """The run's own data; labels in the order of the model's classes."""
    found, findings = read({"data": data}, ("car", "bus"), "--split", split)
    assert "".join(image.path[-5] for image in found.examples) == files
    names = [found.class_names[image.labels[0]] for image in found.examples]
    assert names == [["car", "car", "bus", "bus", "car"][int(number)] for number in files]
    assert (found.split, findings.as_dict()["source"]) == (split, data)


def test_other_data_brings_its_own_settings(data):
    """The run's classes, format and limit are of its training data."""
    settings = {"format": "yolo", "classes": ("bus",), "class_map": {"x": "y"}, "limit": 1, "val": "gone too"}
    words = ["--data", data, "--split", "all", "--class-map", "bus=ignore"]
    found, _ = read({"data": "gone", **settings}, ("car",), *words)
    assert len(found) == 5
    assert sum(len(image.labels) for image in found.examples) == 3


def test_the_runs_own_settings_hold_for_its_own_data(data):
    """Its limit, unless another is given."""
    spec = {"data": data, "limit": 1}
    assert len(read(spec, ("car", "bus"))[0]) == 1
    assert len(read(spec, ("car", "bus"), "--limit", "2")[0]) == 2


def test_a_folder_of_images_alone_is_unlabelled(data, tmp_path):
    (tmp_path / "bare").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "bare" / "a.png")
    assert is_unlabelled(str(tmp_path / "bare")) and not is_unlabelled(data)
