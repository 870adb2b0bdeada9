"""What a run makes of "auto": the plan of phases and the batch size."""

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks
from cityzoo.data.image import Dataset, Findings
from cityzoo.errors import InputError
from cityzoo.fit import auto_settings
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.spec import CLOSED_FORM, Phase

DETECT = tasks.find("vehicle_detect")
OUTPUT = DETECT.output_for(("car",))


def plan_of(count, **flags):
    """Return the plan of vehicle_detect for that many images."""
    spec = DETECT.make_spec(flags)
    return auto_settings.plan_phases(spec, DETECT, OUTPUT, count, spec.fit.batch_size)


LIGHT, HEAVY = "mobilenet_025", "vgg16"


@pytest.mark.parametrize(
    ("flags", "images", "phases"),
    [
        ({"backbone": LIGHT}, 160, [("C2", 100, 0.002)]),
        ({"backbone": LIGHT, "backbone_rate": 1.0}, 160, [("backbone", 80, 0.002), ("C3", 80, 0.0002)]),
        ({"backbone": HEAVY}, 160, [("backbone", 100, 0.002)]),
        ({"backbone": HEAVY}, 1600, [("backbone", 13, 0.002)]),
        ({"backbone": LIGHT, "freeze": "backbone"}, 1600, [("backbone", 13, 0.002)]),
        ({"backbone": LIGHT}, 1600, [("C2", 13, 0.002)]),
        ({"backbone": LIGHT}, 1700, [("C2", 13, 0.002)]),
        ({"backbone": LIGHT}, 100_000, [("C2", 3, 0.002)]),
        ({"backbone": LIGHT}, 3, [("C2", 100, 0.002)]),
        ({"backbone": LIGHT, "batch_size": 32}, 1600, [("C2", 26, 0.002)]),
        ({"freeze": "C4", "epochs": 7}, 160, [("backbone", 7, 0.002), ("C4", 7, 0.002)]),
        ({"freeze": "none", "epochs": 7}, 160, [("backbone", 7, 0.002), ("none", 7, 0.002)]),
        ({"freeze": "backbone", "epochs": 7}, 160, [("backbone", 7, 0.002)]),
        ({"phases": (("C5", 3),), "learning_rate": 0.01}, 160, [("C5", 3, 0.01)]),
        (
            {"phases": (("backbone", 3), ("C3", 2), ("none", 1))},
            9,
            [("backbone", 3, 0.002), ("C3", 2, 0.002), ("none", 1, 0.002)],
        ),
    ],
)
def test_the_plan_on_a_cpu(gpu, flags, images, phases):
    """1,300 steps of the only phase, 800 of each of several, 3 to 100 epochs; heavy backbones stay frozen.

    Later phases are slower, unless the backbone is slower by itself.
    """
    gpu(False)
    plan = plan_of(images, **flags)
    assert [(phase.freeze, phase.epochs) for phase in plan] == [phase[:2] for phase in phases]
    assert [phase.learning_rate for phase in plan] == pytest.approx([phase[2] for phase in phases])


@pytest.mark.parametrize("backbone", [LIGHT, HEAVY])
def test_on_a_gpu_everything_is_unfrozen_in_the_end(gpu, backbone):
    """Whatever its size."""
    gpu(True)
    assert [phase.freeze for phase in plan_of(160, backbone=backbone)] == ["none"]
    phases = plan_of(160, backbone=backbone, backbone_rate=1.0)
    assert [phase.freeze for phase in phases] == ["backbone", "none"]


def test_later_phases_are_slower_and_what_adapts_less_so():
    """Fresh parameters stand no harm from larger steps."""
    phases = (("backbone", 2), ("none", 2))
    for flags, rates in (
        ({"backbone_rate": 1.0}, [0.01, 0.001]),
        ({"backbone_rate": 0.1}, [0.01, 0.01]),
        ({"adapt": "lora:4"}, [0.01, 0.005]),
    ):
        made = plan_of(10, learning_rate=0.01, phases=phases, **flags)
        assert [phase.learning_rate for phase in made] == pytest.approx(rates)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            {"freeze": "C9"},
            "unknown stage to freeze up to 'C9'.*Allowed: C2, C3, C4, C5, backbone, closed_form, none",
        ),
        ({"phases": (("backbone", 1), ("head", 1))}, "unknown stage to freeze up to 'head'"),
        (
            {"phases": (("backbone", 1),), "freeze": "C3"},
            "--phases cannot be combined with --freeze or --epochs",
        ),
        (
            {"phases": (("backbone", 1),), "epochs": 3},
            "--phases cannot be combined with --freeze or --epochs",
        ),
    ],
)
def test_nonsense_plans_are_refused(flags, words):
    """In one line."""
    with pytest.raises(InputError, match=words) as caught:
        plan_of(10, **flags)
    assert "\n" not in str(caught.value)


def resolve(data, **flags):
    """Resolve a spec of vehicle_detect."""
    return auto_settings.resolve(DETECT.make_spec(flags), DETECT, data, OUTPUT)


def test_a_resolved_spec_stays_as_it_is(gpu, data_of_sizes):
    """Other defaults of a later version must not change a run that is resumed."""
    gpu(False)
    once = resolve(data_of_sizes((480, 640), count=40), backbone=LIGHT)
    assert once.modality.image_size == (320, 384) and once.plan == (Phase("C2", 100, 0.002),)
    gpu(True)
    for data in (data_of_sizes((100, 100), count=7), data_of_sizes((100, 100), count=40)):
        assert auto_settings.resolve(once, DETECT, data, OUTPUT) == once


def test_a_batch_is_no_larger_than_the_data(data_of_sizes):
    """Three images: a batch of three, or there would be no step."""
    assert resolve(data_of_sizes((64, 64), count=3), batch_size=16).fit.batch_size == 3


def test_unlabelled_images_add_a_phase_that_trains_on_them(gpu, tmp_path):
    """The head computed in closed form learns nothing from them; they count as examples of an epoch."""
    gpu(False)
    task, names = tasks.find("vehicle_classify"), ("red", "blue")
    for shade in range(8):
        Image.new("RGB", (8, 8), (shade, 0, 0)).save(tmp_path / f"{shade}.png")
    spec = task.make_spec({"unlabelled": str(tmp_path), "freeze": "backbone", "epochs": 3})
    for each, plan in (
        (spec, [(CLOSED_FORM, 1), ("backbone", 3)]),
        (spec.replace(unlabelled=None), [(CLOSED_FORM, 1)]),
    ):
        phases = auto_settings.plan_phases(each, task, task.output_for(names), 4, 2)
        assert [(phase.freeze, phase.epochs) for phase in phases] == plan
    images = tuple(ImageExample("x.jpg", (8, 8), target=np.eye(2)[i % 2]) for i in range(4))
    data = Dataset(ImageSet("train", names, images), ImageSet("val", names, images), Findings("", ""))
    given = {"unlabelled": str(tmp_path), "freeze": "backbone", "batch_size": 1}
    resolved = auto_settings.resolve(task.make_spec(given), task, data, task.output_for(names))
    assert resolved.plan[1].epochs == 100 and task.modality.count_unlabelled(resolved) == 8
