"""Tasks: a file each, and each of them whole."""

import dataclasses
import importlib
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks
from cityzoo.demo.write import scene_seed
from cityzoo.errors import InputError
from cityzoo.kinds.anomaly import Anomaly, Strangeness
from cityzoo.kinds.counting import Count, Counting
from cityzoo.kinds.detection import Detection
from cityzoo.sample import Detections, Picture, PictureSet
from cityzoo.spec import TrainSpec
from cityzoo.views import Views, in_order

PICTURES = [name for name in tasks.names() if not tasks.find(name).course]
SERIES = [name for name in tasks.names() if tasks.find(name).course]


@pytest.mark.parametrize("name", PICTURES)
def test_a_task_says_all_that_training_asks_for(name):
    """A kind that takes class names, demo data, a figure to choose by, defaults that are fields."""
    task = tasks.find(name)
    kind = task.kind(("a", "b"))
    assert kind.class_names == ("a", "b")
    for part in ("outputs", "loss", "target", "results", "metrics"):
        assert callable(getattr(kind, part))
    assert task.summary and "\n" not in task.summary
    own = [item.name for item in task.flags]
    assert set(task.defaults) <= {item.name for item in fields(TrainSpec)} | set(own)
    assert len(set(own)) == len(own) and not set(own) & {item.name for item in fields(TrainSpec)}
    assert task.monitor in kind.headline and set(kind.lower) <= set(kind.headline)
    assert task.demo().class_names and task.demo().task == name


@pytest.mark.parametrize("name", SERIES)
def test_a_task_of_sensors_says_all_that_its_course_asks_for(name):
    """A course, flags of both general kinds that it heeds, defaults that make its options."""
    task = tasks.find(name)
    course = importlib.import_module(task.course)
    assert callable(course.train) and callable(course.evaluate) and callable(task.check)
    general, own = {item.name for item in task.general_flags}, {item.name for item in task.flags}
    assert general == set(task.heeds) and not general & own
    assert set(task.defaults) <= general | own
    how = task.kind(**{key: value for key, value in task.defaults.items() if hasattr(task.kind, key)})
    hours = task.monitor.removeprefix("mae_")
    assert hours == {"traffic_flow": "60min", "air_quality": "24h"}[name]
    assert 0.5 in how.quantiles and sum(how.split) == pytest.approx(1)


def perfect(kind):
    """Two pictures as a kind's reader makes them, and the best that can be said of them."""
    if issubclass(kind, Detection | Counting):
        pictures = Picture("x.png", (50, 50), [[0, 0, 40, 40]], [0]), Picture("y.png", (50, 50))
        if issubclass(kind, Counting):
            return pictures, [Count(1.0), Count(0.0)]
        return pictures, [Detections([[0, 0, 40, 40]], [0.9], [0]), Detections([], [], [])]
    pictures = tuple(Picture(f"{i}.png", (50, 50), target=np.eye(2)[i]) for i in (0, 1))
    if issubclass(kind, Anomaly):
        heat = np.ones((6, 6), "float32")
        return pictures, [Strangeness(score, heat, (0, 0, 50, 50)) for score in (1.0, 2.0)]
    return pictures, [np.array([0.9, 0.1]), np.array([0.2, 0.8])]


@pytest.mark.parametrize("name", PICTURES)
def test_the_monitored_figure_is_one_that_the_kind_gives(name):
    """A perfect answer has it at 1, or at 0 where lower is better; so have all that are said first of it."""
    task = tasks.find(name)
    pictures, best = perfect(task.kind)
    kind = task.kind_for(("a", "b"))
    figures = kind.metrics(PictureSet("val", ("a", "b"), pictures), best)
    assert figures[task.monitor] == pytest.approx(float(task.monitor not in kind.lower))
    assert set(kind.headline) <= set(figures)
    worse = kind.metrics(PictureSet("val", ("a", "b"), pictures), worst(best))
    assert (worse[task.monitor] > figures[task.monitor]) == (task.monitor in kind.lower)
    assert worse[task.monitor] != pytest.approx(figures[task.monitor])


def worst(best):
    """The answers of two pictures, each given to the other."""
    return best[::-1]


def test_an_unknown_task_gets_the_nearest():
    """One line with everything that there is."""
    with pytest.raises(
        InputError, match="unknown task 'vehicel_detect': did you mean 'vehicle_detect'"
    ) as caught:
        tasks.find("vehicel_detect")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("name", PICTURES)
