"""The plan of updates: where new data arrives, what is done with it, and where the result is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from cityzoo import tasks
from cityzoo.cli import flag, flag_fields, flag_name
from cityzoo.cli.flag_files import as_text, parse_section, read_mapping
from cityzoo.cli.values import parse_count, parse_number, parse_share
from cityzoo.errors import InputError, unknown

TRAIN = "train"
ALWAYS, IF_DRIFT = "always", "drift"
CONTINUED = ("continue_", "with_data_of")
# Flags of train.py that a cycle sets itself, or that do not go with --continue.
FIXED = ("task", "data", "out", "weights", "repeats", "folds", "fold", "limit", "teacher", *CONTINUED)
Section = TypeVar("Section")


@dataclass(frozen=True)
class Sources:
    """What stands at the top of a plan."""

    run: str = flag("", "run folder in service before the first cycle")
    data: str = flag("", "folder where new data arrives")
    cycles: str = flag("cycles", "folder of the cycles")
    min_examples: int = flag(20, "new examples from which on a cycle begins", parse_count)
    settle_seconds: float = flag(10.0, "younger files are left for the next start", parse_number)


@dataclass(frozen=True)
class DriftCheck:
    """Comparison of the new data with what the run was evaluated on."""

    when: str = flag(IF_DRIFT, "go on only if something has changed, or always", choices=(IF_DRIFT, ALWAYS))
    false_alarms: float = flag(0.05, "share of unchanged periods that may raise an alarm", parse_share)


@dataclass(frozen=True)
class Selection:
    """Choice of the examples that people label."""

    most: int = flag(20, "examples to label in a cycle", parse_count)
    to: str = flag("to_label", "gets a folder of each cycle with predicted labels")
    labeled: str = flag("labeled", "where people move the folder when its labels are right")
    labels: str = flag("", "layout of the labels (default: the first of the task)")


def parse_gain(text: str) -> float:
    """Read a difference of a metric, -1e6 to 1e6.

    Raises:
        InputError: no such number.

    Example:
        >>> parse_gain("-0.02"), parse_gain("0.01")
        (-0.02, 0.01)
    """
    return -parse_number(text[1:]) if text.startswith("-") else parse_number(text)


@dataclass(frozen=True)
class Gate:
    """What the new model has to reach; `may_lose` of train watches the data of earlier runs."""

    min_gain: float | None = flag(None, "least gain of the main metric on the new data", parse_gain)


@dataclass(frozen=True)
class Export:
    """Export of the new run."""

    format: str = flag("onnx", "format")
    precision: str = flag("float32", "precision", choices=("float32", "fp16", "int8"))
    allow_loss: float | None = flag(None, "how much the main metric may lose", parse_number)


@dataclass(frozen=True)
class Signing:
    """Signature of what is promoted."""

    private_key: str = flag("", "PEM file of the key; its password is in CITYZOO_KEY_PASSWORD")


@dataclass(frozen=True)
class Promotion:
    """Where the new version is served, and its share of the requests at first."""

    models: str = flag("", "folder MODELS/NAME/VERSION of python -m cityzoo serve")
    name: str = flag("", "of the model in it")
    canary: float = flag(10.0, "per cent of the requests", parse_number)
    canary_hours: float | None = flag(
        None, "hours after which a canary that was not rolled back becomes stable", parse_number
    )


SECTIONS: dict[str, Any] = {
    "drift": DriftCheck,
    "select": Selection,
    "gate": Gate,
    "export": Export,
    "sign": Signing,
    "promote": Promotion,
}
REQUIRED = {"": ("run", "data"), "sign": ("private_key",), "promote": ("models", "name")}


@dataclass(frozen=True)
class Plan:
    """A plan of updates; paths in it are relative to its own folder.

    Attributes:
        file: that it was read from.
        values: what the file says by section, "" for its top; also sections that a step needs and the file lacks.
        sources: the top.
        train: words of train.py.
        gate: what the new model has to reach.
        drift, select, export, sign, promote: other sections, None where the plan lacks them.
    """

    file: Path
    values: Mapping[str, Any]
    sources: Sources
    train: tuple[str, ...]
    gate: Gate
    drift: DriftCheck | None = None
    select: Selection | None = None
    export: Export | None = None
    sign: Signing | None = None
    promote: Promotion | None = None

    @property
    def root(self) -> Path:
        """Return the folder of the plan, where commands run."""
        return self.file.resolve().parent

    @property
    def cycles(self) -> Path:
        """Return the folder of the cycles."""
        return self.root / self.sources.cycles


def read_plan(file: Path) -> Plan:
    """Read a plan from YAML or JSON and check everything that can be checked before a cycle.

    Raises:
        InputError: unknown names, values that cannot be, a run, folder, key or model that does not exist.
    """
    top = {item.name for item in flag_fields(Sources)}
    names = (*top, TRAIN, *SECTIONS)
    content = read_mapping(file, names)
    for name in content:
        if name not in names:
            raise InputError(f"'{file}': {unknown('name', str(name), names)}")
    head = {name: value for name, value in content.items() if name in top}
    sources = _make(Sources, head, "", file)
    parts = {
        name: _make(kind, content[name], name, file) for name, kind in SECTIONS.items() if name in content
    }
    parts.setdefault("gate", Gate())
    if "promote" in parts:
        parts.setdefault("export", Export())
    if "sign" in parts and "export" not in parts:
        raise InputError(f"'{file}': sign signs an exported model: give export or promote, too")
    train = content.get(TRAIN) or {}
    values = {"": vars(sources), TRAIN: train, **{name: vars(part) for name, part in parts.items()}}
    root = file.resolve().parent
    _check_folders(file, root, sources, parts)
    return Plan(file, values, sources, tuple(_train_words(train, file, root / sources.run)), **parts)


def _make(kind: type[Section], entries: Any, name: str, file: Path) -> Section:
    made = kind(**parse_section({} if entries is None else entries, name or "plan", flag_fields(kind), file))
    for key in REQUIRED.get(name, ()):
        if not getattr(made, key):
            about = next(item.metadata["help"] for item in fields(made) if item.name == key)  # type: ignore[arg-type]
            raise InputError(f"'{file}' has no {f'{name}.{key}'.lstrip('.')}: give the {about}")
    return made


def _train_words(entries: Any, file: Path, run: Path) -> list[str]:
    """Return the flags of train.py that a plan sets, each value checked as on the command line."""
    from cityzoo.fit.run_folder import open_run

    task = tasks.find(open_run(str(run))[1].run.task)
    known = [item for items in task.flags.values() for item in items if item.name not in FIXED]
    parse_section(entries, TRAIN, known, file)
    words = []
    for item in known:
        value = entries.get(item.name)
        if isinstance(value, bool) and isinstance(item.default, bool):
            words.append(flag_name(item.name if value else f"no_{item.name}"))
        elif value is not None:
            text = "off" if value is False else as_text(value, str(item.type), item.metadata["separator"])
            words += [flag_name(item.name), str(text)]
    return words


def _check_folders(file: Path, root: Path, sources: Sources, parts: Mapping[str, Any]) -> None:
    if not (root / sources.data).is_dir():
        raise InputError(f"'{file}': data '{sources.data}' is no folder: make it, new data is put there")
    select, data = parts.get("select"), (root / sources.data).resolve()
    for own in (sources.cycles, *((select.to, select.labeled) if select else ())):
        if (root / own).resolve().is_relative_to(data):
            raise InputError(
                f"'{file}': '{own}' lies in data '{sources.data}': give a folder for new data alone"
            )
    sign = parts.get("sign")
    if sign and not (root / sign.private_key).is_file():
        raise InputError(
            f"'{file}': sign.private_key '{sign.private_key}' does not exist: python -m cityzoo protect new-key"
        )
    if promote := parts.get("promote"):
        _check_models(file, root / promote.models, promote)


def _check_models(file: Path, models: Path, promote: Promotion) -> None:
    from cityzoo.serve.model_folders import find_models, is_model

    if not 0 < promote.canary <= 100:
        raise InputError(
            f"'{file}': promote.canary {promote.canary:g}: give a share above 0 and at most 100 %"
        )
    if not models.is_dir() or is_model(models):
        raise InputError(
            f"'{file}': promote.models '{promote.models}' is no folder MODELS/NAME/VERSION: give the one that "
            "python -m cityzoo serve is given"
        )
    found = find_models(models)
    if promote.name not in found:
        raise InputError(
            f"'{file}': promote.models '{promote.models}' has no model '{promote.name}', only "
            f"{', '.join(found) or 'none'}: python -m cityzoo models {promote.models} add FOLDER --name {promote.name}"
        )
