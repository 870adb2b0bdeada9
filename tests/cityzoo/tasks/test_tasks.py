"""Tasks: one file each, and each of them complete."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks, visualize
from cityzoo.cli import flag
from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.demo.write import scene_seed
from cityzoo.errors import InputError
from cityzoo.modalities.image import IMAGE
from cityzoo.modalities.series import SERIES as SENSORS
from cityzoo.outputs import ClosedFormInput, Output
from cityzoo.outputs.anomaly import Anomaly, AnomalyResult
from cityzoo.outputs.counting import Counting, CountResult
from cityzoo.outputs.detection import Detection
from cityzoo.report import pages
from cityzoo.sample import Detections, ImageExample, ImageSet

IMAGES = [name for name in tasks.names() if tasks.find(name).modality is IMAGE]
SERIES = [name for name in tasks.names() if tasks.find(name).modality is SENSORS]


@pytest.mark.parametrize("name", tasks.names())
def test_a_task_is_complete(name):
    """An output that takes class names, demo data, a metric to choose by, defaults that are flags."""
    task = tasks.find(name)
    output = task.output_for(("a", "b"))
    assert output.class_names == ("a", "b") and isinstance(output, Output)
    assert task.summary and "\n" not in task.summary
    names = [item.name for items in task.flags.values() for item in items]
    assert len(set(names)) == len(names) and set(task.defaults) <= set(names)
    assert task.monitor in output.primary_metrics
    assert set(output.lower_is_better) <= set(output.primary_metrics)
    assert task.demo().task == name and pages.find(output.page)
    assert task.modality.backbones().keys() >= {task.make_spec({}).run.backbone}
    task.modality.check(task.make_spec({}), task)


@pytest.mark.parametrize("name", SERIES)
def test_a_task_of_sensors_forecasts_its_horizon(name):
    """An hour in five minutes' steps, a day in hours; the median is among the quantiles."""
    task = tasks.find(name)
    flags = task.make_spec({}).modality
    assert flags.horizon == {"traffic_flow": 12, "air_quality": 24}[name]
    assert 0.5 in task.output_for(()).quantiles and sum(flags.split) == pytest.approx(1)


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
    assert set(output.primary_metrics) <= set(figures)
    drawing = visualize.find(output)
    for image, result in zip(examples.examples, found, strict=True):
        drawn = drawing.draw(np.zeros((64, 64, 3), np.uint8), image, result, output)
        assert drawn.dtype == np.uint8 and drawn.shape[1] >= 64 and drawn.shape[2] == 3
    shown = drawing.draw_target(images.numpy()[1].astype(np.uint8), np.asarray(target)[1], output)
    assert shown.dtype == np.uint8 and shown.any()
    report = {**figures, "per_class": figures.get("per_class", {})}
    page = pages.find(output.page)(report, output.class_names)
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
    model.compile(keras.optimizers.Adam(0.01), output.loss((64, 64)), jit_compile=False)
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
    facts = output.fit_closed_form(ClosedFormInput(layer, rows, target.numpy(), np.arange(4), 0))
    assert facts["how"]
    assert any((a != b).any() for a, b in zip(before, layer.get_weights(), strict=True))
    assert np.isfinite(np.asarray(model(np.float32(images), training=False))).all()


def test_a_default_for_an_unknown_flag_is_refused():
    """A typing mistake in a task's file would change nothing, silently."""
    task = tasks.find("vehicle_classify")
    with pytest.raises(ValueError, match="task defaults name no flag 'contxt': allowed are adapt, "):
        dataclasses.replace(task, defaults={"contxt": 0.5})
    assert dataclasses.replace(task, defaults={"context": 0.5}).defaults == {"context": 0.5}


def test_a_flag_that_is_declared_twice_is_refused():
    """By output or reader, whatever flag of run, training or modality it collides with."""
    task = tasks.find("vehicle_classify")
    for name in ("seed", "patience", "image_size", "least_px"):
        owner = dataclasses.make_dataclass(
            "Own", [(name, int, flag(1, "mine", int))], bases=(task.output,), frozen=True
        )
        with pytest.raises(ValueError, match=f"two sections of this task declare the flag '{name}'"):
            dataclasses.replace(task, output=owner)


def test_defaults_of_a_task_reach_reader_and_output():
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


def test_freeze_takes_the_place_of_a_tasks_own_plan():
    """Whoever gives --freeze or --epochs need not know that the task has a plan."""
    task = tasks.find("event_tag")
    assert task.make_spec({}).fit.phases == (("block03", 6),)
    assert task.make_spec({"freeze": "block01"}).fit.phases == ()
    assert task.make_spec({"epochs": 2, "phases": (("none", 1),)}).fit.phases == (("none", 1),)
