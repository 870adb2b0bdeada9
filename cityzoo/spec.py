"""What a run is made of: dataclasses that are the command line, the defaults, config files and spec.json at once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from cityzoo.cli import flag
from cityzoo.cli.retain import parse_date, parse_losses, parse_retain
from cityzoo.cli.search_range import around, log_range, options
from cityzoo.cli.values import (
    AUTO,
    CLOSED_FORM,
    GROUP_BY,
    parse_auto_count,
    parse_count,
    parse_fold,
    parse_folds,
    parse_group_by,
    parse_momentum,
    parse_names,
    parse_number,
    parse_phases,
    parse_rate,
    parse_seed,
)
from cityzoo.replace_file import replace_file

FORMAT_VERSION = 2  # of spec.json
OPTIMIZERS = ("adamw", "sgd", "lion", "muon", "lookahead:adamw", "lookahead:sgd")
SCHEDULES = ("cosine", "onecycle", "step", "constant")
Auto = Literal["auto"]
Flags = TypeVar("Flags")  # a modality's dataclass of flags
Spec = TypeVar("Spec", bound="TrainSpec")

__all__ = ["AUTO", "CLOSED_FORM", "FitFlags", "Phase", "ResolvedSpec", "RunFlags", "TrainSpec"]


@dataclass(frozen=True)
class Phase:
    """One phase of training: a part of the backbone is frozen, or the head is computed in closed form."""

    # "none", a stage of the backbone (frozen up to and including it), "backbone", or CLOSED_FORM: nothing is
    # trained, the last layer is computed in one pass
    freeze: str
    epochs: int  # passes over the training examples
    learning_rate: float  # peak of the schedule
    schedule_epochs: int = 0  # epochs that the schedule spans; 0: as many as `epochs`


@dataclass(frozen=True)
class RunFlags:
    """What is trained on what, and where the run goes."""

    task: str = flag("vehicle_detect", "task to train: a file of cityzoo/tasks, or the path of your own")
    backbone: str = flag("vgg16", "network to fine-tune; see --list")
    data: str | None = flag(None, "labeled data: {sources} (default: demo data)", metavar="PATH")
    format: str | None = flag(None, "format of --data (default: detected)")
    limit: int | None = flag(None, "use this many {unit} of each split, for a quick look", parse_count, "N")
    strict: bool = flag(False, "stop if anything in --data is not used; default: count it")
    allow_outside: bool = flag(
        False, "read files that --data names or links to outside of its folder, too; default: refuse"
    )
    weights: str = flag(AUTO, "starting weights; {about_weights}", metavar="{weights}")
    seed: int = flag(0, "random seed; the same seed gives the same run", parse_seed, "N")
    repeats: int = flag(
        1, "train K times (seed, seed + 1, ...) and report mean and interval", parse_count, "K", was="draws"
    )
    folds: int = flag(
        0,
        "also train on K - 1 of K parts of the training data, K times, and estimate the metrics for new sources from "
        "the parts left out (grouped cross-validation); takes K trainings more",
        parse_folds,
        "K",
    )
    fold: str | None = flag(
        None, "hold out this part of the training data, e.g. 1/3, and report metrics of it", parse_fold, "I/K"
    )
    group_by: str = flag(
        AUTO,
        f"what --folds and --fold keep together: {', '.join(GROUP_BY)}, or a CSV file of name and group; auto: "
        "clusters of videos or scenes by what the backbone sees",
        parse_group_by,
        "HOW|FILE.csv",
    )
    continue_: str | None = flag(
        None, "run to continue on new --data, in a new run folder; new classes are added", metavar="RUN"
    )
    with_data_of: tuple[str, ...] = flag((), "also learn these runs' data, as new", parse_names, "RUN,...")
    may_lose: tuple[tuple[str, float], ...] = flag(
        (),
        "end with exit code 1 if the continued model is worse than --continue by more than this on the data of "
        'any earlier run, e.g. "AP50:0.02"',
        parse_losses,
        "METRIC:LOSS,...",
    )
    bounds: bool = flag(False, "train without protection and on all data as well, to compare with --continue")
    expires: str | None = flag(None, "last day that later runs replay --data", parse_date, "YYYY-MM-DD")
    policy: str | None = flag(None, "YAML file with rules of use, copied into the run", metavar="FILE")
    track: tuple[str, ...] = flag((), "also log the finished run to mlflow, wandb", parse_names, "NAME,...")
    out: str | None = flag(None, "new run folder (default: runs/TASK-BACKBONE-NUMBER)", metavar="FOLDER")

    @property
    def task_name(self) -> str:
        """Return what runs and models of the task are named after.

        Example:
            >>> RunFlags(task="plans/wet_road.py").task_name
            'wet_road'
        """
        return Path(self.task).stem if self.task.endswith(".py") else self.task


@dataclass(frozen=True)
class FitFlags:
    """How the model is trained."""

    freeze: str = flag(
        AUTO,
        "freeze the backbone up to this stage; {about_freeze}",
        metavar="{stages}",
        search=options(),  # the default's stage and all later ones, which train faster
    )
    epochs: int | Auto = flag(
        AUTO, "epochs per phase (auto: chosen by the size of the data)", parse_auto_count, "N"
    )
    phases: tuple[tuple[str, int], ...] = flag(
        (),
        "the whole plan instead of --freeze and --epochs, e.g. {plan}",
        parse_phases,
        "FREEZE:EPOCHS,...",
    )
    minutes: float | None = flag(
        None,
        "choose what is left to choose so that training ends in about this time, by a measurement of this machine "
        "(default: {default_minutes})",
        parse_number,
        "N",
    )
    batch_size: int | Auto = flag(
        16, "{unit} per step over all devices; auto: as many as fit, up to 128", parse_auto_count, "N"
    )
    learning_rate: float = flag(
        0.002,
        "peak learning rate of phase 1; later phases: {later}",
        parse_rate,
        "RATE",
        search=around(10, needs_gradients=True),
    )
    find_lr: bool = flag(False, "find the learning rate of phase 1 by a range test, plotted in find_lr.png")
    optimizer: str = flag("adamw", "optimizer", choices=OPTIMIZERS)
    schedule: str = flag("cosine", "learning-rate schedule of a phase", choices=SCHEDULES)
    weight_decay: float = flag(
        0.01,
        "decoupled weight decay",
        parse_number,
        "FACTOR",
        search=log_range(1e-4, 0.3, needs_gradients=True),
    )
    clip_norm: float = flag(10.0, "clip the gradient norm; 0 disables clipping", parse_number, "NORM")
    ema: float = flag(
        0.0,
        "keep and evaluate an exponential moving average of the weights, e.g. 0.998; 0: off",
        parse_momentum,
        "M",
        search=options(0.0, 0.99, 0.998, needs_gradients=True),
    )
    teacher: str | None = flag(
        None,
        "run folder of a larger model of the same classes: learn its answers as well (distillation)",
        metavar="RUN",
    )
    teacher_weight: float = flag(
        1.0, "weight of what --teacher answers, next to the labels", parse_number, "FACTOR"
    )
    retain: tuple[tuple[str, float], ...] = flag(
        (("replay", 0.5), ("distil", 1.0)),
        "what --continue does against forgetting: replay:SHARE of the training examples are kept ones of earlier runs, "
        "distil:WEIGHT learns the earlier model's answers, ewc:WEIGHT holds weights that mattered to it; none; joint: "
        "train from the first run's starting weights on all data",
        parse_retain,
        "WAY:WEIGHT,...",
    )
    replay_memory: int | None = flag(
        None, "{unit} of earlier runs to keep (default: 500, or 15 a class if that is more)", parse_count, "N"
    )
    keep_epochs: int | None = flag(None, "keep models of the last N epochs, for soups", parse_count, "N")
    profile: bool = flag(False, "profile a few training steps, for TensorBoard's profiler")
    patience: int = flag(15, "stop a phase after this many epochs without improvement", parse_count, "N")


@dataclass(frozen=True)
class ResolvedFitFlags(FitFlags):
    """How the model is trained, with every "auto" replaced by a value."""

    batch_size: int = 16


@dataclass(frozen=True)
class TrainSpec(Generic[Flags]):
    """Everything that a run depends on, by owner; a task brings defaults, config files and flags override them."""

    run: RunFlags  # what is trained on what
    fit: FitFlags  # how it is trained
    modality: Flags  # settings of the task's modality, such as `cityzoo.modalities.image.ImageFlags`
    # settings of the task's output by name, such as `neck_width`
    output: Mapping[str, Any] = field(default_factory=dict)
    reader: Mapping[str, Any] = field(default_factory=dict)  # settings of the task's reader by name

    def replace(self: Spec, **values: Any) -> Spec:
        """Return the spec with other values, each put into the section that has a field of that name.

        Raises:
            KeyError: no section has such a field.
        """
        sections: dict[str, Any] = {}
        for section in ("run", "fit", "modality"):
            old = getattr(self, section)
            own = {item.name: values.pop(item.name) for item in fields(old) if item.name in values}
            if own:
                sections[section] = dataclasses.replace(old, **own)
        for section in ("output", "reader"):
            own = {name: values.pop(name) for name in list(values) if name in getattr(self, section)}
            if own:
                sections[section] = {**getattr(self, section), **own}
        if values:
            raise KeyError(f"no section of the spec has {sorted(values)}")
        return dataclasses.replace(self, **sections)

    def as_dict(self) -> dict[str, Any]:
        """Return the spec as plain values, section by section."""
        return dataclasses.asdict(self)

    def write(self, path: Path) -> None:
        """Write the spec as JSON, whole or not at all."""
        with replace_file(path) as part:
            part.write_text(json.dumps({"format_version": FORMAT_VERSION, **self.as_dict()}, indent=2) + "\n")


@dataclass(frozen=True)
class ResolvedSpec(TrainSpec[Flags]):
    """A spec in which nothing is left to choose."""

    fit: ResolvedFitFlags
    plan: tuple[Phase, ...] = ()  # the phases
