"""Tasks: a file each, and each of them whole."""

import dataclasses
import importlib
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks
from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.demo.write import scene_seed
from cityzoo.errors import InputError
from cityzoo.outputs.anomaly import Anomaly, AnomalyResult
from cityzoo.outputs.counting import Counting, CountResult
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections, ImageExample, ImageSet
from cityzoo.spec import TrainSpec

IMAGES = [name for name in tasks.names() if not tasks.find(name).course]
SERIES = [name for name in tasks.names() if tasks.find(name).course]


@pytest.mark.parametrize("name", IMAGES)
def test_a_task_says_all_that_training_asks_for(name):
    """A kind that takes class names, demo data, a figure to choose by, defaults that are fields."""
    task = tasks.find(name)
    output = task.output(("a", "b"))
    assert output.class_names == ("a", "b")
    for part in ("outputs", "loss", "target", "results", "metrics"):
        assert callable(getattr(output, part))
    assert task.summary and "\n" not in task.summary
    own = [item.name for item in task.flags]
    assert set(task.defaults) <= {item.name for item in fields(TrainSpec)} | set(own)
    assert len(set(own)) == len(own) and not set(own) & {item.name for item in fields(TrainSpec)}
    assert task.monitor in output.primary_metrics and set(output.lower_is_better) <= set(
        output.primary_metrics
    )
    assert task.demo().class_names and task.demo().task == name


@pytest.mark.parametrize("name", SERIES)
def test_a_task_of_sensors_says_all_that_its_course_asks_for(name):
    """A course, flags of both general kinds that it heeds, defaults that make its options."""
    task = tasks.find(name)
    course = importlib.import_module(task.course)
    assert callable(course.train) and callable(course.evaluate) and callable(task.check)
    general, own = {item.name for item in task.shared_flags}, {item.name for item in task.flags}
    assert general == set(task.heeds) and not general & own
    assert set(task.defaults) <= general | own
    how = task.output(**{key: value for key, value in task.defaults.items() if hasattr(task.output, key)})
    hours = task.monitor.removeprefix("mae_")
    assert hours == {"traffic_flow": "60min", "air_quality": "24h"}[name]
    assert 0.5 in how.quantiles and sum(how.split) == pytest.approx(1)


def perfect(output):
    """Two images as a kind's reader makes them, and the best that can be said of them."""
    if issubclass(output, Detection | Counting):
        images = ImageExample("x.png", (50, 50), [[0, 0, 40, 40]], [0]), ImageExample("y.png", (50, 50))
        if issubclass(output, Counting):
            return images, [CountResult(1.0), CountResult(0.0)]
        return images, [Detections([[0, 0, 40, 40]], [0.9], [0]), Detections([], [], [])]
    images = tuple(ImageExample(f"{i}.png", (50, 50), target=np.eye(2)[i]) for i in (0, 1))
    if issubclass(output, Anomaly):
        heat = np.ones((6, 6), "float32")
        return images, [AnomalyResult(score, heat, (0, 0, 50, 50)) for score in (1.0, 2.0)]
    return images, [np.array([0.9, 0.1]), np.array([0.2, 0.8])]


@pytest.mark.parametrize("name", IMAGES)
def test_the_monitored_figure_is_one_that_the_kind_gives(name):
    """A perfect answer has it at 1, or at 0 where lower is better; so have all that are said first of it."""
    task = tasks.find(name)
    images, best = perfect(task.output)
    output = task.output_for(("a", "b"))
    figures = output.metrics(ImageSet("val", ("a", "b"), images), best)
    assert figures[task.monitor] == pytest.approx(float(task.monitor not in output.lower_is_better))
    assert set(output.primary_metrics) <= set(figures)
    worse = output.metrics(ImageSet("val", ("a", "b"), images), worst(best))
    assert (worse[task.monitor] > figures[task.monitor]) == (task.monitor in output.lower_is_better)
    assert worse[task.monitor] != pytest.approx(figures[task.monitor])


def worst(best):
    """The answers of two images, each given to the other."""
    return best[::-1]


def test_an_unknown_task_gets_the_nearest():
    """One line with everything that there is."""
    with pytest.raises(
        InputError, match="unknown task 'vehicel_detect': did you mean 'vehicle_detect'"
    ) as caught:
        tasks.find("vehicel_detect")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("name", IMAGES)
def test_the_demo_draws(name, split):
    """Images with boxes in them, of its own classes; the same from the same seed, another from the next."""
    demo = tasks.find(name).demo()
    draw, seed = demo.draw_of(split), scene_seed(0, split, 0)
    one, again, other = draw(seed), draw(seed), draw(seed + 1)
    height, width, channels = one.image.shape
    assert one.image.dtype == np.uint8 and channels == 3 and one.image.std() > 5
    np.testing.assert_array_equal(one.image, again.image)
    assert (one.image != other.image).any()
    for scene in (one, other):
        boxes = np.reshape(scene.boxes_xyxy, (-1, 4))
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= [width, height]).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all() and len(boxes) == len(scene.labels)
        assert all(0 <= label < len(demo.class_names) for label in scene.labels)
        assert demo.format != "folders" or scene.name in demo.class_names
    assert sum(demo.counts.values()) > 1 and {"train", "val"} <= set(demo.counts)


