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
    assert set(task.defaults) <= {item.name for item in fields(TrainSpec)}
    assert task.demo().class_names


@pytest.mark.parametrize("name", tasks.names())
def test_the_monitored_figure_is_one_that_the_kind_gives(name):
    """Higher is better: a perfect answer has it at 1."""
    from cityzoo.sample import Detections, Picture, PictureSet

    kind = tasks.find(name).kind(("a",))
    truth = PictureSet("val", ("a",), (Picture("x.png", (50, 50), [[0, 0, 40, 40]], [0]),))
    perfect = kind.metrics(truth, [Detections([[0, 0, 40, 40]], [0.9], [0])])
    assert perfect[tasks.find(name).monitor] == pytest.approx(1.0)


def test_an_unknown_task_gets_the_nearest():
    """One line with everything that there is."""
    with pytest.raises(InputError, match="unknown task 'vehicle': did you mean 'vehicle_detect'") as caught:
        tasks.find("vehicle")
    assert "\n" not in str(caught.value)
