"""Whether training examples have the classes that a classifier needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityzoo.errors import InputError
from cityzoo.sample import ExampleSet


def count_classes(train: ExampleSet, class_names: Sequence[str], several: bool) -> tuple[int, ...]:
    """Return the number of examples of each class.

    Args:
        train: labeled examples.
        class_names: that their targets point to.
        several: whether an example can have several classes, or none.

    Raises:
        InputError: one class only, or several on an example that can have one.
    """
    targets = np.stack([each.target for each in train.examples])
    if not several and len(class_names) < 2:
        raise InputError(f"one class only ({', '.join(class_names)}): give examples of another class as well")
    odd = np.flatnonzero(targets.sum(axis=1) != 1)
    if not several and len(odd):
        path, count = train.examples[odd[0]].path, int(targets[odd[0]].sum())
        hint = "incident_classify takes several" if count else "give it a class, or leave it out"
        raise InputError(f"'{path}' carries {count} classes: this task takes one per image; {hint}")
    return tuple(int(count) for count in targets.sum(axis=0))


def require_all_classes(counts: Sequence[int], class_names: Sequence[str]) -> None:
    """Refuse classes without a single example.

    Raises:
        InputError: with their names.
    """
    missing = [name for name, count in zip(class_names, counts, strict=True) if not count]
    if missing:
        raise InputError(
            f"no image of {', '.join(missing)} to train on: give some, leave the class out by --classes, or set "
            "other thresholds where labels are made from boxes (see --help)"
        )
