"""Values of `auto` for images: input size, views, precision and how deep to freeze."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import augment
import zoo.registry
from cityzoo import backend
from cityzoo.data.image import Dataset
from cityzoo.errors import InputError, unknown
from cityzoo.modalities.image.flags import ImageFlags, ResolvedImageFlags
from cityzoo.model import FULL, LOW
from cityzoo.sample import ImageExample
from cityzoo.spec import AUTO, Auto, TrainSpec

LONG_SIDES = {"CPU": (320, 640), "GPU": (640, 1024)}  # pixels in training: usual, and for small objects
SMALL_OBJECT = 20  # pixels: target size of a median object in the network's input
LIGHT_MILLIONS = 5.0  # backbones of at most so many parameters are unfrozen on CPUs too
SHORT_EPOCHS = 20  # fewer of the whole network are a short training: benchmarks/results/detector.md
LAYER_DECAY = 0.7  # from stage to stage, of a short training
NEW_VIEWS = 0  # views of each image that are never shown twice
VIEWS = 4  # augmented versions of each image that pass through a frozen backbone
HEAVY_VIEWS = 1200  # in all, for a heavy backbone on a CPU: minutes of waiting before the first epoch
UNMIXED_EPOCHS = 7  # at the end, at least: mixes cost AP in short trainings (there as well)
DENSE_FAMILIES = ("vgg", "resnet")  # plain convolutions: twice as fast in bfloat16; depthwise ones are slower


def resolve_flags(spec: TrainSpec[ImageFlags], data: Dataset) -> ResolvedImageFlags:
    """Return the flags with every "auto" replaced by what fits this machine and this data.

    Raises:
        InputError: an augmentation policy of a config file or of a file that is not one.
    """
    flags, size_hw = spec.modality, spec.modality.image_size
    end_to_end = is_trained_end_to_end(spec)
    scale = flags.train_scale if end_to_end else 1.0
    if size_hw == AUTO:
        height, width = auto_size(data, *LONG_SIDES["GPU" if backend.gpus() else "CPU"])
        size_hw = round(height / scale / 32) * 32, round(width / scale / 32) * 32
    views = flags.views
    if views == AUTO:
        views = NEW_VIEWS if end_to_end else auto_views(spec.run.backbone, len(data.train))
    try:
        policy = tuple(
            augment.get_policy(flags.augment).describe()
        )  # a file may change before the run is resumed
    except ValueError as error:
        raise InputError(f"--augment: {error}") from error
    chosen = {"image_size": tuple(size_hw), "views": views, "augment": policy, "train_scale": scale}
    chosen |= {"layer_decay": layer_decay(spec, spec.fit.epochs)}
    return ResolvedImageFlags(**{**vars(flags), **chosen})


def layer_decay(spec: TrainSpec[ImageFlags], epochs: int | Auto) -> float:
    """Return the factor of the learning rate from each stage to the one before it, of a training of so many epochs."""
    factor = spec.modality.layer_decay
    if not isinstance(factor, str):
        return factor
    is_short = not isinstance(epochs, str) and epochs < SHORT_EPOCHS
    return LAYER_DECAY if is_short and is_trained_end_to_end(spec) else 1.0


def auto_views(backbone: str, num_images: int) -> int:
    """Return the number of augmented versions of each image that pass through a frozen backbone.

    Example:
        >>> auto_views("mobilenet", 800)
        4
    """
    if backend.gpus() or is_light(backbone):
        return VIEWS
    return min(max(HEAVY_VIEWS // num_images, 1), VIEWS)


def first_unmixed_epoch(epochs: int, mix_until: float) -> int:
    """Return from which epoch on images are no longer mixed: after a share of the training, and in its last epochs.

    Example:
        >>> [first_unmixed_epoch(epochs, 0.75) for epochs in (90, 30, 10, 5)]
        [68, 23, 3, 0]
    """
    return max(0, min(math.ceil(epochs * mix_until), epochs - UNMIXED_EPOCHS))


def training_size(flags: ResolvedImageFlags) -> tuple[int, int]:
    """Return the height and width that a resolved run trains at, multiples of 32; the saved model takes `image_size`.

    Touvron et al. 2019, "Fixing the train-test resolution discrepancy" (arXiv 1906.06423).

    Example:
        >>> training_size(ResolvedImageFlags(image_size=(288, 384), train_scale=0.83))
        (224, 320)
    """
    height, width = (max(32, round(side * flags.train_scale / 32) * 32) for side in flags.image_size)
    return height, width


def is_trained_end_to_end(spec: TrainSpec[ImageFlags]) -> bool:
    """Return whether, by default, the backbone trains from the first step, at a lower rate than the head."""
    is_planned = spec.fit.freeze != AUTO or spec.fit.phases
    is_possible = backend.gpus() or is_light(spec.run.backbone)
    return bool(backbone_rate(spec) < 1 and is_possible and not is_planned)


def backbone_rate(spec: TrainSpec[ImageFlags]) -> float:
    """Return the factor of the learning rate of the backbone; the few new parameters of --adapt are not slowed."""
    return 1.0 if spec.modality.adapt or spec.modality.delta else spec.modality.backbone_rate


def check_size(backbone: str, size_hw: tuple[int, int] | Auto) -> None:
    """Check --image-size.

    Raises:
        InputError: a side is not a multiple of 32.
    """
    if not isinstance(size_hw, str) and any(side % 32 for side in size_hw):
        near = "x".join(str(max(32, round(side / 32) * 32)) for side in size_hw)
        raise InputError(
            f"--image-size {'x'.join(map(str, size_hw))} does not fit {backbone}: "
            f"sides must be multiples of 32, e.g. {near}"
        )


def check_backbone(name: str) -> None:
    """Raise InputError for an unknown backbone, or one without a feature pyramid; several are joined by "+"."""
    try:
        parts = zoo.registry.split_name(name)
    except ValueError as error:
        raise InputError(f"--backbone: {error}") from error
    for part in parts:
        if part not in zoo.registry.BACKBONES:
            raise unknown("backbone", part, zoo.registry.BACKBONES)
        if not zoo.registry.get(part).has_levels:
            usable = ", ".join(name for name in zoo.registry.names() if zoo.registry.get(name).has_levels)
            raise InputError(
                f"backbone '{part}' has no feature pyramid (classification only); use one of: {usable}"
            )


def check_weights(backbone: str, weights: str) -> None:
    """Raise InputError for starting weights that are not there."""
    from zoo.joint_backbone import split_weights

    if Path(weights).is_file():  # of a whole model
        return
    try:
        parts = split_weights(backbone, weights)
    except ValueError as error:
        raise InputError(f"--weights: {error}") from error
    for part in parts:
        if part not in (AUTO, "imagenet", "random") and not Path(part).is_file():
            raise InputError(f"--weights '{part}' is neither a file nor one of auto, imagenet, random")


def is_light(backbone: str) -> bool:
    """Return whether a backbone is small enough to be fine-tuned on a CPU."""
    return zoo.registry.get(backbone).params_millions <= LIGHT_MILLIONS


def auto_size(data: Dataset, usual: int, largest: int) -> tuple[int, int]:
    """Return an input size with the aspect ratio of the median image, so that 16:9 cameras need no padding.

    Args:
        data: the images.
        usual: long side in pixels if objects are large enough.
        largest: long side in pixels that small objects may require at most.

    Returns:
        Height and width, multiples of 32.
    """
    images = data.train.examples
    aspect = median(image.size_hw[1] / image.size_hw[0] for image in images)
    wanted = SMALL_OBJECT / max(_median_share(images), 1e-6)
    long_side = min(max(usual, round(wanted / 32) * 32), largest)
    short = max(32, math.ceil(long_side * min(aspect, 1 / aspect) / 32 - 0.25) * 32)
    return (short, long_side) if aspect >= 1 else (long_side, short)


def _median_share(images: Sequence[ImageExample]) -> float:
    # Of an object's side (the square root of its area) in its image's long side.
    shares = [
        math.sqrt((x2 - x1) * (y2 - y1)) / max(image.size_hw)
        for image in images
        for x1, y1, x2, y2 in image.boxes_xyxy.tolist()
    ]
    return median(shares) if shares else 1.0


def dtype_policies(spec: TrainSpec[Any]) -> tuple[str, str]:
    """Return the dtype policies of backbone and head.

    The head's convolutions are dense and gain wherever bfloat16 is fast; a backbone of depthwise convolutions loses on
    CPUs, so it stays in float32 there.
    """
    asked = spec.modality.precision
    low = backend.is_fast_in_bfloat16() if asked == AUTO else asked == "bfloat16"
    dense = bool(backend.gpus()) or zoo.registry.get(spec.run.backbone).family in DENSE_FAMILIES
    return (LOW if low and (dense or asked == "bfloat16") else FULL), (LOW if low else FULL)


def default_freeze(spec: TrainSpec[ImageFlags]) -> str:
    """Return what `--freeze auto` means."""
    if backend.gpus():
        return "none"
    if not is_light(spec.run.backbone):
        return "backbone"
    return "C2" if is_trained_end_to_end(spec) else "C3"
