"""Tasks: one file each. The file's name is what --task takes; there is no other registry."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from cityzoo.errors import unknown

if TYPE_CHECKING:
    from cityzoo.demo import Demo
    from cityzoo.kinds import Kind
    from cityzoo.spec import TrainSpec


@dataclass(frozen=True)
class Task:
    """Say what a task learns and what differs from the usual defaults.

    Attributes:
        summary: what it does, one line for --list and --help.
        kind: a dataclass that says what the task's outputs mean: head, loss, metrics. Its first field is the class
            names, the others are flags of train.py, by the same name.
        demo: returns the data that is drawn where the user brings none.
        monitor: figure that chooses the best epoch, higher is better.
        defaults: fields of `TrainSpec` that this task sets otherwise.
    """

    summary: str
    kind: type[Kind]
    demo: Callable[[], Demo]
    monitor: str
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def kind_for(self, class_names: tuple[str, ...], spec: TrainSpec) -> Kind:
        """Return the task's kind for these classes, with what the spec says about its other fields.

        Example:
            >>> from cityzoo.spec import TrainSpec
            >>> find("vehicle_detect").kind_for(("car",), TrainSpec(neck_width=32))
            Detection(class_names=('car',), neck_width=32, label_smoothing=0.0)
        """
        _, *asked = fields(self.kind)
        return self.kind(class_names, **{each.name: getattr(spec, each.name) for each in asked})


def names() -> list[str]:
    """Return the names of all tasks, sorted.

    Example:
        >>> "vehicle_detect" in names()
        True
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str) -> Task:
    """Return a task by the name of its file.

    Raises:
        InputError: there is no such task; names the nearest.

    Example:
        >>> find("vehicle_detect").monitor
        'AP'
    """
    if name not in names():
        raise unknown("task", name, names())
    return importlib.import_module(f"cityzoo.tasks.{name}").TASK
