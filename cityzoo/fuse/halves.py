"""Held-out examples in two parts: one chooses weights, thresholds and members, the other evaluates the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cityzoo.data.groups import group_examples, join_groups, make_folds
from cityzoo.errors import InputError
from cityzoo.modalities import Dataset, Modality

LEAST = 2  # groups, so that each part has one


@dataclass(frozen=True)
class HeldOut:
    """Held-out examples for a fusion.

    Attributes:
        choose: what weights and the like are chosen on.
        evaluate: what the result is evaluated on.
        note: how they were divided, in words.
        rows: of both parts in the split that they are parts of; empty where they are two splits.
    """

    choose: Any
    evaluate: Any
    note: str = ""
    rows: tuple[list[int], list[int]] = ([], [])

    @property
    def is_half(self) -> bool:
        """Whether both are parts of the same split."""
        return bool(self.rows[0])


def divide_held_out(data: Dataset, modality: Modality[Any], seed: int = 0) -> HeldOut:
    """Return val and test, or two halves of val that share no scene or video; of a single scene, no image.

    Raises:
        InputError: too few groups.
    """
    if data.held_out is not data.val:
        note = f"Chosen on {len(data.val)} {modality.unit} of {data.val.split}, evaluated on {data.held_out.split}"
        return HeldOut(data.val, data.held_out, note)
    scenes, where = modality.groups(data.val), "other scenes"
    windows = [
        getattr(each, "window_xyxy", None) and each.path for each in data.val.examples
    ]  # crops of one image
    groups = join_groups(group_examples(scenes).tolist(), windows)
    if groups.max(initial=0) < 1:
        groups, where = join_groups(windows), "the same scene"
    rows = halve_groups(groups, seed)
    first, second = (modality.select(data.val, each) for each in rows)
    note = (
        f"Chosen on {len(first)} {modality.unit} of {data.val.split}, evaluated on {len(second)} of {where}"
    )
    return HeldOut(first, second, note, rows)


def halve_groups(groups: Sequence[int] | np.ndarray, seed: int = 0) -> tuple[list[int], list[int]]:
    """Return the rows of two halves of about equal size that share no group.

    Args:
        groups: number of the group of each row.
        seed: of the order of groups of equal size.

    Raises:
        InputError: fewer than two groups.

    Example:
        >>> halve_groups([0, 0, 1, 1, 2, 2, 2])
        ([4, 5, 6], [0, 1, 2, 3])
    """
    if len(set(groups)) < LEAST:
        raise InputError(
            f"{len(groups)} held-out examples cannot both choose and evaluate: give more with --val in training, or "
            "use a method that chooses nothing (--weights equal, --soup uniform)"
        )
    halves = make_folds(np.asarray(groups), np.empty((len(groups), 0)), LEAST, seed)
    return np.flatnonzero(halves == 0).tolist(), np.flatnonzero(halves == 1).tolist()
