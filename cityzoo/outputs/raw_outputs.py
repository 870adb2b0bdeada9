"""An output that leaves what the network returns as it is: for fusions, and for features of a backbone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from cityzoo.outputs import Output


def skip_decoding(output: Output) -> Output:
    """Return an output whose results are what the network returns, with the matrix and the example.

    Example:
        >>> from cityzoo.outputs.classification import Classification
        >>> skip_decoding(Classification(("bus", "car"))).decode(np.array([[3.0]]), None, ["a"])
        [(array([3.], dtype=float32), None, 'a')]
    """
    return replace_decoding(output, _keep)


def replace_decoding(output: Output, decode: Callable[..., list[Any]]) -> Output:
    """Return an output with another decoding.

    Args:
        output: any output.
        decode: takes the output itself, and what `Output.decode` takes.

    Example:
        >>> from cityzoo.outputs.classification import Classification
        >>> found = replace_decoding(Classification(("bus", "car")), lambda self, rows, *_: rows[::-1])
        >>> found.decode([1, 2], None, "ab")
        [2, 1]
    """
    kind = type(f"Undecoded{type(output).__name__}", (type(output),), {"decode": decode})
    values: dict[str, Any] = {item.name: getattr(output, item.name) for item in fields(output)}
    made: Output = kind(**values)
    return made


def _keep(self: Output, outputs: Any, matrices: Any, examples: Sequence[Any]) -> list[Any]:
    values = np.asarray(outputs, np.float32)
    places = [None] * len(values) if matrices is None else np.asarray(matrices)
    return list(zip(values, places, examples, strict=True))
