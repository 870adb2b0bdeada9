"""Flags declared as fields of dataclasses, and added to a parser."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields, is_dataclass
from typing import Any

from cityzoo.cli.search_range import Options, Range
from cityzoo.errors import InputError, unknown

LOG = logging.getLogger(__name__)


def flag(
    default: Any,
    help: str,
    parse: Any = str,
    metavar: str | None = None,
    choices: Sequence[str] = (),
    was: str = "",
    const: Any = None,
    separator: str = ",",
    search: Range | Options | None = None,
) -> Any:
    """Declare a field of a dataclass together with its command line flag.

    Args:
        default: value if the flag is not given; True or False makes a pair `--name`, `--no-name`.
        help: what the flag does, one line; words in braces are those of `add_flags`, such as "{unit}".
        parse: function from the text of the command line to the value; raises InputError.
        metavar: placeholder of the value in the help; words in braces as in `help`.
        choices: allowed values; empty for any.
        was: earlier name of the flag, which is still accepted with a warning.
        const: value if the flag is given without one; None: it needs one.
        separator: what stands between the items of a list on the command line.
        search: what `python -m cityzoo tune` tries of it; None: it keeps its value unless --search says otherwise.

    Example:
        >>> import dataclasses
        >>> width = dataclasses.make_dataclass("Width", [("width", int, flag(64, "channels", int))])
        >>> width(), [item.name for item in flag_fields(width)]
        (Width(width=64), ['width'])
    """
    about = {"help": help, "parse": parse, "metavar": metavar, "choices": tuple(choices)}
    about |= {"was": was, "const": const, "separator": separator, "search": search}
    return field(default=default, metadata=about)


def flag_fields(declared: Any) -> list[Field]:
    """Return the fields of a dataclass that are flags; an empty list for anything else."""
    return [item for item in fields(declared) if "parse" in item.metadata] if is_dataclass(declared) else []


def flag_name(field_name: str) -> str:
    """Return the flag of a field; a field whose name Python keeps for itself ends with "_".

    Example:
        >>> flag_name("batch_size"), flag_name("continue_")
        ('--batch-size', '--continue')
    """
    return "--" + field_name.rstrip("_").replace("_", "-")


def flag_names(item: Field) -> list[str]:
    """Return what sets a field on the command line: its flag, and `--no-` for True or False; then earlier names.

    Example:
        >>> import dataclasses
        >>> made = dataclasses.make_dataclass("Fit", [("find_lr", bool, flag(False, "find the rate", was="lr_find"))])
        >>> flag_names(flag_fields(made)[0])
        ['--find-lr', '--no-find-lr', '--lr-find', '--no-lr-find']
    """
    prefixes = ("", "no_") if isinstance(item.default, bool) else ("",)
    was = [item.metadata["was"]] if item.metadata["was"] else []
    return [flag_name(prefix + name) for name in (item.name, *was) for prefix in prefixes]


def add_flags(
    parser: Any, flags: Sequence[Field], defaults: Mapping[str, Any], words: Mapping[str, str] | None = None
) -> None:
    """Add a `--kebab-case` flag for each field, with its help and its default.

    A flag that is not given leaves no trace in the parsed namespace, so that defaults, a config file and the command
    line can be merged in that order.

    Args:
        parser: the parser, or a group of it.
        flags: as `flag_fields` returns them.
        defaults: values that replace the fields' own defaults, such as a task's.
        words: what words in braces stand for in help texts, by name; {"unit": "examples"} if left out.
    """
    words = words or {"unit": "examples"}
    for item in flags:
        about, default = item.metadata, defaults.get(item.name, item.default)
        shown = "" if _is_nothing(default) else f" (default: {_shown(default, about['separator'])})"
        settings: dict[str, Any] = {"dest": item.name, "default": argparse.SUPPRESS}
        if isinstance(item.default, bool):
            settings |= {"action": Switch, "nargs": 0}
        else:
            settings["type"] = argparse_type(about["parse"], about["choices"])
            settings |= {} if about["const"] is None else {"nargs": "?", "const": about["const"]}
            metavar = about["metavar"] or "|".join(about["choices"]) or item.name.upper()
            settings["metavar"] = _fill(metavar, words)
        names = flag_names(item)
        count = len(names) // (2 if about["was"] else 1)
        parser.add_argument(*names[:count], help=_fill(about["help"], words) + shown, **settings)
        if names[count:]:
            settings |= {} if isinstance(item.default, bool) else {"action": _Renamed}
            parser.add_argument(*names[count:], help=argparse.SUPPRESS, **settings)


def _fill(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _is_nothing(default: Any) -> bool:
    return default is MISSING or default is None or default == () or default == ""


def _shown(default: Any, separator: str) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        parts = (":".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in default)
        return separator.join(parts)
    return str(default)


class _Renamed(argparse.Action):
    """Store the value of a flag that has a new name, and say so."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        warn_renamed(option_string or "", flag_name(self.dest))
        setattr(namespace, self.dest, values)


class Switch(argparse.Action):
    """Turn a setting on by `--name` and off by `--no-name`."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Set the value; an earlier name of the flag is reported."""
        named = option_string or ""
        is_on = not named.startswith("--no-")
        if named not in (flag_name(self.dest), flag_name("no_" + self.dest)):
            warn_renamed(named, flag_name(self.dest if is_on else "no_" + self.dest))
        setattr(namespace, self.dest, is_on)


def warn_renamed(old: str, new: str) -> None:
    """Warn that a flag was renamed."""
    LOG.warning("WARNING: %s is now %s; the old name will be removed in the next minor release", old, new)


def argparse_type(parse: Callable[[str], Any], choices: Sequence[str] = ()) -> Callable[[str], Any]:
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
