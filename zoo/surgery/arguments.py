"""Parse and check the arguments of surgery. Nothing heavy is imported."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import partial

from zoo.registry import unknown

STAGES = ("C1", "C2", "C3", "C4", "C5")
KINDS = ("se", "cbam")
# Those that `zoo.calibrate` can scale to unit variance. Bounded ones (sigmoid, softmax) are gates and not replaced.
ACTIVATIONS = ("relu", "relu6", "leaky_relu", "silu", "hard_silu", "gelu")
SYNONYMS = {"swish": "silu", "hard_swish": "hard_silu"}


def chosen(what: str, value: str, allowed: Collection[str]) -> str:
    """Return a value if it is allowed.

    Raises:
        ValueError: it is not; the message names the closest allowed value.

    Example:
        >>> chosen("stage", "c4", STAGES)
        Traceback (most recent call last):
        ...
        ValueError: unknown stage 'c4': did you mean 'C4'? Allowed: C1, C2, C3, C4, C5
    """
    if value not in allowed:
        raise unknown(what, value, allowed)
    return value


stage_name = partial(chosen, "stage", allowed=STAGES)
attention_kind = partial(chosen, "kind of attention", allowed=KINDS)


def stage_names(after: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of one or more different stages.

    Raises:
        ValueError: unknown or repeated stage.

    Example:
        >>> stage_names("C4"), stage_names("C3+C5"), stage_names(("C3", "C5"))
        (('C4',), ('C3', 'C5'), ('C3', 'C5'))
    """
    words = re.split("[+,]", after) if isinstance(after, str) else after
    names = tuple(stage_name(str(word).strip()) for word in words)
    if len(set(names)) < len(names):
        raise ValueError(f"stages {'+'.join(names)} repeat a stage: name each once")
    return names


def activation_name(value: str) -> str:
    """Return Keras' name of an activation.

    Raises:
        ValueError: it cannot be replaced or is unknown.

    Example:
        >>> activation_name("hard_swish")
        'hard_silu'
    """
    return SYNONYMS.get(value) or chosen("activation", value, [*ACTIVATIONS, *SYNONYMS])


def share(rate: float | str) -> float:
    """Return a dropout rate, above 0 and below 1.

    Raises:
        ValueError: not a number, or out of bounds.

    Example:
        >>> share("0.1")
        0.1
        >>> share(1)
        Traceback (most recent call last):
        ...
        ValueError: invalid rate '1': give a number above 0 and below 1, e.g. 0.1
    """
    try:
        number = float(rate)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 < number < 1:
        raise ValueError(f"invalid rate '{rate}': give a number above 0 and below 1, e.g. 0.1")
    return number
