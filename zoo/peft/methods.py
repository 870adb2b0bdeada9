"""The ways to adapt a backbone, by name: what `--adapt` takes. Nothing heavy is imported."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np

# name -> (what the number after the colon means, the class's module, the class)
_TABLE = {
    "lora": ("RANK", "lora", "Lora"),
    "adalora": ("RANK", "adalora", "AdaLora"),
    "adapter": ("WIDTH", "adapter", "Adapter"),
    "bias": (None, "bias_norm", "Bias"),
    "norm": (None, "bias_norm", "Norm"),
    "ssf": (None, "ssf", "ScaleAndShift"),
}
Chains = dict[Any, list[Any]]


class AdaptationMethod(Protocol):
    """What a way to adapt answers; there is one class for each, made with the number that it takes, if any.

    Attributes:
        trains: names of the variables that train in the layers which the way makes.
        keeps: names of further variables of theirs that training changes, such as masks.
        folds: whether all of it folds into the layers that were there before.
    """

    trains: frozenset[str]
    keeps: frozenset[str]
    folds: bool

    def plan(self, backbone: keras.Model, operations: list[Any], seed: int) -> Chains:
        """Return for each of some operations that shall be adapted the chain that takes its place."""
        ...

    def fold(self, chain: list[Any]) -> dict[str, np.ndarray]:
        """Return the weights, by name, of one plain layer that computes what a chain does; where `folds`."""
        ...


def names() -> list[str]:
    """Return the ways as a command line says them.

    Example:
        >>> names()
        ['lora:RANK', 'adalora:RANK', 'adapter:WIDTH', 'bias', 'norm', 'ssf']
    """
    return [name if number is None else f"{name}:{number}" for name, (number, _, _) in _TABLE.items()]


def parse(how: str) -> tuple[str, int | None]:
    """Take a way apart: its name and the number behind the colon.

    Raises:
        ValueError: no such way, or its number is missing, is none, or has no meaning.

    Example:
        >>> parse("lora:8"), parse("bias")
        (('lora', 8), ('bias', None))
        >>> parse("lorra:8")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: unknown way to adapt 'lorra:8': did you mean 'lora:RANK'? Allowed: lora:RANK, ...
    """
    name, colon, number = str(how).partition(":")
    if name not in _TABLE:
        near = difflib.get_close_matches(name.lower(), _TABLE, n=1, cutoff=0.5)
        hint = f"did you mean '{names()[list(_TABLE).index(near[0])]}'? " if near else ""
        raise ValueError(f"unknown way to adapt '{how}': {hint}Allowed: {', '.join(names())}")
    meaning = _TABLE[name][0]
    if meaning is None:
        if colon:
            raise ValueError(f"way to adapt '{how}': '{name}' takes no number, give '{name}'")
        return name, None
    if not (number.isascii() and number.isdigit() and int(number) > 0):
        raise ValueError(
            f"way to adapt '{how}': {meaning} must be a whole number of at least 1, e.g. '{name}:8'"
        )
    return name, int(number)


def make(how: str) -> AdaptationMethod:
    """Return the way that a text names.

    Raises:
        ValueError: as `parse`.
    """
    name, number = parse(how)
    _, module, kind = _TABLE[name]
    way = getattr(importlib.import_module(f"zoo.peft.{module}"), kind)
    return way() if number is None else way(number)
