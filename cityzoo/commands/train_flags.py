"""The command line of train.py: a task's defaults under a config file under flags, checked before heavy imports."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from cityzoo import cli, tasks
from cityzoo.commands.continue_flags import add_teacher, continued_values
from cityzoo.errors import InputError, unknown
from cityzoo.fit import distributed
from cityzoo.spec import AUTO, CLOSED_FORM, FORMAT_VERSION, ResolvedSpec, RunFlags, TrainSpec

EXAMPLES = """examples:
  train on demo data, nothing needed:     python train.py --task {task}
  your own data:                          python train.py --task {task} --data my_data/
  settings from a file, some overridden:  python train.py --config run.yaml --epochs 5
  continue a run that was stopped:        python train.py --resume runs/{task}-{backbone}-1
  go on learning from new data:           python train.py --continue runs/{task}-{backbone}-1 --data new/
  watch it:                               tensorboard --logdir runs
"""
PLANNING = {"phases", "freeze", "epochs", "learning_rate"}  # flags that change the phases of a repeated run
RESUMABLE = {"patience", "epochs", "cache", "keep_decoded"}  # flags that --resume can change


def training_parser(name: str) -> cli.Parser:
    """Return the parser of train.py for one task, its flags grouped by owner."""
    task = tasks.find(name)
    short, modality = RunFlags(task=name).task_name, task.modality
    backbone = str(task.defaults.get("backbone", RunFlags.backbone))
    parser = cli.Parser(
        prog="train.py",
        description=f"Fine-tune a pretrained backbone. Task {short}: {task.summary}.",
        epilog=EXAMPLES.format(task=short, backbone=backbone),
        allow_abbrev=False,
    )
    add_task_flags(parser, name)
    group = parser.add_argument_group("other")
    group.add_argument("--config", metavar="FILE", help="read settings from a YAML file or a run's spec.json")
    group.add_argument("--print-config", action="store_true", help="print all settings as YAML and exit")
    group.add_argument("--resume", metavar="RUN", help="continue a run folder that was stopped")
    if modality.supports_preview:
        group.add_argument("--preview", metavar="PNG", help="draw augmented training examples and exit")
    group.add_argument("--list", action="store_true", help="print backbones and tasks and exit")
    return parser


def add_task_flags(parser: cli.Parser, name: str, left_out: Collection[str] = ()) -> None:
    """Add the flags of one task, grouped by owner.

    Args:
        parser: to add them to.
        name: of the task.
        left_out: fields without a flag here.
    """
    task, short = tasks.find(name), RunFlags(task=name).task_name
    titles = {
        "run": "run",
        "fit": "training",
        "modality": f"{task.modality.name} tasks",
        "output": f"output of {short}",
        "reader": f"data of {short}",
    }
    for section, items in task.flags.items():
        flags = [item for item in items if item.name not in left_out]
        if flags:
            group = parser.add_argument_group(titles[section])
            cli.add_flags(group, flags, {**task.defaults, "task": name}, task.modality.words)
    parser.subject, parser.find_tasks = f"task '{short}'", _tasks_with


def _tasks_with(word: str) -> list[str]:
    return [
        name
        for name in tasks.names()
        if any(word in cli.flag_names(item) for items in tasks.find(name).flags.values() for item in items)
    ]


class TrainCommand(NamedTuple):
    """What the command line of train.py asks for."""

    spec: TrainSpec[Any]  # of the run
    resume: str | None = None  # the run folder to continue
    preview: str | None = None  # image file to draw augmented examples into, instead of training


def parse_training(arguments: Sequence[str]) -> TrainCommand | None:
    """Read the command line of train.py; None if `--list` or `--print-config` has been answered.

    Raises:
        InputError: a value that cannot be used, reported before TensorFlow is loaded.
    """
    from cityzoo.spec_file import Config, make_spec, read_config

    first = cli.Parser(prog="train.py", add_help=False, allow_abbrev=False)
    for name in ("--task", "--resume", "--config", "--continue"):
        first.add_argument(name, dest=name.lstrip("-") + "_")
    known = first.parse_known_args(arguments)[0]
    config = read_config(Path(known.config_)) if known.config_ else Config({})
    earlier = known.resume_ or known.continue_
    name = known.task_ or (_task_of(earlier) if earlier else config.values.get("task", RunFlags.task))
    name = str(Path(name).resolve()) if name.endswith(".py") else name
    given = vars(training_parser(name).parse_args(arguments))
    other = {key: given.pop(key, None) for key in ("config", "print_config", "resume", "preview", "list")}
    if other["list"]:
        print_list()
        return None
    if other["resume"]:
        return TrainCommand(_resumed(other["resume"], given), other["resume"], other["preview"])
    if known.continue_:
        config = _continued(config, known.continue_, given, name)
    given["task"] = name  # a file's whole path: evaluate.py may be called from elsewhere
    spec = add_teacher(make_spec(_merge(config, given, name)))
    if other["print_config"]:
        print_config(spec)
        return None
    check(spec)
    return TrainCommand(spec, None, other["preview"])


def _continued(config: Any, run: str, given: dict[str, Any], name: str) -> Any:
    from cityzoo.spec_file import read_config

    if _task_of(run) != name:
        raise InputError(
            f"--continue '{run}' was trained for task '{RunFlags(task=_task_of(run)).task_name}': remove --task"
        )
    earlier = read_config(Path(run) / "spec.json").values
    return config._replace(values={**continued_values(run, earlier, given), **config.values}, plan=None)


def _merge(config: Any, given: dict[str, Any], name: str) -> Any:
    values = dict(config.values)
    if config.plan is not None:
        values.pop("out", None)  # of the run that is repeated
    is_other_task = values.get("task", name) != name
    if is_other_task:  # its flags do not apply
        flags = {item.name for items in tasks.find(name).flags.values() for item in items}
        values = {key: value for key, value in values.items() if key in flags}
    if "phases" in given:  # the user's whole plan overrides what the task has by default
        values |= {key: AUTO for key in ("freeze", "epochs") if key not in given}
    elif "phases" in values and {"freeze", "epochs"} & set(given):
        values["phases"] = ()
    replans = is_other_task or AUTO in given.values() or set(given) & PLANNING
    return config._replace(values={**values, **given}, plan=None if replans else config.plan)


def check(spec: TrainSpec[Any]) -> None:
    """Refuse settings that are known to be wrong before any work.

    Raises:
        InputError: an unknown backbone, stage or size, weights or a run folder that cannot be.
    """
    from cityzoo.fit.distillation_teacher import check_teacher
    from cityzoo.report.trackers import require_trackers
    from cityzoo.security.policy import read_policy

    task = tasks.find(spec.run.task)
    points = (AUTO, *task.modality.freeze_points)
    for stage in (spec.fit.freeze, *(stage for stage, _ in spec.fit.phases)):
        if stage not in (*points, CLOSED_FORM):
            raise unknown("stage to freeze up to", stage, points)
    task.modality.check(spec, task)
    check_teacher(spec)
    require_trackers(spec.run.track)
    if spec.run.policy:
        read_policy(Path(spec.run.policy))
    require_new_run_folder(spec)


def require_new_run_folder(spec: TrainSpec[Any]) -> None:
    """Raise InputError if the run's folder exists."""
    from cityzoo.fit.run_folder import require_new

    if spec.run.out and distributed.is_chief():
        require_new(spec.run.out)


