"""What this machine has, and the defaults that fit it."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import augment
import zoo.registry
from cityzoo.backend import on_jax
from cityzoo.data.image import Dataset
from cityzoo.errors import InputError
from cityzoo.fit import semi_supervised
from cityzoo.fit.auto_batch_size import auto_batch_size
from cityzoo.model import FULL, LOW
from cityzoo.outputs import Output
from cityzoo.sample import ImageExample
from cityzoo.spec import AUTO, SOLVE, Phase, TrainSpec

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

LONG_SIDES = {"CPU": (320, 512), "GPU": (640, 1024)}  # pixels: usual, and for images of small objects
SMALL_OBJECT = 20  # pixels: an object of median size shall be as large in the network's input
STEPS_PER_PHASE = 800  # enough for a head on a few hundred images, minutes on two cores
STEPS_ALONE = 1300  # of the only phase
EPOCHS = (3, 100)  # whatever the number of images
LIGHT_MILLIONS = 5.0  # backbones of at most so many parameters are unfrozen on CPUs too
VIEWS = 4  # augmented versions of each image that a frozen backbone sees
HEAVY_VIEWS = 1200  # in all, for a heavy backbone on a CPU: minutes of waiting before the first epoch
LATER_PHASES = 0.1  # learning rate of what was pretrained, as a share of the fresh head's
LATER_ADAPTED = 0.5  # the same of the few parameters that --adapt lets learn
DENSE_FAMILIES = ("vgg", "resnet")  # plain convolutions: twice as fast in bfloat16; depthwise ones are slower


def gpus() -> list[Any]:
    """Return the GPUs of this machine that Keras' backend sees."""
    if on_jax():
        import jax

        return [device for device in jax.local_devices() if device.platform == "gpu"]
    import tensorflow as tf

    return tf.config.list_physical_devices("GPU")


def strategy() -> tf.distribute.Strategy | keras.distribution.Distribution:
    """Return a strategy that uses every GPU of this machine, or its (logical) CPUs where it has none.

    On JAX the devices of all processes share each batch.
    """
    if on_jax():
        import keras

        return keras.distribution.DataParallel(auto_shard_dataset=False)
    import tensorflow as tf

    output = "GPU" if gpus() else "CPU"
    devices = [f"{output}:{i}" for i in range(len(tf.config.list_logical_devices(output)))]
    return (
        tf.distribute.MirroredStrategy(devices)
        if len(devices) > 1 or output == "GPU"
        else tf.distribute.get_strategy()
    )


def devices_at_once() -> int:
    """Return how many devices a batch is cut up for: on JAX in equal parts, all processes counted."""
    if not on_jax():
        return 1
    import keras

    return len(keras.distribution.list_devices())


def device_name() -> str:
    """Return what the report calls this machine: GPU names, or the processor and its cores."""
    import os

    return ", ".join(_about(gpu)[0] for gpu in gpus()) or f"{_processor()}, {os.cpu_count()} cores"


def _about(gpu: Any) -> tuple[str, tuple[int, ...]]:
    # Name and compute capability.
    if on_jax():
        return gpu.device_kind, tuple(map(int, gpu.compute_capability.split(".")))
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(gpu)
    return details.get("device_name", "GPU"), details.get("compute_capability", (0, 0))


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def fast_in_bfloat16() -> bool:
    """Return whether this machine multiplies bfloat16 in hardware."""
    if gpus():
        return min(_about(gpu)[1] for gpu in gpus()) >= (8, 0)
    if on_jax():  # XLA's code for CPUs is no faster with it
        return False
    flags = _cpuinfo("flags").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def dtype_policies(spec: TrainSpec) -> tuple[str, str]:
    """Return the dtype policies of backbone and head.

    The head's convolutions are dense and gain wherever bfloat16 is fast; a backbone of depthwise
    convolutions loses on CPUs, so that it stays in float32 there.
    """
    low = fast_in_bfloat16() if spec.precision == AUTO else spec.precision == "bfloat16"
    dense = bool(gpus()) or zoo.registry.get(spec.backbone).family in DENSE_FAMILIES
    return (LOW if low and (dense or spec.precision == "bfloat16") else FULL), (LOW if low else FULL)


