"""Tasks: one file each. The file's name is what --task takes; there is no other registry."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.cli import flag_fields
from cityzoo.data import image as datasets
from cityzoo.errors import InputError, unknown
from cityzoo.spec import TrainSpec
from cityzoo.task_file import load_file

if TYPE_CHECKING:
    from cityzoo.outputs import Output

SUFFIX = ".py"


def read_boxes(source: str, **how: Any) -> datasets.Dataset:
    """Read images with boxes; `how` as `cityzoo.data.image.load` takes it."""
    return datasets.load(source, **how)


def read_image_labels(source: str, **how: Any) -> datasets.Dataset:
    """Read images with labels of the whole image; `how` as `cityzoo.data.image.load` takes it."""
    return datasets.load(source, wants="labels", **how)


@dataclass(frozen=True)
class Task:
    """Say what a task learns and what differs from the usual defaults.

    Attributes:
        summary: what it does, one line for --list and --help.
        output: a dataclass that says what the task's outputs mean: head, loss, metrics. Its first field is the class
            names; those declared by `cli.flag` are flags of train.py.
        demo: returns the data that is drawn where the user brings none; None: there is none. With a `course`, takes a
            seed and a folder, or None for the cache, and returns the path of what it wrote.
        monitor: figure that chooses the best epoch.
        defaults: fields of `TrainSpec`, of the kind or of the reader that this task sets otherwise.
        reader: reads labelled data: a function like `read_boxes`, or a dataclass whose instances are such functions;
            then its fields declared by `cli.flag` are flags of train.py, too.
        course: module with `train` and `evaluate`, where data are not images; "" for images.
        check: refuses flags that cannot be, before anything heavy is loaded; None: as for images.
        heeds: fields of `TrainSpec` that are flags of this task; none: all of them.

    Raises:
        ValueError: a default for what is no flag of this task.
    """

    summary: str
    output: type[Output]
    demo: Callable[..., Any] | None
    monitor: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    reader: Callable[..., Any] = read_boxes
    course: str = ""
    check: Callable[[TrainSpec], None] | None = None
    heeds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = {item.name for item in (*flag_fields(TrainSpec), *self.flags)}
        strange = sorted(set(self.defaults) - known)
        if strange:
            raise ValueError(
                f"task defaults name no flag '{strange[0]}': allowed are {', '.join(sorted(known))}"
            )

    @property
    def shared_flags(self) -> list[Field]:
        """Return the flags of every run that this task heeds."""
        return [item for item in flag_fields(TrainSpec) if not self.heeds or item.name in self.heeds]

    @property
    def flags(self) -> list[Field]:
        """Return the flags that belong to this task alone."""
        return [*flag_fields(self.reader), *flag_fields(self.output)]

    def read(self, source: str, options: Mapping[str, Any], **how: Any) -> datasets.Dataset:
        """Return the checked images of a source, labelled as this task needs them.

        Args:
            source: as `--data` takes it.
            options: values of the task's own flags; those left out have the task's defaults.
            how: as `cityzoo.data.image.load` takes it.

        Raises:
            InputError: anything about the data that cannot be used.
        """
        if not isinstance(self.reader, type):
            return self.reader(source, **how)
        return self.reader(**self._given(self.reader, options))(source, **how)

    def output_for(self, class_names: tuple[str, ...], options: Mapping[str, Any] | None = None) -> Output:
        """Return the task's kind for these classes.

        Args:
            class_names: what labels point to.
            options: values of the task's own flags; those left out have the task's defaults.

        Example:
            >>> kind = find("vehicle_detect").output_for(("car",), {"neck_width": 32})
            >>> kind.class_names, kind.neck_width, kind.label_smoothing
            (('car',), 32, 0.0)
        """
        return self.output(tuple(class_names), **self._given(self.output, options or {}))

    def _given(self, declared: type, options: Mapping[str, Any]) -> dict[str, Any]:
        values = {**self.defaults, **options}
        return {item.name: values[item.name] for item in flag_fields(declared) if item.name in values}


def names() -> list[str]:
    """Return the names of all tasks, sorted.

    Example:
        >>> "vehicle_detect" in names()
        True
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str) -> Task:
    """Return a task by the name of its file, or by the path of a file elsewhere.

    Raises:
        InputError: there is no such task, which names the nearest; or a file that holds none or breaks.

    Example:
        >>> find("vehicle_detect").monitor
        'AP'
    """
    if name.endswith(SUFFIX):
        task = getattr(load_file(Path(name)), "TASK", None)
        if not isinstance(task, Task):
            raise InputError(
                f"task file '{name}' holds no TASK = Task(...): see 'Your own task' in the README"
            )
        return task
    if name not in names():
        raise unknown("task", name, [*names(), "path/to/my_task.py"])
    return importlib.import_module(f"cityzoo.tasks.{name}").TASK


def short_name(name: str) -> str:
    """Return what runs and models of a task are named after.

    Example:
        >>> short_name("vehicle_detect"), short_name("plans/pothole.py")
        ('vehicle_detect', 'pothole')
    """
    return Path(name).stem