@pytest.fixture
def side(tmp_path, monkeypatch):
    """Return a function that makes four small images as a kind's reader does."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))

    def make(output):
        rng, images = np.random.default_rng(0), []
        for number in range(4):
            path = tmp_path / f"{number}.png"
            Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
            about = {"target": np.eye(2)[number % 2]}
            if issubclass(output, Detection | Counting):
                boxes = [[4, 4, 40, 40], [20, 24, 60, 52]][: number % 3]
                about = {"boxes_xyxy": boxes, "labels": [0, 1][: number % 3], "target": [number % 3]}
            images.append(ImageExample(str(path), (64, 64), **about))
        return ImageSet("train", ("a", "b"), tuple(images))

    return make


def small_model(output):
    """The kind's head on three small levels, of a stride of 8, 16 and 32 in 64 pixels."""
    import keras

    images, levels = keras.Input((64, 64, 3), name="images"), {}
    for number in (3, 4, 5):
        stem = keras.layers.Conv2D(4, 1, activation="relu", name=f"stem{number}")
        levels[f"P{number}"] = stem(keras.layers.AveragePooling2D(2**number)(images / 255))
    return keras.Model(images, output.build_head(levels))


@pytest.mark.parametrize("name", IMAGES)
def test_the_kind_makes_outputs_targets_and_results_that_fit(name, side):
    """As they come from `Views`: the loss is a number; a result, a drawing and figures for each image."""
    task = tasks.find(name)
    examples = side(task.output)
    output = task.output_for(("a", "b")).with_train_statistics(examples)
    model, views = small_model(output), AugmentedViews(examples, output, "none", (64, 64), 2, seed=0)
    ((images, target, matrix),) = list(views.batches(sequential_order(4), 4))
    outputs = model(np.float32(images), training=False)
    if output.trainable:
        assert np.isfinite(float(output.loss((64, 64))(target, outputs)))
    found = output.decode(np.asarray(outputs), matrix.numpy(), examples.examples)
    assert len(found) == 4
    figures = output.metrics(examples, found)
    assert set(output.primary_metrics) <= set(figures) and figures["n_images"] == 4
    for image, result in zip(examples.examples, found, strict=True):
        drawn = output.draw(np.zeros((64, 64, 3), np.uint8), image, result)
        assert drawn.dtype == np.uint8 and drawn.shape[1] >= 64 and drawn.shape[2] == 3
    shown = output.draw_target(images.numpy()[1].astype(np.uint8), np.asarray(target)[1])
    assert shown.dtype == np.uint8 and shown.any()
    page = output.layout({**figures, "per_class": figures.get("per_class", {})})
    assert page.cards and {card.key for card in page.cards} & set(output.primary_metrics)


@pytest.mark.parametrize("name", [each for each in IMAGES if tasks.find(each).output.trainable])
def test_one_step_leaves_numbers_and_lowers_the_loss(name, side):
    """Head and stems move, nothing becomes NaN; twenty steps on one batch lower what the first said."""
    import keras

    task = tasks.find(name)
    examples = side(task.output)
    output = task.output_for(("a", "b"), {"dropout": 0.0}).with_train_statistics(examples)
    keras.utils.set_random_seed(0)
    model, views = small_model(output), AugmentedViews(examples, output, "none", (64, 64), 2, seed=0)
    ((images, target, _),) = list(views.batches(sequential_order(4), 4))
    images = np.float32(images)
    model.compile(keras.optimizers.Adam(0.01), output.loss((64, 64)))
    before = model.get_weights()
    losses = [float(model.train_on_batch(images, target))]
    after = model.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    losses += [float(model.train_on_batch(images, target)) for _ in range(20)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


@pytest.mark.parametrize("name", [each for each in IMAGES if tasks.find(each).output.closed_form_layer])
def test_a_head_that_is_computed_takes_numbers(name, side):
    """The layer that the kind names is in its model; solved, it is another, and its answers are numbers."""
    import keras

    task = tasks.find(name)
    examples = side(task.output)
    options = {"memory": 8} if task.output is Anomaly else {}
    output = task.output_for(("a", "b"), options).with_train_statistics(examples)
    model, views = small_model(output), AugmentedViews(examples, output, "none", (64, 64), 2, seed=0)
    layer = model.get_layer(output.closed_form_layer)
    ((images, target, _),) = list(views.batches(sequential_order(4), 4))
    rows = keras.Model(model.inputs, layer.input).predict_on_batch(np.float32(images)).astype(np.float16)
    before = layer.get_weights()
    facts = output.fit_closed_form(layer, rows, target.numpy(), np.arange(4), 0)
    assert facts["how"]
    assert any((a != b).any() for a, b in zip(before, layer.get_weights(), strict=True))
    assert np.isfinite(np.asarray(model(np.float32(images), training=False))).all()


def test_a_default_for_what_is_no_flag_is_refused():
    """A slip of the pen in a task's file would change nothing, silently."""
    task = tasks.find("vehicle_classify")
    with pytest.raises(ValueError, match="task defaults name no flag 'contxt': allowed are adapt, "):
        dataclasses.replace(task, defaults={"contxt": 0.5})
    assert dataclasses.replace(task, defaults={"context": 0.5}).defaults == {"context": 0.5}


def test_defaults_of_a_task_reach_reader_and_kind():
    """Under the options that are given."""
    task = dataclasses.replace(tasks.find("vehicle_classify"), defaults={"head": "cosine", "context": 0.5})
    assert task.output_for(("a", "b")).head == "cosine"
    assert task.output_for(("a", "b"), {"head": "linear"}).head == "linear"
    seen = []

    @dataclasses.dataclass(frozen=True)
    class Reader(task.reader):
        def __call__(self, source, **how):
            seen.append((self.context, self.least_px, source, how))

    task = dataclasses.replace(task, reader=Reader)
    task.read("d", {}, limit=3)
    task.read("d", {"context": 0.25, "least_px": 4, "head": "cosine"})
    assert seen == [(0.5, 8, "d", {"limit": 3}), (0.25, 4, "d", {})]
