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
    spec = DETECT.make_spec({"backbone": backbone})
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
    ("backbone", "has_gpu", "stage"),
    [(LIGHT, False, "C3"), (HEAVY, False, "backbone"), (HEAVY, True, "none")],
)
def test_default_freeze(gpu, backbone, has_gpu, stage):
    """Light backbones are unfrozen behind C3 on CPUs, heavy ones on GPUs alone."""
    gpu(has_gpu)
    assert settings.default_freeze(DETECT.make_spec({"backbone": backbone})) == stage


def test_a_resolved_policy_no_longer_depends_on_its_file(gpu, data_of_sizes, tmp_path):
    """The file may change before the run is resumed."""
    gpu(False)
    file = tmp_path / "policy.json"
    file.write_text('[{"transform": "flip", "probability": 0.5}]')
    spec = DETECT.make_spec({"backbone": LIGHT, "augment": str(file)})
    resolved = DETECT.modality.resolve(spec, data_of_sizes((480, 640)))
    file.unlink()
    assert [step.transform for step in augment.get_policy(resolved.augment).steps] == ["flip"]
    assert resolved.image_size == (256, 320)


def test_a_wrong_policy_of_a_config_file_is_an_input_error(gpu, data_of_sizes):
    """Lists of a config file are checked here: reading them loads TensorFlow."""
    gpu(False)
    spec = DETECT.make_spec({"backbone": LIGHT, "augment": ({"transform": "flipp"},)})
    with pytest.raises(InputError, match="--augment: .*flipp.*'flip'"):
        DETECT.modality.resolve(spec, data_of_sizes((480, 640)))
