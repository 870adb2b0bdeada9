"""Flags of tasks on images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augment.policy import POLICIES
from cityzoo.cli import flag
from cityzoo.cli.attack import parse_attack
from cityzoo.cli.search_range import around, linear_range, options
from cityzoo.cli.values import (
    AUTO,
    parse_auto_share,
    parse_mapping,
    parse_policy,
    parse_score,
    parse_share,
    parse_size,
    parse_structure,
    parse_views,
    parse_way,
)
from cityzoo.modalities.labeled_flags import LabeledFlags
from cityzoo.spec import Auto

BAD_BOXES = ("clip", "drop", "fail")


@dataclass(frozen=True)
class ImageFlags(LabeledFlags):
    """How images are read, augmented and fed to a backbone."""

    class_map: Mapping[str, str] | None = flag(
        None, "rename or drop classes of the data: van=car,person=ignore", parse_mapping, "A=B,C=ignore"
    )
    bad_boxes: str = flag(
        "clip",
        "cut boxes that exceed the image by rounding and stop if over 1 %% are bad (clip), leave out bad boxes and "
        "images (drop), or stop at the first (fail)",
        choices=BAD_BOXES,
        was="labels",
    )
    exif: str = flag(
        AUTO,
        "whether boxes of EXIF-rotated images refer to the upright or the stored image",
        choices=(AUTO, "upright", "stored"),
    )
    split_by: str = flag(
        "file",
        "without a val split: split by file, or by whole scenes, found in file names (needed for frames of one "
        "camera); auto: by scene if there are 8 or more",
        choices=("file", "scene", AUTO),
    )
    unlabelled: str | None = flag(
        None,
        "folder of unlabeled images to train on as well (FixMatch; boxes: pseudo-labels; or answers of --teacher); the "
        "report compares with training without",
        metavar="FOLDER",
    )
    structure: str = flag(
        "",
        "change the backbone first: truncate:STAGE, attention:se|cbam:STAGE, activation:TO, dropout:RATE:STAGE, "
        "depth:RATE, separated by commas",
        parse_structure,
        "CHANGES",
    )
    adapt: str | None = flag(
        None,
        "train few new parameters instead of the backbone's own: lora:RANK, adalora:RANK, adapter:WIDTH, bias, norm, "
        "ssf; leaves a small delta file next to the model",
        parse_way,
        "METHOD",
    )
    delta: str | None = flag(
        None, "start from the delta file of an earlier --adapt run on the same base weights", metavar="FILE"
    )
    adversarial: str | None = flag(
        None,
        "classifiers: train on images that are changed to raise the loss, by at most eps of 255 gray levels: fgsm, "
        "pgd or trades, e.g. pgd:eps=4,steps=7; the best epoch is the best one under attack; also trains without, "
        "to compare",
        parse_attack,
        "KIND[:eps=..,steps=..]",
    )
    batchnorm: str = flag(
        "frozen",
        "BatchNorm statistics of unfrozen layers: frozen (best for small data) or updated (learn)",
        choices=("frozen", "learn"),
    )
    layer_decay: float | Auto = flag(
        AUTO,
        "factor of the learning rate from each stage to the one before it, 0 to 1; auto: 0.7 where the backbone trains "
        "from the start for fewer than 20 epochs by --epochs or --minutes, else 1",
        parse_auto_share,
        "FACTOR",
        search=linear_range(0.5, 1.0, needs_gradients=True),
    )
    backbone_rate: float = flag(
        1.0,
        "factor of the learning rate of the backbone's layers, that of the head being 1",
        parse_share,
        "FACTOR",
    )
    image_size: tuple[int, int] | Auto = flag(
        AUTO,
        "network input in pixels; auto: the images' aspect ratio, trained at a long side of 320 (GPU: 640), "
        "up to twice that for small objects (GPU: 1.6)",
        parse_size,
        "SIDE|HxW",
        separator="x",
        search=around(1.25),
    )
    repeat_rare: float = flag(
        0.0,
        "show images of a class more often that is on fewer than this share of all images, 0 to 1, e.g. 0.3; 0: off",
        parse_score,
        "SHARE",
    )
    train_scale: float = flag(
        1.0,
        "train at this share of --image-size, in multiples of 32; the saved model takes the whole size. Random crops "
        "enlarge objects, so a model is best at a somewhat larger input than it was trained at",
        parse_share,
        "SHARE",
    )
    augment: str | Sequence[Mapping[str, Any]] = flag(
        "standard",
        f"augmentation policy: {', '.join(POLICIES)}, or a YAML/JSON file; see it with --preview",
        parse_policy,
        "POLICY|FILE",
        search=options("none", "light", "standard"),
    )
    views: int | Auto = flag(
        AUTO,
        "augmented versions of each image that pass through a frozen backbone; 0: new ones in every epoch, not cached; "
        "auto: 4, fewer for a heavy backbone on a CPU, 0 where the backbone trains from the start",
        parse_views,
        "K",
    )
    keep_decoded: str = flag(
        "off",
        "keep decoded images if decoding is slow: off, memory, or a folder",
        metavar="off|memory|FOLDER",
    )
    precision: str = flag(
        AUTO,
        "floating-point precision of training; auto: bfloat16 where this machine is faster with it",
        choices=(AUTO, "float32", "bfloat16"),
    )


@dataclass(frozen=True)
class ResolvedImageFlags(ImageFlags):
    """The same with every "auto" replaced by a value."""

    image_size: tuple[int, int] = (320, 320)
    views: int = 1
    layer_decay: float = 1.0
