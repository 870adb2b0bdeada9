"""What to fuse and how; nothing heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError

METHODS = ("ensemble", "soup", "stack", "distil", "features", "mirror")
EQUAL, FIT = "equal", "fit"  # words of --weights
SOUPS = ("greedy", "uniform")
BOXES = ("auto", "mean", "wbf")
FOR_METHODS = {  # flags that not every method takes
    "weights": ("ensemble", "distil"),
    "boxes": ("ensemble",),
    "iou": ("ensemble",),
    "soup": ("soup",),
    "student": ("distil",),
    "student_weights": ("distil",),
    "epochs": ("distil", "features"),
    "start": ("features",),
}


@dataclass(frozen=True)
class FusionRequest:
    """What to fuse and how.

    Attributes:
        runs: folders of the members.
        by: one of METHODS.
        weights: of the members of an ensemble: EQUAL, FIT (chosen on held-out examples), or one number for each.
        boxes: of detectors: "mean" of the outputs at each point, "wbf" (weighted boxes fusion), or "auto".
        iou: of weighted boxes fusion; None: chosen on held-out examples.
        soup: one of SOUPS.
        student: its backbone; None: that of the smallest member.
        student_weights: its starting weights; None: as those of a member with this backbone, else ImageNet's.
        epochs: of each phase of training; 0: as the best member's.
        start: starting weights of joined backbones, with "+" between; None: as the members'.
        compare: other runs that the result is compared with.
    """

    runs: tuple[str, ...]
    by: str
    weights: str | tuple[float, ...] = EQUAL
    boxes: str = BOXES[0]
    iou: float | None = None
    soup: str = SOUPS[0]
    student: str | None = None
    student_weights: str | None = None
    epochs: int = 0
    start: str | None = None
    compare: tuple[str, ...] = ()

    def check(self, given: dict[str, Any]) -> None:
        """Raise InputError for flags that do not fit the method, or members that cannot be fused by number.

        Args:
            given: flags that the command line gave, by name.
        """
        for name, methods in FOR_METHODS.items():
            if given.get(name) is not None and self.by not in methods:
                flag = name.replace("_", "-")
                raise InputError(
                    f"--{flag} belongs to --by {' and '.join(methods)}, not {self.by}: remove it"
                )
        if self.by == "mirror" and len(self.runs) != 1:
            raise InputError(
                f"--by mirror takes one run, received {len(self.runs)}: fuse what it makes of each"
            )
        if len(self.runs) < 2 and self.by not in ("soup", "mirror"):
            raise InputError(
                f"--by {self.by} takes at least two runs, received {len(self.runs)}: give another"
            )
        if isinstance(self.weights, tuple) and len(self.weights) != len(self.runs):
            raise InputError(
                f"--weights names {len(self.weights)} numbers for {len(self.runs)} runs: give one for each"
            )

    @property
    def default_out(self) -> str:
        """Return the folder of the new run.

        Example:
            >>> FusionRequest(("runs/a/", "runs/b"), "ensemble").default_out
            'runs/a-ensemble'
        """
        return f"{Path(self.runs[0])}-{self.by}"
