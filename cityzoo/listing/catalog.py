"""Tasks and backbones as rows."""

from __future__ import annotations

import sys

from cityzoo import tasks
from cityzoo.errors import unknown
from cityzoo.modalities import Modality


def task_rows() -> list[dict[str, str]]:
    """Return name, modality, output, metric that chooses the best epoch, and summary of each task.

    Example:
        >>> [row["metric"] for row in task_rows() if row["task"] == "vehicle_detect"]
        ['AP']
    """
    found = [(name, tasks.find(name)) for name in tasks.names()]
    return [
        {
            "task": name,
            "modality": task.modality.name,
            "output": task.output.__name__,
            "metric": task.monitor,
            "demo": "demo data" if task.demo else "needs --data",
            "summary": task.summary,
        }
        for name, task in found
    ]


def modalities() -> dict[str, Modality]:
    """Return the modalities of all tasks by name."""
    return {task.modality.name: task.modality for task in map(tasks.find, tasks.names())}


def backbone_lines(modality: str | None = None) -> dict[str, dict[str, str]]:
    """Return, for each modality or one of them, each backbone's name with one line about it.

    Raises:
        InputError: no task has this modality.
    """
    known = modalities()
    if modality is not None and modality not in known:
        raise unknown("modality", modality, known)
    return {name: dict(each.backbones()) for name, each in known.items() if modality in (None, name)}


def write_backbones(modality: str | None = None) -> None:
    """Print the backbones of each modality, or of one of them.

    Raises:
        InputError: no task has this modality.
    """
    for name, lines in backbone_lines(modality).items():
        sys.stdout.write(f"backbones of {name} tasks\n")
        for backbone, line in lines.items():
            sys.stdout.write(f"  {backbone:<24}{line}\n")
