"""What to pretrain on what, checked before anything heavy is loaded."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zoo.pretrained
import zoo.registry
from cityzoo.data.series.reader import SeriesReader
from cityzoo.errors import InputError, unknown
from cityzoo.pretrain.frames import ClassReader, FramesReader
from cityzoo.pretrain.hidden_tokens import MaskedText
from cityzoo.pretrain.images import IMAGES
from cityzoo.pretrain.objectives import METHODS
from cityzoo.pretrain.probe import PROBE_TASKS, Probe
from cityzoo.pretrain.series import SERIES, MaskedSeries
from cityzoo.pretrain.texts import TEXTS, UnlabelledReader
from cityzoo.replace_file import replace_file
from cityzoo.tasks import Task
from zoo.series.build import BACKBONES
from zoo.text import registry as text_registry

FILE, SUFFIX = "pretraining.json", ".weights.h5"
LEAST_PAIRS = 8  # in a batch: each view has to be told from 14 others
PROGRAM = "python -m cityzoo pretrain"
DEFAULTS = {
    "backbone": "mobilenet_050",
    "weights": "random",
    "batch_size": 32,
    "image_size": (160, 160),
    "batchnorm": "learn",
    "freeze": "none",
    "views": 0,
    "split_by": "auto",
    "patience": 1_000_000,
}
SERIES_DEFAULTS = {  # as traffic_flow has them
    "backbone": "stid",
    "weights": "random",
    "batch_size": 32,
    "learning_rate": 0.004,
    "weight_decay": 0.001,
    "clip_norm": 1.0,
    "freeze": "none",
    "patience": 1_000_000,
}
TEXT_DEFAULTS = {
    "backbone": "minilm",
    "weights": "auto",
    "batch_size": 32,
    "learning_rate": 0.0001,
    "patience": 1_000_000,
}


@dataclass(frozen=True)
class PretrainingRequest:
    """What to pretrain on what.

    Attributes:
        method: a key of `METHODS`.
        values: flags of training by the names of their fields; those left out have their defaults.
        out: weights file; None: in the run folder.
        probe: labeled data that the backbone is compared with others on; None: it is not.
        probe_task: task of that data; None: vehicle_classify, or text_intent for texts.
        probe_limit: examples of each of its splits, at most.
        against: weights file to compare with; None: ImageNet's if they are in Keras' cache, or the published ones of an
            encoder.
    """

    method: str
    values: dict[str, Any]
    out: str | None = None
    probe: str | None = None
    probe_task: str | None = None
    probe_limit: int | None = None
    against: str | None = None

    def check(self) -> None:
        """Raise InputError for what is known to be wrong before any work."""
        spec = self.spec
        self.task.modality.check(spec, self.task)
        if self.is_series:
            self._check_series()
            return
        if zoo.registry.JOIN in spec.run.backbone:
            raise InputError(f"--backbone '{spec.run.backbone}': pretrain one backbone at a time")
        if self.out and (not self.out.endswith(SUFFIX) or Path(self.out).exists()):
            raise InputError(f"--out '{self.out}': give a new file that ends with {SUFFIX}")
        if self.against and not Path(self.against).is_file():
            raise InputError(f"--against '{self.against}' does not exist: give a weights file")
        size = spec.fit.batch_size
        if size != "auto" and self.is_image:
            require_pairs(self.method, int(size))
        if self.probe:
            self.make_probe(spec).check()

    def _check_series(self) -> None:
        given = {"--out": self.out, "--probe": self.probe, "--against": self.against}
        for name, value in given.items():
            if value:
                raise InputError(
                    f"{name} does not apply to series: remove it, and compare train.py --weights RUN with a run without"
                )

    @property
    def is_series(self) -> bool:
        """Return whether series are pretrained on."""
        return self.task.modality is SERIES

    @property
    def is_text(self) -> bool:
        """Return whether texts are pretrained on."""
        return self.task.modality is TEXTS

    @property
    def task_flag(self) -> str:
        """Return what tells train.py which task starts from the weights; "": its default."""
        return "--task text_intent " if self.is_text else "--task traffic_flow " if self.is_series else ""

    @property
    def published_weights(self) -> str | None:
        """Return what the weights are compared with: those of an encoder, or ImageNet's, if they are there."""
        if self.is_text:
            return "auto"
        return "imagenet" if zoo.pretrained.cached(self.spec.run.backbone) else None

    @property
    def is_image(self) -> bool:
        """Return whether images are pretrained on."""
        return self.task.modality is IMAGES

    @property
    def task(self) -> Task:
        """Return the task as `cityzoo.fit` takes it; it has no demo data and is none of train.py's."""
        return make_task(self.method, self.values.get("backbone", ""))

    @property
    def spec(self) -> Any:
        """Return the spec of the training, in which "auto" is not resolved."""
        return self.task.make_spec({**self.values, "task": f"pretrain_{self.method}"})

    def make_probe(self, spec: Any) -> Probe:
        """Return the probe of a training."""
        kind = "text" if self.is_text else "image"
        task = self.probe_task or PROBE_TASKS[kind]
        return Probe(str(self.probe), task, spec.run.backbone, spec.run.seed, self.probe_limit, kind)

    def write(self, folder: Path) -> None:
        """Write it into a run folder."""
        with replace_file(folder / FILE) as part:
            part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: str) -> PretrainingRequest:
        """Return the request of a run folder.

        Raises:
            InputError: the folder is of no pretraining, or it is finished.
        """
        path = Path(folder) / FILE
        try:
            found = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"--resume '{folder}' is not a run of {PROGRAM}: {error}") from error
        if (Path(folder) / "report.json").is_file():
            raise InputError(f"--resume '{folder}': that run is finished, see its report.html")
        return found


def make_task(method: str, backbone: str = "") -> Task:
    """Return what is pretrained by a method.

    Args:
        method: a key of `METHODS`.
        backbone: of images, of series or of texts.

    Raises:
        InputError: an unknown method, or one that is not for series or texts.

    Example:
        >>> make_task("mae").output.__name__, make_task("mae", "stid").output.__name__
        ('MaskedImage', 'MaskedSeries')
        >>> make_task("mae", "minilm").output.__name__
        'MaskedText'
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    is_text = backbone in text_registry.names() or Path(backbone or "-").is_dir()
    if (is_text or backbone in BACKBONES) and method != "mae":
        raise InputError(f"--method {method} is for images: give --method mae for backbone '{backbone}'")
    if is_text:
        return Task("pretraining on texts", TEXTS, MaskedText, UnlabelledReader, None, "", TEXT_DEFAULTS)
    if backbone in BACKBONES:
        return Task("pretraining on series", SERIES, MaskedSeries, SeriesReader, None, "", SERIES_DEFAULTS)
    output = METHODS[method]
    reader = ClassReader if method == "supcon" else FramesReader
    defaults = {**DEFAULTS, "augment": output.policy}
    if output.views == 1:
        defaults["neighbours"] = 0
    return Task(f"pretraining by {method}", IMAGES, output, reader, None, "", defaults)


def require_pairs(method: str, count: int) -> None:
    """Raise InputError if a batch holds too few pairs to tell views from each other."""
    if method in ("simclr", "supcon") and count < LEAST_PAIRS:
        raise InputError(
            f"--method {method} tells a view from those of other images in its batch, and batches of {count} have too "
            f"few: give more images or a --batch-size of {LEAST_PAIRS} or more, or --method byol or mae"
        )
