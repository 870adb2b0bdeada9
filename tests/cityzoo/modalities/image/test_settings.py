"""Values of "auto" for images: input size, views, precision and what is frozen."""

import pytest

import augment
from cityzoo import backend, tasks
from cityzoo.data.image import Dataset, Findings
from cityzoo.errors import InputError
from cityzoo.modalities.image import settings
from cityzoo.sample import ImageExample, ImageSet

DETECT = tasks.find("vehicle_detect")
LIGHT, HEAVY = "mobilenet_025", "vgg16"


@pytest.mark.parametrize(
    ("sizes_hw", "size_hw"),
    [
        ([(1080, 1920)], (192, 320)),  # 320 * 9 / 16 = 180: the next multiple of 32
        ([(1920, 1080)], (320, 192)),
        ([(480, 640)], (256, 320)),  # 240, no nearer multiple below
        ([(500, 500)], (320, 320)),
        ([(1000, 1600)], (192, 320)),  # 200: a quarter of a cell may go
        ([(100, 3000)], (32, 320)),
        ([(1080, 1920)] * 2 + [(1920, 1080)], (192, 320)),  # the usual one of three
    ],
)
def test_the_input_has_the_shape_of_the_usual_image(data_of_sizes, sizes_hw, size_hw):
    """Multiples of 32, the long side as long as wanted."""
    assert settings.auto_size(data_of_sizes(*sizes_hw), 320, 512) == size_hw


@pytest.mark.parametrize(
    ("box_side", "long_side"), [(500, 320), (64, 320), (49, 416), (42, 480), (40, 512), (5, 512)]
)
def test_small_objects_make_the_input_larger(data_of_sizes, box_side, long_side):
    """In images 1000 pixels wide: about 20 pixels of input for each object, within limits."""
    assert settings.auto_size(data_of_sizes((1000, 1000), box_side=box_side), 320, 512) == (
        long_side,
        long_side,
    )


def test_images_without_boxes_get_the_usual_size():
    """No object needs a larger input."""
    bare = ImageSet("train", ("car",), (ImageExample("x.jpg", (500, 500)),))
    assert settings.auto_size(Dataset(bare, bare, Findings("", "")), 320, 512) == (320, 320)


@pytest.mark.parametrize(
    ("backbone", "images", "has_gpu", "views"),
    [
        (LIGHT, 5000, False, 4),
        (HEAVY, 100, False, 4),
        (HEAVY, 300, False, 4),
        (HEAVY, 400, False, 3),
        (HEAVY, 700, False, 1),
        (HEAVY, 5000, False, 1),
        (HEAVY, 5000, True, 4),
    ],
)
def test_a_heavy_backbone_on_a_cpu_shows_large_data_in_fewer_views(
    gpu, data_of_sizes, backbone, images, has_gpu, views
):
    """At most 1,200 passes before the first epoch, but each image once; otherwise four versions of each."""
    gpu(has_gpu)
    assert settings.auto_views(backbone, images) == views
    spec = DETECT.make_spec({"backbone": backbone, "backbone_rate": 1.0})
    assert DETECT.modality.resolve(spec, data_of_sizes((64, 64), count=images)).views == views
    assert DETECT.modality.resolve(spec.replace(views=7), data_of_sizes((64, 64), count=9)).views == 7


@pytest.mark.parametrize(
    ("backbone", "asked", "fast", "has_gpu", "policies"),
    [
        (HEAVY, "auto", True, False, ("mixed_bfloat16", "mixed_bfloat16")),
        (LIGHT, "auto", True, False, ("float32", "mixed_bfloat16")),  # depthwise is slower on CPUs
        (LIGHT, "auto", True, True, ("mixed_bfloat16", "mixed_bfloat16")),
        (HEAVY, "auto", False, True, ("float32", "float32")),
        (LIGHT, "bfloat16", False, False, ("mixed_bfloat16", "mixed_bfloat16")),
        (HEAVY, "float32", True, True, ("float32", "float32")),
    ],
)
def test_arithmetic_of_backbone_and_head(gpu, monkeypatch, backbone, asked, fast, has_gpu, policies):
    """What was asked for, else what is faster here."""
    gpu(has_gpu)
    monkeypatch.setattr(backend, "is_fast_in_bfloat16", lambda: fast)
    assert settings.dtype_policies(DETECT.make_spec({"backbone": backbone, "precision": asked})) == policies


