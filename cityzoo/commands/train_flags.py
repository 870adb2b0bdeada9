"""The flags of train.py: a task's defaults under what the user says, checked before anything heavy starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import zoo.registry
from cityzoo import cli, tasks
from cityzoo.errors import InputError, unknown
from cityzoo.fit import distributed
from cityzoo.spec import AUTO, SOLVE, TrainSpec

STAGES = (AUTO, SOLVE, "none", "C2", "C3", "C4", "C5", "backbone")
EXAMPLES = """examples:
  python train.py --backbone vgg16 --task vehicle_detect            learn from demo images, nothing needed
  python train.py --backbone mobilenet_075 --data my_camera/        your own images (YOLO, COCO, VOC or CSV)
  python train.py --data my_camera/ --weights runs/first/model.keras    go on from an earlier detector
  python train.py --resume runs/vehicle_detect-vgg16-1              go on where a run was stopped
  tensorboard --logdir runs                                         watch it
"""


def training_parser(task_name: str) -> cli.Parser:
    """Return the parser of train.py with the defaults of one task."""
    task = tasks.find(task_name)
    parser = cli.Parser(
        prog="train.py",
        description=f"Fine-tune a pretrained backbone. Task {tasks.short_name(task_name)}: {task.summary}.",
        epilog=EXAMPLES,
        formatter_class=cli.HelpFormatter,
        allow_abbrev=False,
    )
    defaults = {**task.defaults, "task": task_name}
    if task.flags:
        cli.add_flags(
            parser.add_argument_group(f"flags of {tasks.short_name(task_name)}"), task.flags, defaults
        )
    cli.add_flags(parser, task.shared_flags, defaults)
    parser.add_argument("--resume", metavar="RUN", help="go on with a run folder that was stopped")
    parser.add_argument(
        "--preview", metavar="PNG", help="draw augmented training images with their boxes, and leave"
    )
    parser.add_argument("--list", action="store_true", help="print the backbones and the tasks, and leave")
    return parser


class TrainCommand(NamedTuple):
    """Hold what the command line of train.py asks for.

    Attributes:
        spec: of the run.
        resume: the run folder to go on with.
        preview: image file to draw augmented images into, instead of training.
    """

    spec: TrainSpec
    resume: str | None = None
    preview: str | None = None


def parse_training(arguments: Sequence[str]) -> TrainCommand | None:
    """Read the command line of train.py; there is nothing more to do where `--list` has been answered.

    Raises:
        InputError: a value that cannot be used, said before TensorFlow is loaded.
    """
    first = cli.Parser(prog="train.py", add_help=False, allow_abbrev=False)
    first.add_argument("--task")
    first.add_argument("--resume")
    known = first.parse_known_args(arguments)[0]
    task_name = known.task or (_task_of(known.resume) if known.resume else TrainSpec.task)
    task_name = str(Path(task_name).resolve()) if task_name.endswith(".py") else task_name
    given = vars(training_parser(task_name).parse_args(arguments))
    resume, listing, preview = (given.pop(name) for name in ("resume", "list", "preview"))
    if listing:
        print_list()
        return None
    if resume:
        return TrainCommand(_resumed(resume, arguments, given), resume, preview)
    words = {word.partition("=")[0] for word in arguments}
    if "--phases" in words:  # the user's whole plan stands against what the task has by default
        given |= {name: AUTO for name in ("freeze", "epochs") if f"--{name}" not in words}
    given["task"] = task_name  # a file's whole path: evaluate.py may be called from elsewhere
    options = {item.name: given.pop(item.name) for item in tasks.find(task_name).flags}
    spec = TrainSpec(**given, options=options)
    course = tasks.find(task_name).course
    if course and preview:
        raise InputError(
            f"--preview draws images, which {tasks.short_name(task_name)} has none of: leave it out"
        )
    (tasks.find(task_name).check or check)(spec)
    require_new_run_folder(spec)
    return TrainCommand(spec, None, preview)


def check(spec: TrainSpec) -> None:
    """Refuse what can be known to be wrong before any work.

    Raises:
        InputError: unknown backbone or size, weights or run folder that cannot be.
    """
    if spec.backbone not in zoo.registry.BACKBONES:
        raise unknown("backbone", spec.backbone, zoo.registry.BACKBONES)
    if not zoo.registry.get(spec.backbone).has_levels:
        usable = ", ".join(name for name in zoo.registry.names() if zoo.registry.get(name).has_levels)
        raise InputError(
            f"backbone '{spec.backbone}' classifies only, it has no levels for a head; use one of: {usable}"
        )
    if spec.image_size != AUTO and any(side % 32 for side in spec.image_size):
        near = "x".join(str(max(32, round(side / 32) * 32)) for side in spec.image_size)
        raise InputError(
            f"--image-size {'x'.join(map(str, spec.image_size))} does not fit {spec.backbone}: "
            f"sides must be multiples of 32, e.g. {near}"
        )
    strange = [stage for stage in (spec.freeze, *(stage for stage, _ in spec.phases)) if stage not in STAGES]
    if strange:
        raise unknown("stage to freeze up to", strange[0], STAGES)
    if spec.delta and spec.adapt:
        raise InputError("--delta says how the backbone is adapted: leave out --adapt")
    if spec.delta and not Path(spec.delta).is_file():
        raise InputError(f"--delta '{spec.delta}' does not exist: give the delta.npz of an --adapt run")
    if spec.weights not in (AUTO, "imagenet", "random") and not Path(spec.weights).is_file():
        raise InputError(f"--weights '{spec.weights}' is neither a file nor one of auto, imagenet, random")


def require_new_run_folder(spec: TrainSpec) -> None:
    """Raise InputError where the run's folder exists."""
    if spec.out and distributed.is_chief() and Path(spec.out).exists():
        raise InputError(
            f"--out '{spec.out}' exists: give a new name, remove it, or go on with it by --resume {spec.out}"
        )


