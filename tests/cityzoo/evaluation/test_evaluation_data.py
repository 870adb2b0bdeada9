"""The flags of evaluate.py, and the images that they mean."""

import numpy as np
import pytest
from cityzoo.evaluation.evaluation_data import load_evaluation_data, next_free_folder, reorder_labels
from PIL import Image

from cityzoo import tasks
from cityzoo.commands.evaluate_flags import evaluation_parser
from cityzoo.errors import InputError
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.spec import TrainSpec

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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "the following arguments are required: RUN"),
        (["run", "--dta", "x"], "did you mean '--data'?"),
        (["run", "--split", "vall"], "vall"),
        (["run", "--score", "2"], "out of bounds"),
        (["run", "--score", "nan"], "out of bounds"),
        (["run", "--score", "high"], "is not a score"),
        (["run", "--limit", "0"], "is not a count"),
        (["run", "--limit", "auto"], "is not a count"),
        (["run", "--class-map", "van"], "mapping 'van'"),
        (["run", "--require", "AP50"], "FIGURE>=NUMBER"),
        (["run", "--robustness", "0"], "is not a count"),
    ],
)
def test_bad_flags_are_one_line_and_code_2(words, expected, capsys):
    """Nothing is loaded for that."""
    with pytest.raises(SystemExit) as caught:
        evaluation_parser().parse_args(words)
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert said.count("\n") == 1 and said.startswith("evaluate.py: error: ") and expected in said


def test_a_new_folder_gets_the_next_free_number(tmp_path):
    """Evaluations do not write over each other."""
    assert [next_free_folder(None, tmp_path, "evaluation").name for _ in range(2)] == [
        "evaluation-1",
        "evaluation-2",
    ]
    assert next_free_folder(str(tmp_path / "a" / "b"), tmp_path, "evaluation").is_dir()


def test_an_existing_folder_or_an_impossible_one_is_refused(tmp_path):
    """Nothing is written over."""
    with pytest.raises(InputError, match="exists: give a new name"):
        next_free_folder(str(tmp_path), tmp_path, "evaluation")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        next_free_folder(str(tmp_path / "file" / "below"), tmp_path, "evaluation")


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


@pytest.mark.parametrize(("split", "files"), [("val", "34"), ("train", "012"), ("all", "01234")])
def test_the_split_says_which_images(data, split, files):
    """The run's own data; labels in the order of the model's classes."""
    flags = evaluation_parser().parse_args(["run", "--split", split])
    found, findings = load_evaluation_data(flags, TrainSpec(data=data), DETECT, ("car", "bus"))
    assert "".join(image.path[-5] for image in found.examples) == files
    names = [found.class_names[image.labels[0]] for image in found.examples]
    assert names == [["car", "car", "bus", "bus", "car"][int(number)] for number in files]
    assert (found.split, findings["source"]) == (split, data)


def test_other_data_brings_its_own_settings(data):
    """The run's classes, format and limit are of its training data."""
    spec = TrainSpec(
        data="gone", format="yolo", classes=("bus",), class_map={"x": "y"}, limit=1, val="gone too"
    )
    flags = evaluation_parser().parse_args(
        ["run", "--data", data, "--split", "all", "--class-map", "bus=ignore"]
    )
    found, _ = load_evaluation_data(flags, spec, DETECT, ("car",))
    assert len(found) == 5
    assert sum(len(image.labels) for image in found.examples) == 3


def test_the_runs_own_settings_hold_for_its_own_data(data):
    """Its limit, unless another is asked for."""
    spec = TrainSpec(data=data, limit=1)
    parse = evaluation_parser().parse_args
    assert len(load_evaluation_data(parse(["run"]), spec, DETECT, ("car", "bus"))[0]) == 1
    assert len(load_evaluation_data(parse(["run", "--limit", "2"]), spec, DETECT, ("car", "bus"))[0]) == 2
