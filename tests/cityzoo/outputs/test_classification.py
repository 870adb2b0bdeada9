"""Classification between data and head: counts, weights, computed layers, probabilities, captions, tables."""

import csv

import keras
import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.errors import InputError
from cityzoo.outputs import ClosedFormInput
from cityzoo.outputs.classification import Classification
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("bus", "car", "truck")
OUTPUT = Classification(NAMES)
NO_MATRICES = np.zeros((9, 3, 3))


def images(labels, names=NAMES, **more):
    """A set of images with one class each; None: with none."""
    rows = (np.zeros(len(names)) if label is None else np.eye(len(names))[label] for label in labels)
    made = (ImageExample(f"{i}.jpg", (8, 8), target=row, **more) for i, row in enumerate(rows))
    return ImageSet("train", tuple(names), tuple(made))


def levels():
    """Two levels of 4 channels."""
    return {"P4": keras.Input((4, 4, 4), name="P4"), "P5": keras.Input((2, 2, 4), name="P5")}


def test_training_images_are_counted():
    assert OUTPUT.counts == ()
    seen = OUTPUT.with_train_statistics(images([1, 0, 1, 1, 2, 2]))
    assert seen.counts == (1, 3, 2) and seen.class_names == NAMES


def test_one_class_only_is_refused():
    with pytest.raises(InputError, match=r"\(car\).*another class"):
        Classification(("car",)).with_train_statistics(images([0, 0], ("car",)))


def test_two_classes_on_one_image_are_refused_and_the_image_named():
    train = images([0, 1, 2])
    both = ImageExample("street.jpg", (8, 8), target=[1, 1, 0])
    with pytest.raises(InputError, match=r"'street.jpg' carries 2 classes: .* incident_classify"):
        OUTPUT.with_train_statistics(ImageSet("train", NAMES, (*train.examples, both)))


def test_the_number_of_classes_is_that_of_the_image_named():
    """The first one carries none, a later one two."""
    both = ImageExample("street.jpg", (8, 8), target=[1, 1, 0])
    with pytest.raises(InputError, match="'0.jpg' carries 0 classes"):
        OUTPUT.with_train_statistics(ImageSet("train", NAMES, (*images([None, 1]).examples, both)))


def test_weights_by_hand():
    """Counts 1, 3, 4: balanced 8 / (3 n), so that the mean over images is 1; by the root halfway."""
    train = images([0, 1, 1, 1, 2, 2, 2, 2])
    weights = {
        how: Classification(NAMES, class_weights=how).with_train_statistics(train).loss((8, 8)).class_weights
        for how in ("none", "balanced", "sqrt")
    }
    assert weights["none"] == ()
    assert weights["balanced"] == pytest.approx([8 / 3, 8 / 9, 8 / 12])
    roots = np.sqrt([1, 1 / 3, 1 / 4])
    assert weights["sqrt"] == pytest.approx(roots * 8 / (1 + 3**0.5 + 2))
    assert Classification(NAMES, class_weights="balanced").loss((8, 8)).class_weights == ()  # not seen yet


def test_flags_reach_the_loss_and_the_head():
    output = Classification(NAMES, focal=2.0, label_smoothing=0.1, dropout=0.3, pooling="mean+peak")
    loss = output.loss((8, 8))
    assert (loss.several, loss.focal, loss.label_smoothing) == (False, 2.0, 0.1)
    model = keras.Model(given := levels(), output.build_head(given))
    assert model.output_shape == (None, 3)
    assert model.get_layer("head_dropout").rate == 0.3
    assert {"head_P4_mean", "head_P4_peak", "head_P5_mean", "head_P5_peak"} <= {x.name for x in model.layers}
    assert "head_unit" not in {x.name for x in model.layers}


@pytest.mark.parametrize(
    ("head", "names", "width"),
    [("linear", "ab", 1), ("prototypes", "ab", 2), ("cosine", "ab", 2), ("linear", "abc", 3)],
)
def test_two_classes_give_one_logit_where_a_regression_computes_it(head, names, width):
    """The layer that is computed in closed form has as many columns as what is computed."""
    output = Classification(tuple(names), head=head, dropout=0.0)
    model = keras.Model(given := levels(), output.build_head(given))
    assert model.output_shape == (None, width)
    assert ("head_unit" in {layer.name for layer in model.layers}) == (head == "cosine")
    rng = np.random.default_rng(0)
    labels = np.arange(40) % len(names)
    features = {name: rng.normal(size=(40, *x.shape[1:])).astype("float32") for name, x in given.items()}
    for x in features.values():
        x += np.eye(4)[labels][:, None, None]
    layer = model.get_layer(output.closed_form_layer)
    rows = np.asarray(keras.Model(given, layer.input)(features)).astype("float16")
    targets = np.eye(len(names), dtype="float32")[labels]
    facts = output.fit_closed_form(ClosedFormInput(layer, rows, targets, np.arange(40), seed=0))
    assert facts["how"] == {"linear": "logistic regression", "prototypes": "nearest class mean"}.get(
        head, "cosine prototypes"
    )
    shares = output.decode(np.asarray(model(features)), NO_MATRICES, [])
    assert (np.argmax(shares, axis=1) == labels).mean() > 0.9


