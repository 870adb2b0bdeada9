"""Checkpoints in one file: weights, optimizer, averages, random states and progress."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import DAMAGE, InputError
from cityzoo.replace_file import replace_file

GROUPS = ("model", "best", "optimizer", "seeds", "average", "adapters", "groups")  # of arrays


def save_checkpoint(path: Path, arrays: dict[str, list[np.ndarray]], state: dict[str, Any]) -> None:
    """Write weights and state into one file, whole or not at all.

    Args:
        path: the file.
        arrays: members of `GROUPS` and their arrays.
        state: plain values: phase, epoch, best figure, history.
    """
    flat = {f"{group}.{i:05d}": array for group, members in arrays.items() for i, array in enumerate(members)}
    # What is frozen is the same in the best epoch and in this one: of a large backbone nearly all.
    again = [
        name for name in flat if name.startswith("best.") and np.array_equal(flat[name], flat.get(_now(name)))
    ]
    kept = {name: array for name, array in flat.items() if name not in set(again)}
    with replace_file(path) as part, part.open("wb") as file:
        np.savez(file, state=json.dumps(state), again=json.dumps(again), **kept)


def _now(best: str) -> str:
    return best.replace("best.", "model.")


def load_checkpoint(path: Path) -> tuple[dict[str, list[np.ndarray]], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises:
        InputError: nothing there, or damaged.
    """
    if not path.is_file():
        raise InputError(
            f"'{path.parent}' holds no {path.name} to resume from: train a new run, or evaluate its model.keras"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            flat = {name: file[name] for name in file.files if name not in ("state", "again")}
            flat |= {name: flat[_now(name)] for name in json.loads(str(file["again"]))}
            arrays: dict[str, list[np.ndarray]] = {group: [] for group in GROUPS}
            for name in sorted(flat):
                arrays[name.partition(".")[0]].append(flat[name])
            return arrays, json.loads(str(file["state"]))
    except DAMAGE as error:
        raise InputError(
            f"'{path}' is damaged ({error}): train again, or evaluate the model.keras next to it"
        ) from error
