"""The command line: flags made from a dataclass, errors in one line."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, field, fields, is_dataclass
from typing import Any

from cityzoo.errors import InputError, unknown


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keep the examples' lines as they are and leave room for long flags."""

    def __init__(self, prog: str) -> None:
        """Set the column that the help texts start in."""
        super().__init__(prog, max_help_position=34, width=110)


class Parser(argparse.ArgumentParser):
    """Parse flags; an error is one line that names the nearest match, exit code 2."""

    def error(self, message: str) -> None:
        """Print the error and where help is, and leave."""
        unrecognized = "unrecognized arguments: "
        if message.startswith(unrecognized):
            word = message[len(unrecognized) :].split()[0]
            flags = [flag for action in self._actions for flag in action.option_strings]
            message = (
                str(unknown("flag", word, flags)) if word.startswith("-") else f"'{word}' belongs to no flag"
            )
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def flag(default: Any, help: str, parse: Any = str, metavar: str | None = None, choices: tuple = ()) -> Any:
    """Declare a field of a dataclass together with its command line flag.

    Args:
        default: value where nothing is said.
        help: what it does, one line.
        parse: from a word of the command line to the value; raises InputError.
        metavar: stands for the value in the help.
        choices: values that are allowed; none: any.

    Example:
        >>> import dataclasses
        >>> width = dataclasses.make_dataclass("Width", [("width", int, flag(64, "channels", int))])
        >>> width(), [item.name for item in flag_fields(width)]
        (Width(width=64), ['width'])
    """
    about = {"help": help, "parse": parse, "metavar": metavar, "choices": choices}
    return field(default=default, metadata=about)


def flag_fields(declared: Any) -> list[Field]:
    """Return the fields of a dataclass that are flags; none of anything else."""
    return [item for item in fields(declared) if "parse" in item.metadata] if is_dataclass(declared) else []


def add_flags(parser: Any, flags: Sequence[Field], defaults: Mapping[str, Any]) -> None:
    """Add a `--kebab-case` flag for each field, with its help and its default.

    Args:
        parser: where they go, or a group of it.
        flags: as `flag_fields` returns them.
        defaults: values that replace the fields' own, as a task has them.
    """
    for item in flags:
        about, default = item.metadata, defaults.get(item.name, item.default)
        if default is MISSING:
            default = None
        shown = "" if default in (None, (), "") else f" (default: {_shown(default)})"
        parser.add_argument(
            "--" + item.name.replace("_", "-"),
            type=typed(about["parse"], about["choices"]),
            default=default,
            metavar=about["metavar"] or ("|".join(about["choices"]) or item.name.upper()),
            help=about["help"] + shown,
        )


def _shown(default: Any) -> str:
    if not isinstance(default, tuple):
        return str(default)
    return ("x" if all(isinstance(each, int) for each in default) else ",").join(map(str, default))


def typed(parse: Callable[[str], Any], choices: Sequence[str] = ()) -> Callable[[str], Any]:
    """Return a function for argparse that reads a value and passes an `InputError`'s words on."""

    def convert(text: str) -> Any:
        try:
            value = parse(text)
            if choices and value not in choices:
                raise unknown("value", text, choices)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return value

    return convert


@contextmanager
def quiet_start() -> Iterator[None]:
    """Load TensorFlow without the dozen lines that it writes before its own log levels apply.

    What is written to the standard error stream meanwhile comes out again if loading fails.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def run(main: Callable[[Sequence[str]], int], arguments: Sequence[str], prog: str) -> int:
    """Call a command's main and turn what the user can mend into one line and exit code 2."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    for noisy in ("absl", "jax", "tensorflow", "matplotlib", "PIL", "h5py"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        return main(arguments)
    except InputError as error:
        sys.stderr.write(f"{prog}: error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"{prog}: interrupted\n")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has seen enough
        return 0