def test_probabilities_by_hand():
    """e^0, e^log 3, e^log 4 of 8; and one logit of log 3: a quarter and three quarters."""
    (found,) = OUTPUT.decode(np.log([[1.0, 3, 4]]), NO_MATRICES, [])
    assert found == pytest.approx([1 / 8, 3 / 8, 4 / 8])
    (found,) = Classification(("a", "b")).decode(np.log([[3.0]]), NO_MATRICES, [])
    assert found == pytest.approx([0.25, 0.75])
    with np.errstate(all="raise", under="ignore"):
        huge = OUTPUT.decode(np.array([[1000.0, -1000, 0], [-1e4, -1e4, -1e4]]), NO_MATRICES, [])
    assert huge[0].tolist() == [1, 0, 0] and huge[1] == pytest.approx([1 / 3] * 3)


def test_targets_come_with_the_images(painted):
    """Through the pipeline, in order."""
    from dataclasses import replace

    made = [replace(painted(f"{i}.png", (32, 48), (8, 4, 40, 20)), target=np.eye(3)[i]) for i in (2, 0)]
    made = [replace(each, boxes_xyxy=np.zeros((0, 4)), labels=()) for each in made]
    views = AugmentedViews(ImageSet("val", NAMES, tuple(made)), OUTPUT, "none", (32, 32), max_rows=0, seed=0)
    ((images, targets, _),) = views.batches(sequential_order(2), 4).as_numpy_iterator()
    assert images.shape == (2, 32, 32, 3) and targets.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_captions():
    """A truth by its name, an answer with its probability."""
    assert OUTPUT.caption(np.array([0, 1.0, 0])) == "car"
    assert OUTPUT.caption(np.array([0.2, 0.1, 0.7])) == "truck 0.70"


def test_metrics_judge_by_class():
    """Of one bus and two cars, the bus and a car are named right: 1/1 and 1/2."""
    found = OUTPUT.metrics(images([0, 1, 1]), [np.eye(3)[i] * 0.8 + 0.05 for i in (0, 1, 2)])
    assert found["balanced_accuracy"] == pytest.approx(0.75) and found["accuracy"] == pytest.approx(2 / 3)
    assert set(OUTPUT.primary_metrics) <= set(found) and set(OUTPUT.lower_is_better) <= set(
        OUTPUT.primary_metrics
    )


def test_results_are_a_table(tmp_path):
    """One right and one wrong answer; windows are written with their file."""
    Image.new("RGB", (40, 30), (9, 99, 9)).save(tmp_path / "a.png")
    window = {"window_xyxy": (4, 6, 24, 16)}
    made = [
        ImageExample(str(tmp_path / "a.png"), (30, 40), target=[1, 0, 0]),
        ImageExample(str(tmp_path / "a.png"), (10, 20), target=[0, 1, 0], **window),
    ]
    results = [np.array([0.9, 0.1, 0]), np.array([0.25, 0.15, 0.6])]
    truth = ImageSet("val", NAMES, tuple(made))
    found = OUTPUT.details(truth, results)
    OUTPUT.write_results(truth, results, tmp_path)
    assert found.keys() == {"curves", "classification_report", "calibration", "top_k"}
    assert found["top_k"] == {"2": 0.5}  # the second image's class is its third answer
    assert {file.name for file in tmp_path.iterdir()} == {"a.png", "predictions.csv"}
    rows = list(csv.DictReader((tmp_path / "predictions.csv").open()))
    assert [row["true"] for row in rows] == ["bus", "car"]
    assert [row["window_xyxy"] for row in rows] == ["", "4 6 24 16"]
    assert [[float(row[name]) for name in NAMES] for row in rows] == [r.tolist() for r in results]


def test_what_is_seen_is_every_probability():
    found = ImageSet("predict", NAMES, (ImageExample("a.jpg", (8, 8)), ImageExample("b.jpg", (8, 8))))
    results = [np.array([0.1, 0.7, 0.2]), np.array([0.05, 0.9, 0.05])]
    seen = OUTPUT.summarize_predictions(found, results, {}, None)
    assert seen.file == "predictions.json" and seen.line == "bus 0, car 2, truck 0"
    assert seen.document["b.jpg"] == {"bus": 0.05, "car": 0.9, "truck": 0.05}
    assert [each.tolist() for each in seen.results] == [each.tolist() for each in results]