@pytest.mark.parametrize(
    ("backbone", "has_gpu", "stage", "two_phases"),
    [(LIGHT, False, "C2", "C3"), (HEAVY, False, "backbone", "backbone"), (HEAVY, True, "none", "none")],
)
def test_default_freeze(gpu, backbone, has_gpu, stage, two_phases):
    """Light backbones are unfrozen on CPUs, from C3 on if from the first step; heavy ones on GPUs alone."""
    gpu(has_gpu)
    spec = DETECT.make_spec({"backbone": backbone})
    assert settings.default_freeze(spec) == stage
    assert settings.default_freeze(spec.replace(backbone_rate=1.0)) == two_phases


@pytest.mark.parametrize(
    ("flags", "views"),
    [
        ({}, 0),
        ({"views": 3}, 3),
        ({"layer_decay": 0.5}, 0),
        ({"epochs": 10}, 0),
        ({"epochs": 10, "backbone_rate": 1.0}, 4),
        ({"backbone": HEAVY}, 4),
        ({"backbone_rate": 1.0}, 4),
        ({"adapt": "bias"}, 4),
        ({"freeze": "backbone"}, 4),
        ({"phases": (("backbone", 3), ("C3", 3))}, 4),
    ],
)
def test_a_backbone_that_trains_from_the_first_step_sees_new_views(gpu, data_of_sizes, flags, views):
    """What is frozen for a while, or stays so, is cached; --adapt slows nothing, a short training its early stages."""
    gpu(False)
    spec = DETECT.make_spec({"backbone": LIGHT, **flags})
    resolved = DETECT.modality.resolve(spec, data_of_sizes((64, 64), count=9))
    assert resolved.views == views
    assert resolved.layer_decay == flags.get("layer_decay", 0.7 if flags == {"epochs": 10} else 1.0)
    assert settings.backbone_rate(spec) == (1.0 if {"adapt", "backbone_rate"} & set(flags) else 0.1)


def test_a_resolved_policy_no_longer_depends_on_its_file(gpu, data_of_sizes, tmp_path):
    """The file may change before the run is resumed."""
    gpu(False)
    file = tmp_path / "policy.json"
    file.write_text('[{"transform": "flip", "probability": 0.5}]')
    spec = DETECT.make_spec({"backbone": LIGHT, "augment": str(file)})
    resolved = DETECT.modality.resolve(spec, data_of_sizes((480, 640)))
    file.unlink()
    assert [step.transform for step in augment.get_policy(resolved.augment).steps] == ["flip"]
    assert resolved.image_size == (320, 384)


def test_a_wrong_policy_of_a_config_file_is_an_input_error(gpu, data_of_sizes):
    """Lists of a config file are checked here: reading them loads TensorFlow."""
    gpu(False)
    spec = DETECT.make_spec({"backbone": LIGHT, "augment": ({"transform": "flipp"},)})
    with pytest.raises(InputError, match="--augment: .*flipp.*'flip'"):
        DETECT.modality.resolve(spec, data_of_sizes((480, 640)))


@pytest.mark.parametrize(
    ("flags", "size_hw", "trained_hw"),
    [
        ({}, (320, 384), (256, 320)),
        ({"image_size": (320, 320)}, (320, 320), (256, 256)),
        ({"train_scale": 1.0}, (256, 320), (256, 320)),
        ({"backbone": HEAVY}, (256, 320), (256, 320)),
        ({"image_size": (32, 64)}, (32, 64), (32, 64)),
    ],
)
def test_a_detector_takes_a_larger_input_than_it_was_trained_with(
    gpu, data_of_sizes, flags, size_hw, trained_hw
):
    """Only where the backbone trains from the first step: elsewhere nothing was measured."""
    gpu(False)
    spec = DETECT.make_spec({"backbone": LIGHT, **flags})
    resolved = spec.replace(**vars(DETECT.modality.resolve(spec, data_of_sizes((480, 640)))))
    trained = DETECT.modality.training_spec(resolved)
    assert resolved.modality.image_size == size_hw
    assert DETECT.modality.size_hw(trained) == trained_hw and trained.modality.train_scale == 1.0
