"""Tasks: a file each, and each of them whole."""

from dataclasses import fields

import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.spec import TrainSpec


@pytest.mark.parametrize("name", tasks.names())
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
    assert task.demo().class_names


def perfect(kind):
    """Two pictures as a kind's reader makes them, and the best that can be said of them."""
    import numpy as np

    from cityzoo.kinds.anomaly import Anomaly, Strangeness
    from cityzoo.kinds.counting import Count, Counting
    from cityzoo.kinds.detection import Detection
    from cityzoo.sample import Detections, Picture

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


@pytest.mark.parametrize("name", tasks.names())
def test_the_monitored_figure_is_one_that_the_kind_gives(name):
    """A perfect answer has it at 1, or at 0 where lower is better; so have all that are said first of it."""
    from cityzoo.sample import PictureSet

    task = tasks.find(name)
    pictures, best = perfect(task.kind)
    kind = task.kind_for(("a", "b"))
    figures = kind.metrics(PictureSet("val", ("a", "b"), pictures), best)
    assert figures[task.monitor] == pytest.approx(float(task.monitor not in kind.lower))
    assert set(kind.headline) <= set(figures) and task.monitor in kind.headline


def test_an_unknown_task_gets_the_nearest():
    """One line with everything that there is."""
    with pytest.raises(
        InputError, match="unknown task 'vehicel_detect': did you mean 'vehicle_detect'"
    ) as caught:
        tasks.find("vehicel_detect")
    assert "\n" not in str(caught.value)