def _task_of(run: str) -> str:
    from cityzoo.fit.run_folder import open_run

    return open_run(run)[1].task


def _resumed(resume: str, arguments: Sequence[str], given: dict[str, Any]) -> TrainSpec:
    from cityzoo.fit.run_folder import extend_epochs, finished_epochs, open_run

    run, spec = open_run(resume)
    own = tasks.find(spec.task).flags
    names = {"--" + item.name.replace("_", "-"): item.name for item in (*fields(TrainSpec), *own)}
    flags = [word.partition("=")[0] for word in arguments]
    changed = {names[word]: given.get(names[word]) for word in flags if word in names}
    strange = sorted(set(changed) - {"patience", "epochs", "cache", "keep_decoded"})
    if strange:
        raise InputError(
            f"--resume goes on with the run's own settings, it cannot take --{strange[0].replace('_', '-')}: "
            "leave it out, or start a new run"
        )
    epochs = changed.pop("epochs", AUTO)
    phases = spec.phases if epochs == AUTO else extend_epochs(spec.phases, epochs, finished_epochs(run))
    return replace(spec, phases=phases, **changed)


def print_list() -> None:
    """Print every backbone and every task."""
    import zoo.listing

    write = sys.stdout.write
    write(f"{'backbone':<24}{'parameters':>12}{'input':>8}  {'levels':<20}ImageNet weights\n")
    for row in zoo.listing.rows():
        levels = "P3 P4 P5" if row.levels else "classification only"
        cached = "cached" if row.cached else "downloaded when used"
        write(f"{row.name:<24}{row.params_millions:>10.2f} M{row.default_size:>8}  {levels:<20}{cached}\n")
    import zoo.series.listing

    write("\nbackbones of series (traffic_flow, air_quality)\n")
    for name, line in zoo.series.listing.rows().items():
        write(f"  {name:<22}{line}\n")
    write("\ntasks\n")
    for name in tasks.names():
        write(f"  {name:<22}{tasks.find(name).summary}\n")
