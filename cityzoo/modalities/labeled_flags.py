"""Flags of tasks on labeled examples of any kind."""

from __future__ import annotations

from dataclasses import dataclass

from cityzoo.cli import flag
from cityzoo.cli.values import AUTO, parse_count, parse_names

SPLITS = ("val", "train", "test", "all")


@dataclass(frozen=True)
class LabeledFlags:
    """Which labeled examples are read, and where their features are cached."""

    val: str | None = flag(
        None, "held-out data (default: the val split of --data, else a fifth of it)", metavar="PATH"
    )
    classes: tuple[str, ...] = flag(
        (), "classes to train, in this order (default: all)", parse_names, "A,B,C"
    )
    shots: int | None = flag(
        None, "train on this many examples per class, sampled by --seed", parse_count, "N"
    )
    cache: str = flag(
        AUTO,
        "where features of the frozen backbone are cached: auto (up to 12 GB in the user's cache), off, or a folder",
        metavar="auto|off|FOLDER",
    )


@dataclass(frozen=True)
class LabeledEvaluateFlags:
    """Which labeled examples evaluate.py reads."""

    split: str | None = flag(
        None, "examples to evaluate on (default: val; all if --data has no val split)", choices=SPLITS
    )
