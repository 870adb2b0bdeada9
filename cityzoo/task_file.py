"""Load a task from a file outside the package; an error in it is said with its own line."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from cityzoo.cli import quiet_start
from cityzoo.errors import InputError

PREFIX = "cityzoo_own_task_"


def load_file(path: Path) -> ModuleType:
    """Run a Python file as a module, once in a process.

    Raises:
        InputError: no such file, or an error in it: with the file's own line.
    """
    if not path.is_file():
        raise InputError(
            f"task file '{path}' does not exist: give the name of a task or the path of its file"
        )
    name = PREFIX + path.stem
    loaded = sys.modules.get(name)
    if loaded is not None and Path(loaded.__file__) == path.resolve():
        return loaded
    with quiet_start():  # the file will most likely want Keras, whose start-up lines would bury ours
        import keras  # noqa: F401
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it runs
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's code raises is the user's to mend
        del sys.modules[name]
        raise InputError(f"task file {_where(error, path)}") from error
    return module


def _where(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(path.resolve()):
        line, text = error.lineno, (error.text or "").strip()
    else:
        own = [
            row for row in traceback.extract_tb(error.__traceback__) if row.filename == str(path.resolve())
        ]
        line, text = (own[-1].lineno, own[-1].line or "") if own else (1, "")
    return f"{path}:{line}: {type(error).__name__}: {error}: {text}"
