"""What a search varies: the settings of a task that declare a range, their defaults and the defaults' neighbours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import Field, dataclass
from typing import TYPE_CHECKING, Any

from cityzoo.cli import flag_name
from cityzoo.cli.search_range import Options, Range, parse_search
from cityzoo.errors import InputError
from cityzoo.spec import AUTO, CLOSED_FORM, ResolvedSpec, TrainSpec

if TYPE_CHECKING:
    import optuna

    from cityzoo.modalities import Dataset
    from cityzoo.tasks import Task

# Of the spec, those first that leave cached features as they are; what readers do changes the examples themselves.
SECTIONS = ("output", "fit", "modality")
# Settings that change which examples there are or how they are stored, or that the search sets itself.
FIXED = frozenset(
    (
        "val",
        "classes",
        "class_map",
        "bad_boxes",
        "exif",
        "split_by",
        "hold_out",
        "shots",
        "unlabelled",
        "delta",
    )
    + ("cache", "keep_decoded", "split", "history", "horizon", "train_days", "prompt", "minutes", "teacher")
)
NEIGHBOUR = 3.0  # factor from the default of a setting that is searched by factors


@dataclass(frozen=True)
class Dimension:
    """One setting of a search.

    Attributes:
        name: of the field.
        values: to try.
        default: the value that the task has without a search.
    """

    name: str
    values: Range | Options
    default: Any

    @property
    def labels(self) -> dict[str, Any]:
        """Return the options by what they are called in the study."""
        return (
            {label(value): value for value in self.values.values} if isinstance(self.values, Options) else {}
        )

    def suggest(self, trial: optuna.Trial) -> Any:
        """Return a trial's value."""
        if isinstance(self.values, Options):
            return self.labels[trial.suggest_categorical(self.name, list(self.labels))]
        low, high, is_log = self.values.low, self.values.high, self.values.is_log
        if self.values.is_whole:
            return trial.suggest_int(self.name, int(low), int(high), log=is_log)
        return trial.suggest_float(self.name, low, high, log=is_log)

    def name_value(self, value: Any) -> Any:
        """Return a value as the study has it."""
        return label(value) if isinstance(self.values, Options) else value

    def find_neighbour(self) -> Any:
        """Return the value next to the default: the next option, three times as much, or a quarter of the range."""
        if isinstance(self.values, Options):
            place = self.values.values.index(self.default)
            return self.values.values[place - 1 if place + 1 == len(self.values.values) else place + 1]
        low, high = self.values.low, self.values.high
        if self.values.is_log:
            up, down = min(self.default * NEIGHBOUR, high), max(self.default / NEIGHBOUR, low)
            value = up if up / self.default >= self.default / down else down
        else:
            step = (high - low) / 4
            value = self.default + step if self.default + step <= high else self.default - step
        return round(value) if self.values.is_whole else value


def label(value: Any) -> str:
    """Return what a value is called in tables and charts.

    Example:
        >>> label((160, 224)), label(True), label(0.5), label((("backbone", 3), ("none", 2)))
        ('160x224', 'on', '0.5', 'backbone:3,none:2')
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return ",".join(":".join(map(str, each)) for each in value)
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def searchable_fields(task: Task) -> dict[str, Field]:
    """Return the fields of a task's flags that `--search` may name."""
    flags = task.flags
    fields = {item.name: item for section in SECTIONS for item in flags[section] if item.name not in FIXED}
    return fields | {item.name: item for item in flags["run"] if item.name == "backbone"}


def parse_searches(texts: Sequence[str], task: Task) -> dict[str, Range | Options]:
    """Read all values of `--search`.

    Raises:
        InputError: see `parse_search`; or one setting twice.
    """
    fields, found = searchable_fields(task), {}
    for text in texts:
        name, values = parse_search(text, fields)
        if name in found:
            raise InputError(f"--search names {name} twice: give one range or one list")
        found[name] = values
    return found


def build_space(
    asked: TrainSpec[Any],
    default: ResolvedSpec[Any],
    task: Task,
    searches: Mapping[str, Range | Options],
    fixed: Sequence[str] = (),
    only: bool = False,
) -> list[Dimension]:
    """Return the settings to vary.

    Args:
        asked: the spec that a run without a search has, with its "auto" values.
        default: the same with nothing left to choose.
        task: of both.
        searches: ranges of the user, by name.
        fixed: settings that the user has set, which keep their values.
        only: whether nothing but `searches` is varied.

    Raises:
        InputError: nothing is left to vary.
    """
    space = []
    for name, item in searchable_fields(task).items():
        declared = None if only or name in fixed else item.metadata.get("search")
        values = searches.get(name) or declared
        if values is None or (name not in searches and _is_moot(name, asked, default, task, searches)):
            continue
        current = _default_of(name, asked, default, task)
        values = _resolve(name, values, current, task, given=name in searches)
        if isinstance(values, Range) or len(values.values) > 1:
            space.append(Dimension(name, values, current))
    if not space:
        raise InputError(
            "there is nothing to search: every setting is given; remove some, or name what to vary with --search"
        )
    return space


