"""The adaptation methods by name, the values of `--adapt`. Nothing heavy is imported."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np

# name -> (meaning of the number after the colon, module, class)
_TABLE = {
    "lora": ("RANK", "low_rank", "Lora"),
    "adalora": ("RANK", "low_rank", "AdaLora"),
    "adapter": ("WIDTH", "low_rank", "Adapter"),
    "bias": (None, "channel_tuning", "Bias"),
    "norm": (None, "channel_tuning", "Norm"),
    "ssf": (None, "channel_tuning", "ScaleAndShift"),
}
Chains = dict[Any, list[Any]]


class AdaptationMethod(Protocol):
    """Interface of an adaptation method; one class per method, created with its number, if any.

    Attributes:
        trains: names of the trainable variables in the layers that the method creates.
        keeps: names of other variables that training changes, such as masks.
        folds: whether everything can be folded into existing layers.
    """

    trains: frozenset[str]
    keeps: frozenset[str]
    folds: bool

    def plan(self, backbone: keras.Model, operations: list[Any], seed: int) -> Chains:
        """Return, for each operation to adapt, the chain that replaces it."""
        ...

    def fold(self, chain: list[Any]) -> dict[str, np.ndarray]:
        """Return the weights, by name, of one plain layer equivalent to a chain; only if `folds`."""
        ...


def names() -> list[str]:
    """Return the methods in command-line syntax.

    Example:
        >>> names()
        ['lora:RANK', 'adalora:RANK', 'adapter:WIDTH', 'bias', 'norm', 'ssf']
    """
    return [name if number is None else f"{name}:{number}" for name, (number, _, _) in _TABLE.items()]


def parse(how: str) -> tuple[str, int | None]:
    """Return a method's name and the number after the colon.

    Raises:
        ValueError: unknown method, or its number is missing, invalid or unexpected.

    Example:
        >>> parse("lora:8"), parse("bias")
        (('lora', 8), ('bias', None))
        >>> parse("lorra:8")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: unknown adaptation method 'lorra:8': did you mean 'lora:RANK'? Allowed: lora:RANK, ...
    """
    name, colon, number = str(how).partition(":")
    if name not in _TABLE:
        near = difflib.get_close_matches(name.lower(), _TABLE, n=1, cutoff=0.5)
        hint = f"did you mean '{names()[list(_TABLE).index(near[0])]}'? " if near else ""
        raise ValueError(f"unknown adaptation method '{how}': {hint}Allowed: {', '.join(names())}")
    meaning = _TABLE[name][0]
    if meaning is None:
        if colon:
            raise ValueError(f"adaptation method '{how}': '{name}' takes no number, give '{name}'")
        return name, None
    if not (number.isascii() and number.isdigit() and int(number) > 0):
        raise ValueError(
            f"adaptation method '{how}': {meaning} must be a whole number of at least 1, e.g. '{name}:8'"
        )
    return name, int(number)


def make(how: str) -> AdaptationMethod:
    """Return a method by name.

    Raises:
        ValueError: as `parse`.
    """
    name, number = parse(how)
    _, module, kind = _TABLE[name]
    method = getattr(importlib.import_module(f"zoo.peft.{module}"), kind)
    return method() if number is None else method(number)
