"""Run one of the commands: python -m cityzoo demo --help."""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli, commands
from cityzoo.errors import unknown

FLAGS_ONLY = "_flags"  # files that hold the flags of train.py and evaluate.py


def names() -> list[str]:
    """Return the commands: the files of `cityzoo/commands`; `watch_evaluate` is a part of `watch`.

    Example:
        >>> {"export", "serve"} <= set(names()), "watch-evaluate" in names()
        (True, False)
    """
    found = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    whole = [name for name in found if not any(name.startswith(f"{other}_") for other in found)]
    return sorted(name.replace("_", "-") for name in whole if not name.endswith(FLAGS_ONLY))


def main(arguments: Sequence[str]) -> int:
    """Run the command that the first argument names; return its exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        lines = [f"  {name:<15} {_summary(name)}" for name in names()]
        sys.stdout.write("\n".join(["usage: python -m cityzoo COMMAND ...", "", "commands:", *lines, ""]))
        return 0
    if arguments[0] not in names():
        raise unknown("command", arguments[0], names())
    return importlib.import_module(f"cityzoo.commands.{_module(arguments[0])}").main(arguments[1:])


def _module(name: str) -> str:
    return name.replace("-", "_")


def _summary(name: str) -> str:
    source = Path(commands.__path__[0], f"{_module(name)}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or name).splitlines()[0]


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded: no GPU is no error
    sys.exit(cli.run(main, sys.argv[1:], "python -m cityzoo"))
