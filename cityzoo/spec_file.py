"""Read spec.json of run folders, and config files with the same names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any, NamedTuple

from cityzoo import tasks
from cityzoo.cli import flag_name
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
    return parse_config(_read_mapping(path), path)


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
    task = tasks.find(str(run.get("task") or RunFlags.task) if _is_mapping(run) else RunFlags.task)
    plan = content.pop("plan", None)
    values: dict[str, Any] = {}
    for section, entries in content.items():
        if section not in task.flags:
            raise InputError(f"'{path}': {unknown('section', section, task.flags)}")
        if not _is_mapping(entries):
            raise InputError(f"'{path}': section '{section}' is {_shown(entries)}: give names and values")
        known = {item.name: item for item in task.flags[section]}
        for key, value in entries.items():
            if key not in known:
                raise InputError(f"'{path}': {unknown(f'key of {section}', str(key), known)}")
            values[key] = parse_value(known[key], value, f"'{path}': {section}.{key}")
    return Config(values, None if plan is None else _read_plan(plan, path))


def _read_mapping(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror}): give a YAML or JSON file") from error
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"'{path}' is damaged ({reason}): correct it, restore it from a copy, or train again"
        ) from error
    if content is None:
        return {}
    if not _is_mapping(content):
        raise InputError(
            f"'{path}' is damaged: it holds {_shown(content)}, expected sections {', '.join(tasks.SECTIONS)}"
        )
    return dict(content)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def parse_value(item: Field, value: Any, where: str) -> Any:
    """Return the value of a flag as a file has it: text is read as on the command line.

    Raises:
        InputError: a value of another type, or one that the flag does not take.
    """
    about, kind = item.metadata, str(item.type)
    if value is None and (item.default is None or item.default == ""):
        return item.default
    if isinstance(item.default, bool):
        if isinstance(value, bool):
            return value
        raise InputError(f"{where} is {_shown(value)}: give true or false")
    if isinstance(value, list) and ("tuple" in kind and not value or _is_policy(value, kind)):
        return tuple(value)
    if value is False and "|off|" in (about["metavar"] or "") + "|":
        value = "off"  # which YAML reads as false
    text = _as_text(value, kind, about["separator"])
    if text is None:
        raise InputError(f"{where} is {_shown(value)}: give a value as for {flag_name(item.name)}")
    try:
        parsed = about["parse"](text)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if about["choices"] and parsed not in about["choices"]:
        raise InputError(f"{where}: {unknown('value', str(parsed), about['choices'])}")
    return parsed


def _as_text(value: Any, kind: str, separator: str) -> str | None:
    # As the command line has it, so that its parsers check lists and mappings, too; None for another type.
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, list) and "tuple" in kind:
        return separator.join(
            ":".join(map(str, item)) if isinstance(item, list) else str(item) for item in value
        )
    if (
        _is_mapping(value)
        and "Mapping[str, str]" in kind
        and all(isinstance(new, str) for new in value.values())
    ):
        return ",".join(f"{old}={new}" for old, new in value.items())
    return None if isinstance(value, list | dict) else str(value)


def _is_policy(value: list[Any], kind: str) -> bool:
    # Operations of an augmentation policy are checked where images are augmented, which loads TensorFlow.
    return "Sequence[Mapping" in kind and all(_is_mapping(step) and "transform" in step for step in value)


def _shown(value: Any) -> str:
    names = {bool: "true or false", list: "a list", dict: "a mapping", type(None): "empty"}
    return names.get(type(value), repr(value)[:80])


def _read_plan(plan: Any, path: Path) -> tuple[Phase, ...]:
    try:
        return tuple(_read_phase(each) for each in plan)
    except (TypeError, KeyError) as error:
        raise InputError(f"'{path}' is damaged: its plan holds no phases ({error}); train again") from error


def _read_phase(values: Mapping[str, Any]) -> Phase:
    phase = Phase(**values)
    counts = (phase.epochs, phase.schedule_epochs or 1)
    if not all(isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in counts):
        raise TypeError(f"epochs are {_shown(phase.epochs)}")
    if not isinstance(phase.freeze, str) or not _is_rate(phase.learning_rate):
        raise TypeError(f"freeze is {_shown(phase.freeze)}, learning_rate {_shown(phase.learning_rate)}")
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