def test_the_demo_draws(name, split):
    """Pictures with boxes in them, of its own classes; the same from the same seed, another from the next."""
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
    """Return a function that makes four small pictures as a kind's reader does."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))

    def make(kind):
        rng, pictures = np.random.default_rng(0), []
        for number in range(4):
            path = tmp_path / f"{number}.png"
            Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
            about = {"target": np.eye(2)[number % 2]}
            if issubclass(kind, Detection | Counting):
                boxes = [[4, 4, 40, 40], [20, 24, 60, 52]][: number % 3]
                about = {"boxes_xyxy": boxes, "labels": [0, 1][: number % 3], "target": [number % 3]}
            pictures.append(Picture(str(path), (64, 64), **about))
        return PictureSet("train", ("a", "b"), tuple(pictures))

    return make


def small_model(kind):
    """The kind's head on three small levels, of a stride of 8, 16 and 32 in 64 pixels."""
    import keras

    images, levels = keras.Input((64, 64, 3), name="images"), {}
    for number in (3, 4, 5):
        stem = keras.layers.Conv2D(4, 1, activation="relu", name=f"stem{number}")
        levels[f"P{number}"] = stem(keras.layers.AveragePooling2D(2**number)(images / 255))
    return keras.Model(images, kind.outputs(levels))


@pytest.mark.parametrize("name", PICTURES)
def test_the_kind_makes_outputs_targets_and_results_that_fit(name, side):
    """As they come from `Views`: the loss is a number; a result, a drawing and figures for each picture."""
    task = tasks.find(name)
    pictures = side(task.kind)
    kind = task.kind_for(("a", "b")).seeing(pictures)
    model, views = small_model(kind), Views(pictures, kind, "none", (64, 64), 2, seed=0)
    ((images, target, matrix),) = list(views.batches(in_order(4), 4))
    outputs = model(np.float32(images), training=False)
    if kind.trains:
        assert np.isfinite(float(kind.loss((64, 64))(target, outputs)))
    found = kind.results(np.asarray(outputs), matrix.numpy(), pictures.pictures)
    assert len(found) == 4
    figures = kind.metrics(pictures, found)
    assert set(kind.headline) <= set(figures) and figures["n_images"] == 4
    for picture, result in zip(pictures.pictures, found, strict=True):
        drawn = kind.draw(np.zeros((64, 64, 3), np.uint8), picture, result)
        assert drawn.dtype == np.uint8 and drawn.shape[1] >= 64 and drawn.shape[2] == 3
    shown = kind.draw_target(images.numpy()[1].astype(np.uint8), np.asarray(target)[1])
    assert shown.dtype == np.uint8 and shown.any()
    page = kind.layout({**figures, "per_class": figures.get("per_class", {})})
    assert page.cards and {card.key for card in page.cards} & set(kind.headline)


@pytest.mark.parametrize("name", [each for each in PICTURES if tasks.find(each).kind.trains])
def test_one_step_leaves_numbers_and_lowers_the_loss(name, side):
    """Head and stems move, nothing becomes NaN; twenty steps on one batch lower what the first said."""
    import keras

    task = tasks.find(name)
    pictures = side(task.kind)
    kind = task.kind_for(("a", "b"), {"dropout": 0.0}).seeing(pictures)
    keras.utils.set_random_seed(0)
    model, views = small_model(kind), Views(pictures, kind, "none", (64, 64), 2, seed=0)
    ((images, target, _),) = list(views.batches(in_order(4), 4))
    images = np.float32(images)
    model.compile(keras.optimizers.Adam(0.01), kind.loss((64, 64)))
    before = model.get_weights()
    losses = [float(model.train_on_batch(images, target))]
    after = model.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    losses += [float(model.train_on_batch(images, target)) for _ in range(20)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


@pytest.mark.parametrize("name", [each for each in PICTURES if tasks.find(each).kind.solved])
def test_a_head_that_is_computed_takes_numbers(name, side):
    """The layer that the kind names is in its model; solved, it is another, and its answers are numbers."""
    import keras

    task = tasks.find(name)
    pictures = side(task.kind)
    options = {"memory": 8} if task.kind is Anomaly else {}
    kind = task.kind_for(("a", "b"), options).seeing(pictures)
    model, views = small_model(kind), Views(pictures, kind, "none", (64, 64), 2, seed=0)
    layer = model.get_layer(kind.solved)
    ((images, target, _),) = list(views.batches(in_order(4), 4))
    rows = keras.Model(model.inputs, layer.input).predict_on_batch(np.float32(images)).astype(np.float16)
    before = layer.get_weights()
    facts = kind.solve(layer, rows, target.numpy(), np.arange(4), 0)
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
    assert task.kind_for(("a", "b")).head == "cosine"
    assert task.kind_for(("a", "b"), {"head": "linear"}).head == "linear"
    seen = []

    @dataclasses.dataclass(frozen=True)
    class Reader(task.reader):
        def __call__(self, source, **how):
            seen.append((self.context, self.least_px, source, how))

    task = dataclasses.replace(task, reader=Reader)
    task.read("d", {}, limit=3)
    task.read("d", {"context": 0.25, "least_px": 4, "head": "cosine"})
    assert seen == [(0.5, 8, "d", {"limit": 3}), (0.25, 4, "d", {})]
