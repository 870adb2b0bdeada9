"""What a run makes of "auto": sizes, phases and arithmetic, by the table."""

import pytest
import tensorflow as tf

from cityzoo.data.image import Dataset, Findings
from cityzoo.errors import InputError
from cityzoo.fit import devices
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.spec import Phase, TrainSpec

KIND = Detection(("car",))


def data(*sizes_hw, box_side=1000.0, count=None):
    """A data set of images of these sizes, a square box in each."""
    sizes = sizes_hw * (count or 1)
    images = tuple(ImageExample("x.jpg", size, [[0, 0, box_side, box_side]], [0]) for size in sizes)
    return Dataset(
        ImageSet("train", ("car",), images), ImageSet("val", ("car",), images[:1]), Findings("", "")
    )


@pytest.fixture
def gpu(monkeypatch):
    """Return a function that gives this machine a GPU, or takes it away."""
    return lambda there: monkeypatch.setattr(devices, "gpus", lambda: ["GPU"] if there else [])


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
def test_the_input_has_the_shape_of_the_usual_image(sizes_hw, size_hw):
    """Multiples of 32, the long side as long as wanted."""
    assert devices.auto_size(data(*sizes_hw), 320, 512) == size_hw


@pytest.mark.parametrize(
    ("box_side", "long_side"), [(500, 320), (64, 320), (49, 416), (42, 480), (40, 512), (5, 512)]
)
def test_small_objects_make_the_input_larger(box_side, long_side):
    """In images 1000 pixels wide: about 20 pixels of input for each object, within limits."""
    assert devices.auto_size(data((1000, 1000), box_side=box_side), 320, 512) == (long_side, long_side)


def test_images_without_boxes_get_the_usual_size():
    """Nothing to be large enough for."""
    bare = ImageSet("train", ("car",), (ImageExample("x.jpg", (500, 500)),))
    assert devices.auto_size(Dataset(bare, bare, Findings("", "")), 320, 512) == (320, 320)


LIGHT, HEAVY = "mobilenet_025", "vgg16"


@pytest.mark.parametrize(
    ("flags", "images", "phases"),
    [
        ({"backbone": LIGHT}, 160, [("backbone", 80, 0.002), ("C3", 80, 0.0002)]),
        ({"backbone": HEAVY}, 160, [("backbone", 100, 0.002)]),
        ({"backbone": HEAVY}, 1600, [("backbone", 13, 0.002)]),
        ({"backbone": LIGHT, "freeze": "backbone"}, 1600, [("backbone", 13, 0.002)]),
        ({"backbone": LIGHT}, 1600, [("backbone", 8, 0.002), ("C3", 8, 0.0002)]),
        ({"backbone": LIGHT}, 1700, [("backbone", 8, 0.002), ("C3", 8, 0.0002)]),
        ({"backbone": LIGHT}, 100_000, [("backbone", 3, 0.002), ("C3", 3, 0.0002)]),
        ({"backbone": LIGHT}, 3, [("backbone", 100, 0.002), ("C3", 100, 0.0002)]),
        ({"backbone": LIGHT, "batch_size": 32}, 1600, [("backbone", 16, 0.002), ("C3", 16, 0.0002)]),
        ({"freeze": "C4", "epochs": 7}, 160, [("backbone", 7, 0.002), ("C4", 7, 0.0002)]),
        ({"freeze": "none", "epochs": 7}, 160, [("backbone", 7, 0.002), ("none", 7, 0.0002)]),
        ({"freeze": "backbone", "epochs": 7}, 160, [("backbone", 7, 0.002)]),
        ({"phases": (("C5", 3),), "learning_rate": 0.01}, 160, [("C5", 3, 0.01)]),
        (
            {"phases": (("backbone", 3), ("C3", 2), ("none", 1))},
            9,
            [("backbone", 3, 0.002), ("C3", 2, 0.0002), ("none", 1, 0.0002)],
        ),
    ],
)
def test_the_plan_on_a_cpu(gpu, flags, images, phases):
    """800 steps a phase, 1,300 of the only one, 3 to 100 epochs; heavy backbones stay frozen; later is slower."""
    gpu(False)
    plan = devices.resolve_phases(TrainSpec(**flags), images, KIND)
    assert [(phase.freeze, phase.epochs) for phase in plan] == [phase[:2] for phase in phases]
    assert [phase.learning_rate for phase in plan] == pytest.approx([phase[2] for phase in phases])


