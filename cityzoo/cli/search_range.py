"""Values that a search may try of a setting, declared next to its flag or given as `--search NAME=VALUES`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, replace
from typing import Any

from cityzoo.errors import InputError, unknown

LOG_RATIO = 20  # from this ratio of its ends on, a range without a declaration is searched by factors
EXAMPLE = "--search learning_rate=1e-5..1e-2 or --search freeze=backbone,none"


@dataclass(frozen=True)
class Range:
    """Numbers between two ends.

    Attributes:
        low, high: the ends, both included; factors of the default where `is_relative`.
        is_log: whether equal factors are equally likely, rather than equal differences.
        is_whole: whether only whole numbers are tried.
        is_relative: whether the ends are factors of the task's default.
        needs_gradients: whether the setting does nothing where the head is computed in closed form alone.
    """

    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False
    is_relative: bool = False
    needs_gradients: bool = False

    def resolve(self, default: float) -> Range:
        """Return the range with absolute ends, which include the default.

        Example:
            >>> around(10).resolve(0.002)
            Range(low=0.0002, high=0.02, is_log=True, is_whole=False, is_relative=False, needs_gradients=False)
        """
        factor = default if self.is_relative else 1
        low, high = min(self.low * factor, default), max(self.high * factor, default)
        if self.is_whole:
            low, high = max(1, round(low)), round(high)
        return replace(self, low=low, high=high, is_relative=False, is_log=self.is_log and low > 0)


@dataclass(frozen=True)
class Options:
    """A list of values.

    Attributes:
        values: in an order where neighbours are alike.
        needs_gradients: see `Range`.
    """

    values: tuple[Any, ...]
    needs_gradients: bool = False


def log_range(low: float, high: float, **more: bool) -> Range:
    """Return a range that is searched by factors, such as of learning rates."""
    return Range(low, high, is_log=True, **more)


def linear_range(low: float, high: float, **more: bool) -> Range:
    """Return a range that is searched by differences, such as of shares."""
    return Range(low, high, **more)


def around(factor: float, **more: bool) -> Range:
    """Return the range from the default divided by a factor to the default times it."""
    return Range(1 / factor, factor, is_log=True, is_relative=True, **more)


def options(*values: Any, **more: bool) -> Options:
    """Return a list of values to try; the default is added."""
    return Options(values, **more)


def parse_search(text: str, fields: Mapping[str, Field]) -> tuple[str, Range | Options]:
    """Read "learning_rate=1e-5..1e-2" or "freeze=backbone,none", values as the field's flag takes them.

    Args:
        text: of the command line.
        fields: that can be searched, by name.

    Raises:
        InputError: no such field, an inverted range, a value that the flag does not take.
    """
    name, sign, values = text.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    if not sign or not values.strip():
        raise InputError(
            f"--search '{text}' is not understood: give NAME=LOW..HIGH or NAME=A,B, e.g. {EXAMPLE}"
        )
    if name not in fields:
        raise unknown("setting to search", name, fields)
    item = fields[name]
    declared = item.metadata.get("search")
    needs_gradients = bool(declared and declared.needs_gradients)
    if ".." in values:
        return name, _parse_range(name, values, item, needs_gradients)
    parts = [part.strip() for part in values.split(";" if ";" in values else ",")]
    return name, Options(
        tuple(dict.fromkeys(_parse_value(name, part, item) for part in parts)), needs_gradients
    )


def _parse_range(name: str, text: str, item: Field, needs_gradients: bool) -> Range:
    low, high = (_parse_value(name, part.strip(), item) for part in text.split("..", 1))
    if not all(isinstance(end, int | float) and math.isfinite(end) for end in (low, high)):
        raise InputError(
            f"--search {name}={text}: {name} takes no numbers: list values instead, e.g. {name}=A,B"
        )
    if low >= high:
        raise InputError(
            f"--search {name}={text} is inverted or empty: give the lower end first, e.g. {high}..{low}"
        )
    is_whole = isinstance(low, int) and isinstance(high, int)
    declared = item.metadata.get("search")
    is_log = low > 0 and (high / low >= LOG_RATIO or bool(getattr(declared, "is_log", False)))
    return Range(low, high, is_log, is_whole, needs_gradients=needs_gradients)


def _parse_value(name: str, text: str, item: Field) -> Any:
    if isinstance(item.default, bool):
        switches = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False}
        if text.lower() not in switches:
            raise unknown(f"value of {name}", text, ("on", "off"))
        return switches[text.lower()]
    parse: Callable[[str], Any] = item.metadata["parse"]
    try:
        value = parse(text)
    except InputError as error:
        raise InputError(f"--search {name}: {error}") from error
    if item.metadata["choices"] and value not in item.metadata["choices"]:
        raise unknown(f"value of {name}", text, item.metadata["choices"])
    return value