def _is_moot(
    name: str, asked: TrainSpec[Any], default: ResolvedSpec[Any], task: Task, searches: Collection[str]
) -> bool:
    if name == "freeze":
        return bool(asked.fit.phases) or task.modality.starts_untrained(asked)
    frozen = CLOSED_FORM, task.modality.freeze_points[-1]
    is_always_frozen = all(phase.freeze in frozen for phase in default.plan)
    return name == "layer_decay" and is_always_frozen and not {"freeze", "phases"} & set(searches)


def _default_of(name: str, asked: TrainSpec[Any], default: ResolvedSpec[Any], task: Task) -> Any:
    if name == "freeze" and asked.fit.freeze == AUTO:
        return task.modality.default_freeze(asked)
    if name == "epochs":
        return max(phase.epochs for phase in default.plan)
    for spec in (asked, default):  # augmentation policies by name rather than as they were resolved
        for section in (spec.run, spec.fit, spec.modality):
            if hasattr(section, name) and getattr(section, name) != AUTO:
                return getattr(section, name)
    return asked.output.get(name)


def _resolve(name: str, values: Range | Options, default: Any, task: Task, given: bool) -> Range | Options:
    if name == "freeze" and isinstance(values, Options) and not values.values:
        points = task.modality.freeze_points
        return Options(points[points.index(default) :] if default in points else points)
    if isinstance(values, Range) and isinstance(default, tuple):  # height and width of an image
        sizes = [
            tuple(max(32, round(side * factor / 32) * 32) for side in default)
            for factor in (values.low, 1, values.high)
        ]
        return Options(tuple(dict.fromkeys([*sizes, default])), values.needs_gradients)
    if isinstance(values, Range):
        if not isinstance(default, int | float) or isinstance(default, bool):
            raise InputError(
                f"--search {name}: the default is {label(default)}, list values instead of a range"
            )
        return values.resolve(default)
    known = default in values.values
    return values if known else Options((default, *values.values), values.needs_gradients)


def suggest_spec(
    trial: optuna.Trial, space: Sequence[Dimension], asked: TrainSpec[Any], task: Task, data: Dataset
) -> tuple[TrainSpec[Any], dict[str, Any]]:
    """Return the spec of a trial, and what it sets by name.

    Settings of gradient training are suggested only where the trial's plan has a phase that trains by gradients.
    """
    from cityzoo.fit.auto_settings import plan_phases

    chosen = {each.name: each.suggest(trial) for each in space if not each.values.needs_gradients}
    spec, count = replace_settings(asked, chosen), len(data.train)
    size = count if spec.fit.batch_size == AUTO else int(spec.fit.batch_size)
    plan = plan_phases(spec, task, task.output_for(data.train.class_names), count, size)
    if any(phase.freeze != CLOSED_FORM for phase in plan):
        chosen |= {each.name: each.suggest(trial) for each in space if each.values.needs_gradients}
    return replace_settings(asked, chosen), chosen


def replace_settings(asked: TrainSpec[Any], chosen: Mapping[str, Any]) -> TrainSpec[Any]:
    """Return a spec with the settings of a trial; --freeze and --epochs replace a plan of phases."""
    more = {"phases": ()} if {"freeze", "epochs"} & set(chosen) and "phases" not in chosen else {}
    return asked.replace(**chosen, **more)


def first_trials(space: Sequence[Dimension], has_gradients: bool) -> list[tuple[str, dict[str, Any]]]:
    """Return the defaults and, one by one, their neighbours: (origin, settings as the study has them).

    Args:
        space: of the search; neighbours come in its order.
        has_gradients: whether the defaults train anything by gradients.
    """
    defaults = {each.name: each.name_value(each.default) for each in space}
    neighbours = [
        (
            f"neighbour: {flag_name(each.name)}",
            {**defaults, each.name: each.name_value(each.find_neighbour())},
        )
        for each in space
        if has_gradients or not each.values.needs_gradients
    ]
    return [("defaults", defaults), *neighbours]
