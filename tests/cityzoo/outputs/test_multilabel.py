"""Classes that hold together: probabilities, thresholds, alarms."""

import keras
import numpy as np
import pytest

from cityzoo import visualize
from cityzoo.errors import InputError
from cityzoo.outputs import ClosedFormInput
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("fire", "smoke")
OUTPUT = MultiLabelClassification(NAMES)


def frames(*targets):
    """Images with targets."""
    made = (ImageExample(f"{i}.jpg", (8, 8), target=target) for i, target in enumerate(targets))
    return ImageSet("val", NAMES, tuple(made))


def test_each_class_has_its_own_probability():
    """Logits 0 and log 3, of any sum; and no logit is too large."""
    (found,) = OUTPUT.decode(np.array([[0.0, np.log(3)]]), np.zeros((1, 3, 3)), [])
    assert found == pytest.approx([0.5, 0.75])
    (found,) = OUTPUT.decode(np.array([[700.0, -700]]), np.zeros((1, 3, 3)), [])
    assert found == pytest.approx([1, 0])


@pytest.mark.parametrize("names", [("fire",), NAMES])
def test_there_is_a_logit_for_every_class(names):
    """Also for one alone and for two, which do not exclude each other."""
    inputs = {"P5": keras.Input((2, 2, 4))}
    assert MultiLabelClassification(names).build_head(inputs).shape == (None, len(names))
    assert OUTPUT.loss((8, 8)).several


def test_any_number_of_classes_on_an_image_will_do():
    """None, one, both; and a task of one class alone."""
    assert OUTPUT.with_train_statistics(frames([0, 0], [1, 0], [1, 1], [0, 1], [0, 1])).counts == (2, 3)
    one = ImageSet("train", ("fire",), (ImageExample("a.jpg", (8, 8), target=[1]),))
    assert MultiLabelClassification(("fire",)).with_train_statistics(one).counts == (1,)


@pytest.mark.parametrize("head", ["prototypes", "cosine"])
def test_class_means_know_one_class_an_image(head):
    with pytest.raises(InputError, match=f"--head {head} .*one class.* --head linear"):
        MultiLabelClassification(NAMES, head=head).with_train_statistics(frames([1, 0], [0, 1]))


def test_a_layer_is_computed_for_each_class():
    """Both hold on some rows; each column finds its own."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(80, 4)).astype("float32")
    targets = np.stack([rows[:, 0] > 0, rows[:, 1] > 0], axis=1).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name=OUTPUT.closed_form_layer)])
    layer = model.get_layer(OUTPUT.closed_form_layer)
    OUTPUT.fit_closed_form(ClosedFormInput(layer, rows.astype("float16"), targets, np.arange(80), seed=0))
    shares = np.stack(OUTPUT.decode(np.asarray(model(rows)), np.zeros((80, 3, 3)), []))
    assert ((shares > 0.5) == (targets > 0)).mean() > 0.9


@pytest.mark.parametrize(
    ("shares", "words"),
    [((1, 1), "fire+smoke"), ((0, 1), "smoke"), ((0, 0), "none"), ((0.5, 0.25), "fire 0.50, smoke 0.25")],
)
def test_captions(shares, words):
    assert OUTPUT.caption(np.array(shares, float)) == words


def test_alarms_have_thresholds_in_the_report(tmp_path):
    """Frames without fire at .1, .2, .3: no false alarm begins above .3."""
    from PIL import Image

    made = []
    for number, target in enumerate(([0, 0], [0, 1], [0, 0], [1, 0])):
        Image.new("RGB", (30, 20)).save(tmp_path / f"{number}.png")
        made.append(ImageExample(str(tmp_path / f"{number}.png"), (20, 30), target=target))
    results = [np.array([p, 0.2]) for p in (0.1, 0.2, 0.3, 0.8)]
    truth = ImageSet("val", NAMES, tuple(made))
    found = OUTPUT.details(truth, results)
    assert 0.3 < found["alarms"]["fire"]["threshold"] < 0.3001 and found["alarms"]["fire"]["recall"] == 1
    OUTPUT.write_results(truth, results, tmp_path)
    visualize.find(OUTPUT).write_examples(truth, results, OUTPUT, found, tmp_path)
    assert {"predictions.csv", "worst.png"} <= {file.name for file in tmp_path.iterdir()}
    many = MultiLabelClassification(NAMES, false_alarms=400.0).details(truth, results)
    assert 0.2 < many["alarms"]["fire"]["threshold"] < 0.2001  # one of three is within 400 in 1,000


@pytest.mark.parametrize(
    ("report", "score", "alarms"),
    [
        ({"alarms": {"fire": {"threshold": 0.7}, "smoke": {"threshold": 0.1}}}, None, [["smoke"], ["fire"]]),
        ({}, None, [["fire"], ["fire"]]),  # a half
        ({"alarms": {"fire": {"threshold": 0.7}}}, 0.15, [["fire", "smoke"], ["fire"]]),
        ({"alarms": None}, 0.95, [[], []]),
    ],
)
def test_alarms_are_raised_by_the_report_or_by_a_score(report, score, alarms):
    found = ImageSet("predict", NAMES, (ImageExample("a.jpg", (8, 8)), ImageExample("b.jpg", (8, 8))))
    seen = OUTPUT.summarize_predictions(found, [np.array([0.6, 0.2]), np.array([0.7, 0.05])], report, score)
    assert [seen.document[name]["alarms"] for name in ("a.jpg", "b.jpg")] == alarms
    assert seen.document["a.jpg"]["fire"] == 0.6
    fires = sum("fire" in each for each in alarms)
    assert seen.line.startswith(f"{fires} alarms for fire, ")


def test_metrics_are_means_over_classes():
    """Fire is ranked perfectly, smoke the wrong way round."""
    truth = frames([0, 1], [1, 0], [1, 1])
    found = OUTPUT.metrics(truth, [np.array([0.1, 0.2]), np.array([0.7, 0.9]), np.array([0.9, 0.3])])
    assert found["per_class"]["fire"]["auroc"] == 1 and found["per_class"]["smoke"]["auroc"] == 0
    assert found["mean_auroc"] == 0.5 and set(OUTPUT.primary_metrics) <= set(found)
