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

LOG = logging.getLogger(__name__)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keep the examples' lines as they are and leave room for long flags."""

    def __init__(self, prog: str) -> None:
        """Set the column that the help texts start in."""
        super().__init__(prog, max_help_position=34, width=110)


class Parser(argparse.ArgumentParser):
    """Parse flags; an error is one line that names the nearest match, exit code 2.

    Attributes:
        subject: what the flags are of, such as "task 'traffic_flow'".
        find_tasks: returns the tasks that have a flag which this parser lacks.
    """

    subject: str = ""
    find_tasks: Callable[[str], Sequence[str]] | None = None

    def error(self, message: str) -> None:
        """Print the error and where help is, and leave."""
        unrecognized = "unrecognized arguments: "
        if message.startswith(unrecognized):
            word = message[len(unrecognized) :].split()[0]
            message = (
                self.explain_unknown(word.partition("=")[0])
                if word.startswith("-")
                else (f"'{word}' belongs to no flag")
            )
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse flags; `--name yes|no` of earlier versions is read as `--name` or `--no-name`."""
        switches = {f for a in self._actions if isinstance(a, _Switch) for f in a.option_strings}
        words: list[str] = []
        for word in sys.argv[1:] if args is None else args:
            if word in ("yes", "no") and words and words[-1] in switches:
                old = words.pop()
                words.append(old if word == "yes" else old.replace("--", "--no-", 1))
                warn_renamed(f"{old} {word}", words[-1])
            else:
                words.append(word)
        return super().parse_known_args(words, namespace)

    def explain_unknown(self, word: str) -> str:
        """Return the error message for a flag that does not exist here: the tasks that have it, or the nearest name."""
        having = self.find_tasks(word) if self.find_tasks else ()
        if having:
            return f"{word} does not apply to {self.subject}; tasks that have it: {', '.join(having)}"
        shown = [action for action in self._actions if action.help != argparse.SUPPRESS]
        return str(unknown("flag", word, [flag for action in shown for flag in action.option_strings]))


def flag(
    default: Any,
    help: str,
    parse: Any = str,
    metavar: str | None = None,
    choices: Sequence[str] = (),
    was: str = "",
    const: Any = None,
) -> Any:
    """Declare a field of a dataclass together with its command line flag.

    Args:
        default: value if the flag is not given; True or False makes a pair `--name`, `--no-name`.
        help: what the flag does, one line; "{unit}" stands for the task's examples ("images", "windows").
        parse: function from the text of the command line to the value; raises InputError.
        metavar: placeholder of the value in the help.
        choices: allowed values; empty for any.
        was: earlier name of the flag, which is still accepted with a warning.
        const: value if the flag is given without one; None: it needs one.

    Example:
        >>> import dataclasses
        >>> width = dataclasses.make_dataclass("Width", [("width", int, flag(64, "channels", int))])
        >>> width(), [item.name for item in flag_fields(width)]
        (Width(width=64), ['width'])
    """
    about = {"help": help, "parse": parse, "metavar": metavar, "choices": tuple(choices)}
    about |= {"was": was, "const": const}
    return field(default=default, metadata=about)


def flag_fields(declared: Any) -> list[Field]:
    """Return the fields of a dataclass that are flags; an empty list for anything else."""
    return [item for item in fields(declared) if "parse" in item.metadata] if is_dataclass(declared) else []


def flag_name(field_name: str) -> str:
    """Return the flag of a field.

    Example:
        >>> flag_name("batch_size")
        '--batch-size'
    """
    return "--" + field_name.replace("_", "-")


def add_flags(
    parser: Any,
    flags: Sequence[Field],
    defaults: Mapping[str, Any],
    unit: str = "examples",
    hide: bool = False,
) -> None:
    """Add a `--kebab-case` flag for each field, with its help and its default.

    A flag that is not given leaves no trace in the parsed namespace, so that defaults, a config file and the command
    line can be merged in that order.

    Args:
        parser: the parser, or a group of it.
        flags: as `flag_fields` returns them.
        defaults: values that replace the fields' own defaults, such as a task's.
        unit: what the task's examples are called in help texts.
        hide: whether the flags are left out of the help.
    """
    for item in flags:
        about, default = item.metadata, defaults.get(item.name, item.default)
        shown = "" if default in (None, (), "", False, MISSING) else f" (default: {_shown(default)})"
        help = argparse.SUPPRESS if hide else about["help"].replace("{unit}", unit) + shown
        settings: dict[str, Any] = {"dest": item.name, "default": argparse.SUPPRESS}
        if isinstance(default, bool):
            settings |= {"action": _Switch, "nargs": 0}
            names = [flag_name(item.name), flag_name("no_" + item.name)]
        else:
            names = [flag_name(item.name)]
            settings["type"] = typed(about["parse"], about["choices"])
            settings |= {} if about["const"] is None else {"nargs": "?", "const": about["const"]}
            settings["metavar"] = about["metavar"] or ("|".join(about["choices"]) or item.name.upper())
        parser.add_argument(*names, help=help, **settings)
        if about["was"]:
            old = [flag_name(prefix + about["was"]) for prefix in ("", "no_")[: len(names)]]
            settings |= {} if isinstance(default, bool) else {"action": _Renamed}
            parser.add_argument(*old, help=argparse.SUPPRESS, **settings)


class _Renamed(argparse.Action):
    """Store the value of a flag that has a new name, and say so."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        warn_renamed(option_string or "", flag_name(self.dest))
        setattr(namespace, self.dest, values)


class _Switch(argparse.Action):
    """Turn a setting on by `--name` and off by `--no-name`."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        named = option_string or ""
        is_on = not named.startswith("--no-")
        if named not in (flag_name(self.dest), flag_name("no_" + self.dest)):
            warn_renamed(named, flag_name(self.dest))
        setattr(namespace, self.dest, is_on)


def warn_renamed(old: str, new: str) -> None:
    """Warn that a flag was renamed."""
    LOG.warning("WARNING: %s is now %s; the old name will be removed in the next minor release", old, new)


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