def _task_of(run: str) -> str:
    from cityzoo.fit.run_folder import open_run

    return open_run(run)[1].run.task


def _resumed(resume: str, given: dict[str, Any]) -> TrainSpec[Any]:
    from cityzoo.fit.run_folder import extend_epochs, finished_epochs, open_run
    from cityzoo.fit.run_lock import require_unlocked

    folder, spec = open_run(resume)
    if distributed.is_chief():
        require_unlocked(folder.path)
    given.pop("task", None)
    strange = sorted(set(given) - RESUMABLE)
    if strange:
        raise InputError(
            f"--resume uses the run's saved settings; {cli.flag_name(strange[0])} cannot be changed: remove it, or "
            "start a new run"
        )
    epochs = given.pop("epochs", AUTO)
    spec = spec.replace(**given)
    if isinstance(spec, ResolvedSpec) and epochs != AUTO:
        spec = replace(spec, plan=extend_epochs(spec.plan, epochs, finished_epochs(folder)))
    return spec


def print_config(spec: TrainSpec[Any]) -> None:
    """Print a spec as a YAML config file."""
    import json

    import yaml

    plain = json.loads(json.dumps(spec.as_dict()))
    sys.stdout.write(yaml.safe_dump({"format_version": FORMAT_VERSION, **plain}, sort_keys=False))


def print_list() -> None:
    """Print every backbone by modality, and every task."""
    from cityzoo.listing.catalog import write_backbones

    write_backbones()
    sys.stdout.write("\ntasks\n")
    for name in tasks.names():
        sys.stdout.write(f"  {name:<24}{tasks.find(name).summary}\n")
