"""The one error for unusable input."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Report unusable input in one line: what was received, what is allowed, the next step.

    The command line prints its message without a traceback and leaves with exit code 2.
    """


class NoAnnotations(InputError):
    """Report images without any labels: they can be predicted, not trained on."""


def unknown(kind: str, received: str, allowed: Iterable[str]) -> InputError:
    """Return the error for a name that is not in a list, with its nearest match first.

    Args:
        kind: what the name stands for, in the singular ("backbone").
        received: the name as it was given.
        allowed: every name that would have done.

    Example:
        >>> print(unknown("backbone", "vg16", ["resnet50", "vgg16"]))
        unknown backbone 'vg16': did you mean 'vgg16'? Allowed: resnet50, vgg16
    """
    received = received[:60]  # a field of a damaged file may be thousands of letters long
    names = sorted(allowed)
    near = difflib.get_close_matches(received, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{received}': {hint}Allowed: {', '.join(names)}")
