"""Words of the flags about what a model that goes on learning must not forget."""

from __future__ import annotations

import datetime

from cityzoo.cli.values import parse_number
from cityzoo.errors import InputError, unknown

REPLAY, DISTIL, EWC, JOINT = "replay", "distil", "ewc", "joint"
RETAIN = (REPLAY, DISTIL, EWC, JOINT)
LARGEST_SHARE = 0.95  # of replayed examples
Weights = tuple[tuple[str, float], ...]


def parse_retain(text: str) -> Weights:
    """Read "replay:0.3,distil:1" as ways to retain what a model knows, with their weights; "none" as no way.

    Example:
        >>> parse_retain("replay:0.3, distil:1"), parse_retain("none"), parse_retain("joint")
        ((('replay', 0.3), ('distil', 1.0)), (), (('joint', 1.0),))
    """
    if text.strip() in ("", "none"):
        return ()
    if text.strip() in (JOINT, f"{JOINT}:1.0"):
        return ((JOINT, 1.0),)
    found = _parse_pairs(text, "replay:0.3,distil:1")
    for way, weight in found:
        if way not in RETAIN:
            raise unknown("way to retain what a model knows", way, RETAIN)
        if way == JOINT:
            raise InputError(f"--retain '{text}': {JOINT} stands alone, without a weight")
        if way == REPLAY and weight > LARGEST_SHARE:
            raise InputError(
                f"replay:{weight:g} is a share of the training examples: give 0 to {LARGEST_SHARE}, e.g. replay:0.3"
            )
    return found


def parse_losses(text: str) -> Weights:
    """Read "AP50:0.02" as metrics and by how much each may become worse.

    Example:
        >>> parse_losses("AP50:0.02,AP:0.01")
        (('AP50', 0.02), ('AP', 0.01))
    """
    return _parse_pairs(text, "AP50:0.02")


def _parse_pairs(text: str, example: str) -> Weights:
    pairs = [part.strip().rpartition(":") for part in text.split(",")]
    names = [name.strip() for name, _, _ in pairs]
    if not all(names) or len(set(names)) < len(names):
        raise InputError(f"'{text}' is not understood: give each name once with its number, e.g. {example}")
    return tuple((name.strip(), parse_number(number)) for name, _, number in pairs)


def parse_date(text: str) -> str:
    """Read a date, YYYY-MM-DD.

    Example:
        >>> parse_date("2027-06-30")
        '2027-06-30'
    """
    try:
        return datetime.date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise InputError(f"'{text}' is not a date: give YYYY-MM-DD, e.g. 2027-06-30") from error
