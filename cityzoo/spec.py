"""What a run is made of: one dataclass that is the command line, the defaults and spec.json at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from augment.policy import POLICIES
from cityzoo.cli import flag
from cityzoo.cli.values import (
    AUTO,
    parse_auto_count,
    parse_count,
    parse_mapping,
    parse_momentum,
    parse_names,
    parse_number,
    parse_phases,
    parse_policy,
    parse_rate,
    parse_seed,
    parse_share,
    parse_size,
    parse_structure,
    parse_way,
)

OPTIMIZERS = ("adamw", "sgd", "lion", "muon", "lookahead:adamw", "lookahead:sgd")
SOLVE = "solve"
SCHEDULES = ("cosine", "onecycle", "step", "constant")


@dataclass(frozen=True)
class Phase:
    """Train for some epochs with a part of the backbone frozen, or compute the head in one pass.

    Attributes:
        freeze: "none", a stage ("C2" .. "C5": frozen up to and with it), "backbone", or SOLVE: nothing is trained, the
            last layer is computed from what the rest says.
        epochs: passes over the training images.
        learning_rate: peak of the schedule.
    """

    freeze: str
    epochs: int
    learning_rate: float


@dataclass(frozen=True)
class TrainSpec:
    """Say everything that a training run depends on; a task brings defaults, flags override them."""

    task: str = flag("vehicle_detect", "what to learn: a file of cityzoo/tasks")
    backbone: str = flag("vgg16", "pretrained network to fine-tune; see --list")
    data: str | None = flag(
        None,
        "folder or file of labelled images (YOLO, COCO, Pascal VOC, CSV, a folder a class) or tfds:NAME[:split]; of "
        "series for tasks of sensors; none: demo data",
        metavar="PATH",
    )
    val: str | None = flag(
        None, "held-out data; none: what --data calls val, else a fifth of it, by file hash", metavar="PATH"
    )
    format: str | None = flag(None, "format of --data; none: found from what lies there")
    classes: tuple = flag(
        (), "classes to learn, in this order; none: all of the data's", parse_names, "A,B,C"
    )
    class_map: Mapping[str, str] = flag(
        None, "rename classes of the data, or drop them: van=car,person=ignore", parse_mapping, "A=B,C=ignore"
    )
    labels: str = flag(
        "clip",
        "bad boxes: cut those over the edge by rounding and stop if over 1 %% are bad (clip), leave out every "
        "bad box and image (drop), stop at the first (fail)",
        choices=("clip", "drop", "fail"),
    )
    exif: str = flag(
        "auto",
        "how boxes of EXIF-rotated images were drawn: on the image as seen or as stored",
        choices=("auto", "upright", "stored"),
    )
    split_by: str = flag(
        "file",
        "where the data brings no val: divide file by file, or whole scenes, as file names tell them (what frames of "
        "one camera need); auto: scenes if file names tell 8 or more",
        choices=("file", "scene", "auto"),
    )
    shots: int | None = flag(
        None,
        "train on this many images a class, drawn by --seed: what do few labels give?",
        parse_count,
        "N",
    )
    draws: int = flag(
        1,
        "train this many times on other draws (seed, seed + 1, ...); the report has mean and interval",
        parse_count,
        "K",
    )
    unlabelled: str | None = flag(
        None,
        "folder of images without labels to learn from as well (FixMatch); the report compares with training without",
        metavar="FOLDER",
    )
    limit: int | None = flag(None, "use this many images of each split, for a quick look", parse_count, "N")
    weights: str = flag(
        AUTO,
        "auto: ImageNet, or random with a warning where it cannot be had; imagenet; random; or a file: backbone "
        "weights, or a run's model.keras to start from",
        metavar="auto|imagenet|random|PATH",
    )
    freeze: str = flag(
        AUTO,
        "how deep the backbone stays frozen in the second phase: none, C2..C5 or backbone (then there is one phase)",
        metavar="none|C2..C5|backbone",
    )
    epochs: Any = flag(AUTO, "passes over the images a phase; auto: 800 steps", parse_auto_count, "N")
    phases: tuple = flag(
        (),
        "the whole plan instead of --freeze and --epochs, e.g. backbone:20,C3:10; solve,C3:10 computes the head first",
        parse_phases,
        "FREEZE:EPOCHS,...",
    )
    structure: str = flag(
        "",
        "change the backbone first: truncate:STAGE, attention:se|cbam:STAGE, activation:TO, dropout:RATE:STAGE, "
        "depth:RATE, with commas between",
        parse_structure,
        "CHANGES",
    )
    adapt: str | None = flag(
        None,
        "learn few new parameters in the place of the backbone's own: lora:RANK, adalora:RANK, adapter:WIDTH, bias, "
        "norm, ssf; leaves a small delta file beside the model",
        parse_way,
        "WAY",
    )
    delta: str | None = flag(
        None, "start from the delta file of an earlier --adapt run, on the same base weights", metavar="FILE"
    )
    batchnorm: str = flag(
        "frozen",
        "statistics of the backbone's BatchNorms in what learns: keep them (best with few images) or let them move",
        choices=("frozen", "learn"),
    )
    batch_size: Any = flag(
        16,
        "images in a step, over all devices together; auto: the largest of up to 128 that a GPU's memory holds and "
        "that leaves 16 steps an epoch, on CPUs up to 16",
        parse_auto_count,
        "N",
    )
    learning_rate: float = flag(
        0.002, "peak of the first phase; later: a tenth, with --adapt half", parse_rate, "RATE"
    )
    find_lr: str = flag(
        "no",
        "measure the learning rate of the first phase by a range test of 100 steps, drawn to find_lr.png",
        choices=("no", "yes"),
    )
    layer_decay: float = flag(
        1.0, "each stage further from the head learns this much slower, 0 to 1", parse_share, "FACTOR"
    )
    optimizer: str = flag("adamw", "how weights move", choices=OPTIMIZERS)
    schedule: str = flag("cosine", "how the learning rate goes over a phase", choices=SCHEDULES)
    weight_decay: float = flag(0.01, "pull towards zero; biases and norms are spared", parse_number, "FACTOR")
    clip_norm: float = flag(10.0, "longest gradient; 0: any", parse_number, "NORM")
    ema: float = flag(
        0.0, "judge and keep a moving average of the weights, e.g. 0.998; 0: none", parse_momentum, "MOMENTUM"
    )
    image_size: Any = flag(
        AUTO,
        "input of the network in pixels; auto: the images' own shape, the long side 320 on a CPU and 640 on a GPU, "
        "up to 1.6 times as much where objects are small",
        parse_size,
        "SIDE|HxW",
    )
    augment: Any = flag(
        "standard",
        f"what happens to images in training: {', '.join(POLICIES)}, or a file that says so; look by --preview",
        parse_policy,
        "POLICY|FILE",
    )
    views: Any = flag(
        AUTO,
        "augmented versions of each image while the backbone is frozen, each runs through it once; auto: 4, "
        "fewer for a heavy backbone on a CPU",
        parse_auto_count,
        "K",
    )
    cache: str = flag(
        AUTO,
        "where the answers of a frozen backbone are kept: auto (up to 12 GB in cityzoo's cache), off, or a folder",
        metavar="auto|off|FOLDER",
    )
    keep_decoded: str = flag(
        "off",
        "keep decoded images, where decoding is what takes long: off, memory, or a folder",
        metavar="off|memory|FOLDER",
    )
    precision: str = flag(
        AUTO,
        "arithmetic in training; auto: bfloat16 where this machine is faster with it",
        choices=(AUTO, "float32", "bfloat16"),
    )
    patience: int = flag(15, "epochs without a better figure after which a phase ends", parse_count, "N")
    seed: int = flag(0, "the same seed gives the same run", parse_seed, "N")
    out: str | None = flag(None, "new run folder; none: runs/TASK-BACKBONE-NUMBER", metavar="FOLDER")
    options: Mapping[str, Any] = field(default_factory=dict)  # the task's own flags, by name

    def write(self, path: Path) -> None:
        """Write the spec as JSON, whole or not at all."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=2) + "\n")
        os.replace(part, path)