def resolve(
    spec: TrainSpec,
    data: Dataset,
    output: Output,
    memory_trial: Callable[[TrainSpec], Callable[[int], None]] | None = None,
) -> TrainSpec:
    """Replace every "auto" by what fits this machine and this data.

    Args:
        spec: as asked for.
        data: to train on.
        output: of output.
        memory_trial: makes what tries a batch size on GPUs; see `cityzoo.fit.memory_trial.memory_trial`. None: memory is
            not asked.

    Raises:
        InputError: a plan that makes no sense, or not one image fits.
    """
    size_hw = spec.image_size
    if size_hw == AUTO:
        size_hw = auto_size(data, *LONG_SIDES["GPU" if gpus() else "CPU"])
    spec = replace(spec, image_size=tuple(size_hw))
    if spec.batch_size == AUTO:
        try_batch = memory_trial(spec) if memory_trial and gpus() else None
        devices = max(len(gpus()), devices_at_once())
        spec = replace(spec, batch_size=auto_batch_size(len(data.train), try_batch, devices))
    batch = min(spec.batch_size, len(data.train))
    if batch % devices_at_once():
        raise InputError(
            f"batches of {batch} cannot be shared by {devices_at_once()} devices: "
            f"give --batch-size {max(batch // devices_at_once(), 1) * devices_at_once()}, or more images"
        )
    views = auto_views(spec.backbone, len(data.train)) if spec.views == AUTO else spec.views
    phases = resolve_phases(
        replace(spec, batch_size=batch), max(len(data.train), semi_supervised.count(spec)), output
    )
    policy = tuple(
        augment.get_policy(spec.augment).describe()
    )  # a file may have changed when the run goes on
    return replace(spec, batch_size=batch, views=views, phases=phases, augment=policy)


def auto_views(backbone: str, num_images: int) -> int:
    """Return how many augmented versions of each image run through a frozen backbone.

    Example:
        >>> auto_views("mobilenet", 800)
        4
    """
    if gpus() or _is_light(backbone):
        return VIEWS
    return min(max(HEAVY_VIEWS // num_images, 1), VIEWS)


def _is_light(backbone: str) -> bool:
    return zoo.registry.get(backbone).params_millions <= LIGHT_MILLIONS


def auto_size(data: Dataset, usual: int, largest: int) -> tuple[int, int]:
    """Return an input in the shape of the usual image, so that 16:9 cameras need not pay for grey bars.

    Args:
        data: the images.
        usual: long side in pixels where objects are large enough.
        largest: long side in pixels that small objects may drive it up to.

    Returns:
        height and width, multiples of 32.
    """
    images = data.train.examples
    aspect = median(image.size_hw[1] / image.size_hw[0] for image in images)
    wanted = SMALL_OBJECT / max(_median_share(images), 1e-6)
    long_side = min(max(usual, round(wanted / 32) * 32), largest)
    short = max(32, math.ceil(long_side * min(aspect, 1 / aspect) / 32 - 0.25) * 32)
    return (short, long_side) if aspect >= 1 else (long_side, short)


def _median_share(images: Sequence[ImageExample]) -> float:
    # Of an object's side (of the square of its area) in its image's long side.
    shares = [
        math.sqrt((x2 - x1) * (y2 - y1)) / max(image.size_hw)
        for image in images
        for x1, y1, x2, y2 in image.boxes_xyxy.tolist()
    ]
    return median(shares) if shares else 1.0


def resolve_phases(spec: TrainSpec, num_images: int, output: Output) -> tuple[Phase, ...]:
    """Return the phases of a run: the head alone first, then as much of the backbone as `freeze` leaves free.

    A head that can be computed is, first: it keeps the first steps from distorting the backbone (arXiv 2202.10054).

    Raises:
        InputError: `--phases` beside `--freeze` or `--epochs`, or a stage that no backbone has.
    """
    if spec.phases and isinstance(spec.phases[0], Phase):
        return spec.phases
    if spec.phases and (spec.freeze != AUTO or spec.epochs != AUTO):
        raise InputError("--phases is the whole plan: leave out --freeze and --epochs, or leave out --phases")
    steps = num_images / min(spec.batch_size, num_images)
    freeze = _auto_freeze(spec) if spec.freeze == AUTO else spec.freeze
    wanted = math.ceil((STEPS_ALONE if freeze == "backbone" else STEPS_PER_PHASE) / steps)
    epochs = min(max(wanted, EPOCHS[0]), EPOCHS[1]) if spec.epochs == AUTO else spec.epochs
    first = (SOLVE, 1) if output.closed_form_layer else ("backbone", epochs)
    more = freeze != "backbone" or bool(spec.unlabelled and output.closed_form_layer)
    rest = ((freeze, epochs),) if more and output.trainable else ()
    stages = spec.phases or (first, *rest)
    if not output.trainable and (len(stages) > 1 or stages[0][0] != SOLVE):
        raise InputError("this task's head is computed in one pass, nothing is trained: leave out --phases")
    allowed = (SOLVE, "none", "C2", "C3", "C4", "C5", "backbone")
    strange = [stage for stage, _ in stages if stage not in allowed]
    if strange:
        raise InputError(f"'{strange[0]}' is nothing to freeze up to: give {', '.join(allowed)}")
    later = LATER_ADAPTED if spec.adapt or spec.delta else LATER_PHASES
    rates = [spec.learning_rate * (1.0 if i == 0 else later) for i in range(len(stages))]
    planned = zip(stages, rates, strict=True)  # what is solved takes one pass
    return tuple(Phase(s, 1 if s == SOLVE else count, rate) for (s, count), rate in planned)


def _auto_freeze(spec: TrainSpec) -> str:
    if gpus():
        return "none"
    return "C3" if _is_light(spec.backbone) else "backbone"
