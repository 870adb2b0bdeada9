"""What a run is made of: one dataclass that is the command line, the defaults and spec.json at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError

AUTO = "auto"


@dataclass(frozen=True)
class Phase:
    """Train for some epochs with a part of the backbone frozen.

    Attributes:
        freeze: "none", a stage ("C2" .. "C5": frozen up to and with it) or "backbone".
        epochs: passes over the training pictures.
        learning_rate: peak of the schedule.
    """

    freeze: str
    epochs: int
    learning_rate: float


def flag(default: Any, help: str, parse: Any = str, metavar: str | None = None, choices: tuple = ()) -> Any:
    """Declare a field of `TrainSpec` together with its command line flag."""
    about = {"help": help, "parse": parse, "metavar": metavar, "choices": choices}
    return field(default=default, metadata=about)


def parse_size(text: str) -> tuple[int, int] | str:
    """Read "320" or "256x320" (height x width) in pixels.

    Example:
        >>> parse_size("256x320"), parse_size("320"), parse_size("auto")
        ((256, 320), (320, 320), 'auto')
    """
    if text == AUTO:
        return AUTO
    sides = text.lower().split("x")
    if len(sides) not in (1, 2) or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise InputError(
            f"image size '{text}' is not understood: give one side or HEIGHTxWIDTH, e.g. 320 or 256x320"
        )
    return int(sides[0]), int(sides[-1])


def parse_names(text: str) -> tuple[str, ...]:
    """Read "car,bus" as names.

    Example:
        >>> parse_names("car, bus")
        ('car', 'bus')
    """
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise InputError(
            f"names '{text}' are not understood: give each once with commas between, e.g. car,bus"
        )
    return names


def parse_mapping(text: str) -> dict[str, str]:
    """Read "van=car,person=ignore" as a mapping.

    Example:
        >>> parse_mapping("van=car,person=ignore")
        {'van': 'car', 'person': 'ignore'}
    """
    pairs = [tuple(part.strip() for part in pair.split("=")) for pair in text.split(",")]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise InputError(
            f"mapping '{text}' is not understood: give OLD=NEW with commas between, e.g. van=car"
        )
    return dict(pairs)


def parse_count(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"'{text}' is not a count: give a whole number of 1 or more")
    return int(text)


def parse_auto_count(text: str) -> int | str:
    """Read a whole number of 1 or more, or "auto"."""
    return AUTO if text == AUTO else parse_count(text)


def parse_rate(text: str) -> float:
    """Read a learning rate above 0 and at most 1."""
    try:
        rate = float(text)
    except ValueError as error:
        raise InputError(f"'{text}' is not a learning rate: give a number such as 0.002") from error
    if not 0 < rate <= 1:
        raise InputError(f"learning rate {text} is out of bounds: give a number above 0 and at most 1")
    return rate


def parse_seed(text: str) -> int:
    """Read a seed: a whole number, 0 or more."""
    if not text.isdecimal() or int(text) >= 2**31:  # TensorFlow's seeds are int32
        raise InputError(f"'{text}' is not a seed: give a whole number, 0 to {2**31 - 1}")
    return int(text)


def parse_phases(text: str) -> tuple[tuple[str, int], ...]:
    """Read "backbone:20,C3:10" as stages to freeze up to and epochs.

    Example:
        >>> parse_phases("backbone:20, C3:10")
        (('backbone', 20), ('C3', 10))
    """
    parts = [part.strip().rpartition(":") for part in text.split(",")]
    if not all(stage and epochs.isdecimal() and int(epochs) > 0 for stage, _, epochs in parts):
        raise InputError(
            f"phases '{text}' are not understood: give FREEZE:EPOCHS with commas between, e.g. backbone:20,C3:10"
        )
    return tuple((stage, int(epochs)) for stage, _, epochs in parts)


@dataclass(frozen=True)
class TrainSpec:
    """Say everything that a training run depends on; a task brings defaults, flags override them."""

    task: str = flag("vehicle_detect", "what to learn: a file of cityzoo/tasks")
    backbone: str = flag("vgg16", "pretrained network to fine-tune; see --list")
    data: str | None = flag(
        None,
        "folder or file of labelled pictures (YOLO, COCO, Pascal VOC, CSV) or tfds:NAME[:split]; none: demo data",
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
        "bad box and picture (drop), stop at the first (fail)",
        choices=("clip", "drop", "fail"),
    )
    exif: str = flag(
        "auto",
        "how boxes of EXIF-rotated pictures were drawn: on the picture as seen or as stored",
        choices=("auto", "upright", "stored"),
    )
    limit: int | None = flag(None, "use this many pictures of each split, for a quick look", parse_count, "N")
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
    epochs: Any = flag(AUTO, "passes over the pictures a phase; auto: 800 steps", parse_auto_count, "N")
    phases: tuple = flag(
        (),
        "the whole plan instead of --freeze and --epochs, e.g. backbone:20,C3:10",
        parse_phases,
        "FREEZE:EPOCHS,...",
    )
    batch_size: int = flag(16, "pictures in a step, over all devices together", parse_count, "N")
    learning_rate: float = flag(0.002, "peak of the first phase; later ones use a tenth", parse_rate, "RATE")
    image_size: Any = flag(
        AUTO,
        "input of the network in pixels; auto: the pictures' own shape, the long side 320 on a CPU and 640 on a GPU, "
        "up to 1.6 times as much where objects are small",
        parse_size,
        "SIDE|HxW",
    )
    augment: str = flag("standard", "augmentation policy in training", choices=("none", "light", "standard"))
    views: Any = flag(
        AUTO,
        "augmented versions of each picture while the backbone is frozen, each runs through it once; auto: 4, "
        "fewer for a heavy backbone on a CPU",
        parse_auto_count,
        "K",
    )
    precision: str = flag(
        AUTO,
        "arithmetic in training; auto: bfloat16 where this machine is faster with it",
        choices=(AUTO, "float32", "bfloat16"),
    )
    patience: int = flag(15, "epochs without a better figure after which a phase ends", parse_count, "N")
    seed: int = flag(0, "the same seed gives the same run", parse_seed, "N")
    out: str | None = flag(None, "new run folder; none: runs/TASK-BACKBONE-NUMBER", metavar="FOLDER")

    def write(self, path: Path) -> None:
        """Write the spec as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


def read_spec(path: Path) -> TrainSpec:
    """Read a spec.json back; flags that it lacks get today's defaults.

    Raises:
        InputError: not there, damaged, or of fields that this version does not know.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     TrainSpec(image_size=(64, 96)).write(Path(folder, "spec.json"))
        ...     read_spec(Path(folder, "spec.json")).image_size
        (64, 96)
    """
    try:
        values = json.loads(path.read_text())
    except OSError as error:
        raise InputError(
            f"'{path.parent}' is no run folder: it holds no {path.name}; give the folder that train.py named"
        ) from error
    except ValueError as error:
        raise InputError(f"'{path}' is damaged ({error}): restore it from a copy, or train again") from error
    known = {item.name for item in fields(TrainSpec)}
    strange = sorted(set(values) - known) if isinstance(values, dict) else [type(values).__name__]
    if strange:
        raise InputError(
            f"'{path}' holds {', '.join(strange)}, which this version of cityzoo does not know: "
            "use the version that wrote it"
        )
    try:
        values["phases"] = [
            Phase(**each) if isinstance(each, dict) else each for each in values.get("phases", ())
        ]
    except TypeError as error:
        raise InputError(f"'{path}' is damaged: its phases are no phases ({error}); train again") from error
    return replace(TrainSpec(), **{name: _as_tuples(value) for name, value in values.items()})


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value
