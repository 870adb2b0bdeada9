"""Words of the flag about attacked training images."""

from __future__ import annotations

from typing import NamedTuple

from cityzoo.cli.values import parse_number
from cityzoo.errors import InputError, unknown

FGSM, PGD, TRADES = "fgsm", "pgd", "trades"
KINDS = (FGSM, PGD, TRADES)
EXAMPLE = "pgd:eps=4,steps=7"
LARGEST_EPS = 64.0  # of 255; beyond it images are noise
MOST_STEPS = 100


class Attack(NamedTuple):
    """How training images are attacked.

    Attributes:
        kind: a member of `KINDS`.
        eps: gray levels of 255 that a pixel may change.
        steps: gradients per image.
        beta: TRADES: weight of the divergence of both answers.
    """

    kind: str
    eps: float = 4.0
    steps: int = 7
    beta: float = 6.0


def parse_attack(text: str) -> str:
    """Check a value of --adversarial, such as "pgd:eps=4,steps=7".

    Raises:
        InputError: another kind, an unknown setting, or a number out of bounds.
    """
    read_attack(text)
    return text


def read_attack(text: str) -> Attack:
    """Return what a value of --adversarial means.

    Example:
        >>> read_attack("trades:eps=8,beta=3"), read_attack("fgsm").steps
        (Attack(kind='trades', eps=8.0, steps=7, beta=3.0), 1)
    """
    kind, _, rest = text.strip().partition(":")
    if kind not in KINDS:
        raise unknown("attack", kind, KINDS)
    pairs = [part.partition("=") for part in rest.split(",")] if rest else []
    values = {name.strip(): parse_number(number) for name, _, number in pairs}
    allowed = {FGSM: ("eps",), PGD: ("eps", "steps"), TRADES: ("eps", "steps", "beta")}[kind]
    if not set(values) <= set(allowed) or len(values) < len(pairs):
        raise InputError(
            f"--adversarial '{text}' is not understood: {kind} has {', '.join(allowed)}, each once, e.g. {EXAMPLE}"
        )
    steps = 1 if kind == FGSM else values.get("steps", 7)
    found = Attack(kind, values.get("eps", 4.0), int(steps), values.get("beta", 6.0))
    if not (0 < found.eps <= LARGEST_EPS and 1 <= steps <= MOST_STEPS and steps == found.steps):
        raise InputError(
            f"--adversarial '{text}': eps is above 0 and at most {LARGEST_EPS:g} of 255 gray levels, steps a whole "
            f"number of 1 to {MOST_STEPS}, e.g. {EXAMPLE}"
        )
    return found
