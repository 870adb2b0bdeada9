"""What the functions of surgery take, checked with one line of complaint. Nothing heavy is imported."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

STAGES = ("C1", "C2", "C3", "C4", "C5")
KINDS = ("se", "cbam")
# Those that `zoo.calibrate` can bring to unit variance. Bounded ones (sigmoid, softmax) are gates: not to be swapped.
ACTIVATIONS = ("relu", "relu6", "leaky_relu", "silu", "hard_silu", "gelu")
SYNONYMS = {"swish": "silu", "hard_swish": "hard_silu"}


def chosen(what: str, value: str, allowed: Iterable[str]) -> str:
    """Return a word if it is one of those allowed.

    Raises:
        ValueError: it is not.

    Example:
        >>> chosen("stage", "c4", STAGES)
        Traceback (most recent call last):
        ...
        ValueError: unknown stage 'c4': did you mean 'C4'? Allowed: C1, C2, C3, C4, C5
    """
    allowed = list(allowed)
    if value in allowed:
        return value
    lower = {word.lower(): word for word in reversed(allowed)}
    near = difflib.get_close_matches(str(value).lower(), lower, n=1, cutoff=0.5)
    hint = f"did you mean '{lower[near[0]]}'? " if near else ""
    raise ValueError(f"unknown {what} '{value}': {hint}Allowed: {', '.join(allowed)}")


def stage_name(value: str) -> str:
    """Return the name of a stage.

    Raises:
        ValueError: it is none.
    """
    return chosen("stage", value, STAGES)


def stage_names(after: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of one or more stages, each once.

    Raises:
        ValueError: one is no stage, or named twice.

    Example:
        >>> stage_names("C4"), stage_names("C3+C5"), stage_names(("C3", "C5"))
        (('C4',), ('C3', 'C5'), ('C3', 'C5'))
    """
    words = re.split("[+,]", after) if isinstance(after, str) else after
    names = tuple(stage_name(str(word).strip()) for word in words)
    if len(set(names)) < len(names):
        raise ValueError(f"stages {'+'.join(names)} hold one twice: name each once")
    return names


def attention_kind(value: str) -> str:
    """Return the name of a kind of attention.

    Raises:
        ValueError: it is none.
    """
    return chosen("kind of attention", value, KINDS)


def activation_name(value: str) -> str:
    """Return Keras' own name of an activation that can be swapped.

    Raises:
        ValueError: it cannot.

    Example:
        >>> activation_name("hard_swish")
        'hard_silu'
    """
    return SYNONYMS.get(value) or chosen("activation", value, [*ACTIVATIONS, *SYNONYMS])


def share(rate: float | str) -> float:
    """Return a share to drop, above 0 and below 1.

    Raises:
        ValueError: no number, or out of bounds.

    Example:
        >>> share("0.1")
        0.1
        >>> share(1)
        Traceback (most recent call last):
        ...
        ValueError: rate '1' is no share to drop: give a number above 0 and below 1, e.g. 0.1
    """
    try:
        number = float(rate)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 < number < 1:
        raise ValueError(f"rate '{rate}' is no share to drop: give a number above 0 and below 1, e.g. 0.1")
    return number
