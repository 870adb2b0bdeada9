"""Tasks: one file each. The file's name is what --task takes; there is no other registry."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cityzoo.cli import flag_fields, quiet_start
from cityzoo.errors import InputError, unknown
from cityzoo.spec import FitFlags, RunFlags, TrainSpec

if TYPE_CHECKING:
    from cityzoo.modalities import Modality
    from cityzoo.outputs import Output

SUFFIX = ".py"
PREFIX = "cityzoo_own_task_"
SECTIONS = ("run", "fit", "modality", "output", "reader")


@dataclass(frozen=True)
class Task:
    """What a task predicts from what, and where it differs from the usual defaults.

    Attributes:
        summary: what it does, one line for --list and --help.
        modality: what its examples are, such as `cityzoo.modalities.image.IMAGE`.
        output: what its predictions are: a subclass of `cityzoo.outputs.Output`. Its fields declared by `cli.flag` are
            flags of train.py.
        reader: reads labeled data; a function, or a dataclass whose instances are such functions: then its fields
            declared by `cli.flag` are flags of train.py, too.
        demo: returns the demo data used without --data, as the modality takes it; None: there is none.
        monitor: metric that chooses the best epoch.
        defaults: values of flags that this task sets otherwise.

    Raises:
        ValueError: a default for an unknown flag, or one flag declared twice.
    """

    summary: str
    modality: Modality[Any]
    output: type[Output]
    reader: Callable[..., Any]
    demo: Callable[..., Any] | None
    monitor: str
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [item.name for items in self.flags.values() for item in items]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sections of this task declare the flag '{twice[0]}': rename one of them")
        strange = sorted(set(self.defaults) - set(names))
        if strange:
            raise ValueError(
                f"task defaults name no flag '{strange[0]}': allowed are {', '.join(sorted(names))}"
            )

    @property
    def flags(self) -> dict[str, list[Field]]:
        """Return the flags of train.py for this task by section of the spec."""
        declared = (RunFlags, FitFlags, self.modality.flags, self.output, self.reader)
        return {section: flag_fields(owner) for section, owner in zip(SECTIONS, declared, strict=True)}

    def make_spec(self, values: Mapping[str, Any]) -> TrainSpec[Any]:
        """Return the spec of a run: the task's defaults, and `values` of flags by name over them.

        Example:
            >>> spec = find("vehicle_detect").make_spec({"batch_size": 8, "neck_width": 32})
            >>> spec.fit.batch_size, spec.output["neck_width"], spec.modality.augment
            (8, 32, 'mosaic')
        """
        known = {**self.defaults, **values}
        if "phases" not in values and {"freeze", "epochs"} & set(values):
            known.pop("phases", None)  # the task's own plan
        sections = {
            section: {item.name: known.get(item.name, item.default) for item in items}
            for section, items in self.flags.items()
        }
        return TrainSpec(
            RunFlags(**sections["run"]),
            FitFlags(**sections["fit"]),
            self.modality.flags(**sections["modality"]),
            sections["output"],
            sections["reader"],
        )

    def read(self, source: str, options: Mapping[str, Any], **how: Any) -> Any:
        """Return the checked examples of a source, labeled as this task needs them.

        Args:
            source: as `--data` takes it.
            options: values of the reader's flags; those left out have the task's defaults.
            how: as the modality's reading function takes it.

        Raises:
            InputError: anything about the data that cannot be used.
        """
        if not isinstance(self.reader, type):
            return self.reader(source, **how)
        return self.reader(**self._select(self.reader, options))(source, **how)

    def output_for(self, class_names: tuple[str, ...], options: Mapping[str, Any] | None = None) -> Output:
        """Return the task's output for these classes.

        Args:
            class_names: what labels point to.
            options: values of the output's flags; those left out have the task's defaults.

        Example:
            >>> output = find("vehicle_detect").output_for(("car",), {"neck_width": 32})
            >>> output.class_names, output.neck_width, output.label_smoothing
            (('car',), 32, 0.0)
        """
        return self.output(tuple(class_names), **self._select(self.output, options or {}))

    def _select(self, declared: type, options: Mapping[str, Any]) -> dict[str, Any]:
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
        InputError: no such task, or a file that holds none or breaks.

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


def load_file(path: Path) -> ModuleType:
    """Run a Python file as a module, once per process.

    Raises:
        InputError: no such file, or an error in it: with its line.
    """
    if not path.is_file():
        raise InputError(
            f"task file '{path}' does not exist: give the name of a task or the path of its file"
        )
    name = PREFIX + path.stem
    loaded = sys.modules.get(name)
    if loaded is not None and Path(str(loaded.__file__)) == path.resolve():
        return loaded
    with quiet_start():  # the file most likely imports Keras, whose start-up messages would hide ours
        import keras  # noqa: F401
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise InputError(f"task file '{path}' is not a Python file: give the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    if str(path.resolve().parent) not in sys.path:
        sys.path.append(
            str(path.resolve().parent)
        )  # files next to it: an own modality, its backbones and readers
    sys.modules[name] = module  # dataclasses look their module up while it runs
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's code raises
        del sys.modules[name]
        raise InputError(f"task file {_where(error, path)}") from error
    return module


def _where(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(path.resolve()):
        line, text = error.lineno, (error.text or "").strip()
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == str(path.resolve())]
        line, text = (own[-1].lineno, own[-1].line or "") if own else (1, "")
    return f"{path}:{line}: {type(error).__name__}: {error}: {text}"