@pytest.mark.parametrize("backbone", [LIGHT, HEAVY])
def test_on_a_gpu_everything_is_unfrozen_in_the_end(gpu, backbone):
    """Whatever its size."""
    gpu(True)
    assert [phase.freeze for phase in devices.resolve_phases(TrainSpec(backbone=backbone), 160, KIND)] == [
        "backbone",
        "none",
    ]


def test_later_phases_are_slower_and_what_adapts_less_so():
    """Fresh parameters stand no harm from larger steps."""
    phases = (("backbone", 2), ("none", 2))
    for adapt, rates in ((None, [0.01, 0.001]), ("lora:4", [0.01, 0.005])):
        made = devices.resolve_phases(TrainSpec(learning_rate=0.01, phases=phases, adapt=adapt), 10, KIND)
        assert [phase.learning_rate for phase in made] == pytest.approx(rates)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"freeze": "C9"}, "'C9' is nothing to freeze up to: give solve, none, C2"),
        ({"phases": (("backbone", 1), ("head", 1))}, "'head' is nothing to freeze"),
        ({"phases": (("backbone", 1),), "freeze": "C3"}, "--phases is the whole plan"),
        ({"phases": (("backbone", 1),), "epochs": 3}, "--phases is the whole plan"),
    ],
)
def test_nonsense_plans_are_refused(flags, words):
    """In one line."""
    with pytest.raises(InputError, match=words) as caught:
        devices.resolve_phases(TrainSpec(**flags), 10, KIND)
    assert "\n" not in str(caught.value)


def test_a_resolved_spec_stays_as_it_is(gpu, tmp_path):
    """Other defaults of a later version must not change a run halfway."""
    gpu(False)
    once = devices.resolve(TrainSpec(backbone=LIGHT), data((480, 640), count=40), KIND)
    assert once.image_size == (256, 320) and once.phases[0] == Phase("backbone", 100, 0.002)
    gpu(True)
    assert devices.resolve(once, data((100, 100), count=7), KIND).phases == once.phases
    assert devices.resolve(once, data((100, 100), count=40), KIND) == once


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
def test_a_heavy_backbone_on_a_cpu_shows_large_data_in_fewer_views(gpu, backbone, images, has_gpu, views):
    """1,200 passes at most before the first epoch, but each image once; else four versions of each."""
    gpu(has_gpu)
    assert devices.auto_views(backbone, images) == views
    resolved = devices.resolve(TrainSpec(backbone=backbone), data((64, 64), count=images), KIND)
    assert resolved.views == views
    assert devices.resolve(TrainSpec(backbone=backbone, views=7), data((64, 64), count=9), KIND).views == 7


def test_a_batch_is_no_larger_than_the_data():
    """Three images: a batch of three, or there would be no step at all."""
    assert devices.resolve(TrainSpec(batch_size=16), data((64, 64), count=3), KIND).batch_size == 3


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
    monkeypatch.setattr(devices, "fast_in_bfloat16", lambda: fast)
    assert devices.dtype_policies(TrainSpec(backbone=backbone, precision=asked)) == policies


@pytest.mark.parametrize(
    ("flags", "fast"),
    [("sse avx512f amx_bf16", True), ("avx512_bf16", True), ("sse avx2", False), ("", False)],
)
def test_a_cpu_says_what_it_can(gpu, monkeypatch, flags, fast):
    """By its flags; a machine that does not say cannot."""
    gpu(False)
    monkeypatch.setattr(devices, "_cpuinfo", lambda key: flags)
    assert devices.fast_in_bfloat16() is fast


@pytest.mark.parametrize(("capability", "fast"), [((8, 0), True), ((9, 0), True), ((7, 5), False)])
def test_a_gpu_says_what_it_can(gpu, monkeypatch, capability, fast):
    """bfloat16 came with compute capability 8.0."""
    gpu(True)
    details = {"compute_capability": capability, "device_name": "A GPU"}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    assert devices.fast_in_bfloat16() is fast
    assert devices.device_name() == "A GPU"


def test_the_processor_has_a_name_and_cores(gpu):
    """Where there is no GPU."""
    gpu(False)
    name, _, cores = devices.device_name().rpartition(", ")
    assert name and cores.endswith(" cores")


def test_one_cpu_needs_no_strategy(gpu):
    """TensorFlow's default."""
    gpu(False)
    assert devices.strategy() is tf.distribute.get_strategy()
