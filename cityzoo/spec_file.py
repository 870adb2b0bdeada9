"""Read spec.json of run folders, and config files with the same names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cityzoo import tasks
from cityzoo.cli.flag_files import describe, is_mapping, parse_section, parse_value, read_mapping
from cityzoo.cli.values import CLOSED_FORM
from cityzoo.errors import InputError, unknown
from cityzoo.spec import FORMAT_VERSION, Phase, ResolvedFitFlags, ResolvedSpec, RunFlags, TrainSpec

RENAMED = {  # flags of format 1
    "draws": "repeats",
    "labels": "bad_boxes",
    "width": "hidden_size",
    "channel": "channels",
    "days": "train_days",
}
YES_NO = ("find_lr", "refit", "flips")  # "yes" and "no" in format 1


class Config(NamedTuple):
    """What a file says of a run."""

    values: dict[str, Any]  # of flags, by name
    plan: tuple[Phase, ...] | None = None  # the phases, if the file is the spec.json of a run


def read_spec(path: Path) -> TrainSpec[Any]:
    """Read a spec.json back; flags that it lacks get today's defaults.

    Raises:
        InputError: not there, damaged, of a newer version, or with unknown names.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tasks.find("vehicle_detect").make_spec({"seed": 3}).write(Path(folder, "spec.json"))
        ...     read_spec(Path(folder, "spec.json")).run.seed
        3
    """
    if not path.is_file():
        raise InputError(
            f"'{path.parent}' is not a run folder: it holds no {path.name}; give the folder that train.py printed"
        )
    config = read_config(path)
    return make_spec(config)


def make_spec(config: Config) -> TrainSpec[Any]:
    """Return the spec of a config: resolved if it comes from a run's spec.json."""
    task = tasks.find(config.values.get("task", RunFlags.task))
    spec = task.make_spec(config.values)
    if config.plan is None:
        return spec
    fit = ResolvedFitFlags(**vars(spec.fit))
    return ResolvedSpec(spec.run, fit, spec.modality, spec.output, spec.reader, config.plan)


def read_config(path: Path) -> Config:
    """Read a config file (YAML or JSON) or a run's spec.json.

    Raises:
        InputError: not there, damaged, of a newer version, unknown sections or keys, values of a wrong type.
    """
    return parse_config(read_mapping(path, tasks.SECTIONS), path)


def parse_config(content: dict[str, Any], path: Path) -> Config:
    """Return what the sections of a config file or of a spec.json say.

    Args:
        content: the sections by name, changed in place.
        path: the file that errors name.

    Raises:
        InputError: see `read_config`.
    """
    version = content.pop("format_version", None if set(content) & set(tasks.SECTIONS) else 1)
    if version is not None and (not isinstance(version, int) or version > FORMAT_VERSION):
        raise InputError(
            f"'{path}' has format_version {version}, this version of cityzoo reads up to {FORMAT_VERSION}: "
            "use a newer version"
        )
    if version == 1 and "task" in content:
        return _lift_flat(content, path)
    run = content.get("run")
    task = tasks.find(str(run.get("task") or RunFlags.task) if is_mapping(run) else RunFlags.task)
    plan = content.pop("plan", None)
    values: dict[str, Any] = {}
    for section, entries in content.items():
        if section not in task.flags:
            raise InputError(f"'{path}': {unknown('section', section, task.flags)}")
        values |= parse_section(entries, section, task.flags[section], path)
    return Config(values, None if plan is None else _read_plan(plan, path))


def _read_plan(plan: Any, path: Path) -> tuple[Phase, ...]:
    try:
        return tuple(_read_phase(each) for each in plan)
    except (TypeError, KeyError) as error:
        raise InputError(f"'{path}' is damaged: its plan holds no phases ({error}); train again") from error


def _read_phase(values: Mapping[str, Any]) -> Phase:
    phase = Phase(**values)
    counts = (phase.epochs, phase.schedule_epochs or 1)
    if not all(isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in counts):
        raise TypeError(f"epochs are {describe(phase.epochs)}")
    if not isinstance(phase.freeze, str) or not _is_rate(phase.learning_rate):
        raise TypeError(f"freeze is {describe(phase.freeze)}, learning_rate {describe(phase.learning_rate)}")
    return phase


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _lift_flat(content: dict[str, Any], path: Path) -> Config:
    # Format 1 had one flat dataclass for all tasks: names that this task does not have did nothing.
    task = tasks.find(str(content["task"]))
    known = {item.name: item for items in task.flags.values() for item in items}
    options = content.pop("options", None) or {}
    phases = content.pop("phases", None) or []
    values: dict[str, Any] = {}
    for old, value in {**content, **options}.items():
        name = RENAMED.get(old, old)
        if name in known and value is not None:
            value = {"yes": True, "no": False}.get(value, value) if name in YES_NO else value
            values[name] = parse_value(known[name], value, f"'{path}': {old}")
    try:
        plan = tuple(_read_phase({**each, "freeze": _renamed_stage(each["freeze"])}) for each in phases)
    except (TypeError, KeyError) as error:
        raise InputError(f"'{path}' is damaged: its phases are not valid ({error}); train again") from error
    return Config(values, plan or None)  # runs on series had none


def _renamed_stage(stage: str) -> str:
    return CLOSED_FORM if stage == "solve" else stage
