"""Which compressed models are tried: changes of the network, each as a float and as an int8 file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cityzoo.compress.planner import FLOAT, INT8, ORIGINAL, Candidate
from cityzoo.errors import InputError, unknown

PRUNE, INPUT, STUDENT = "prune", "input", "student"
TRIES = (INT8, PRUNE, INPUT, STUDENT)
SHARE = 0.6  # of the latency, where no target says more
INPUT_SHARE = 0.75  # of the sides of the input: about half of the work
LIMITS = (0.3, 0.9)  # of the share of a pruned network
STRIDE = 32  # sides of the input are multiples of it


def parse_tries(text: str) -> tuple[str, ...]:
    """Read a value of --try.

    Raises:
        InputError: something that cannot be tried.

    Example:
        >>> parse_tries("int8,prune")
        ('int8', 'prune')
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in TRIES:
            raise unknown("way to compress", name, TRIES)
    return names


def parse_latency(text: str) -> tuple[float | None, float | None]:
    """Read a value of --target-latency: (milliseconds, share of the original), one of them None.

    Raises:
        InputError: neither milliseconds nor a share.

    Example:
        >>> parse_latency("12"), parse_latency("12.5ms"), parse_latency("0.6x")
        ((12.0, None), (12.5, None), (None, 0.6))
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|x|)", text.strip())
    value = float(found[1]) if found else 0.0
    if not found or not 0 < value < (1.0 if found[2] == "x" else 1e6):
        raise InputError(
            f"--target-latency '{text}' is not a latency: give milliseconds, e.g. 12, or a share of now, e.g. 0.6x"
        )
    return (None, value) if found[2] == "x" else (value, None)


def plan_candidates(
    spec: Any, has_stages: bool, tries: Sequence[str], share: float | None, student: str | None
) -> list[Candidate]:
    """Return what is tried, the original first, each network with its float file before its int8 file.

    Args:
        spec: of the run.
        has_stages: whether its backbone is one of `zoo`, with an input size and smaller relatives.
        tries: of TRIES.
        share: of the latency that a pruned network aims at; None: SHARE.
        student: backbone of the student; None: the largest of the same family with at most SHARE of the parameters.
    """
    changes = [ORIGINAL]
    if has_stages and PRUNE in tries:
        aim = min(max(share or SHARE, LIMITS[0]), LIMITS[1])
        changes.append(f"{PRUNE}:{aim:g}")
    if has_stages and INPUT in tries:
        size = smaller_size(spec.modality.image_size)
        changes += [f"{INPUT}:{size[0]}x{size[1]}"] if size else []
    if has_stages and STUDENT in tries:
        name = student or smaller_backbone(spec.run.backbone)
        changes += [f"{STUDENT}:{name}"] if name else []
    precisions = (FLOAT, INT8) if INT8 in tries else (FLOAT,)
    return [Candidate(change, precision) for change in changes for precision in precisions]


def smaller_size(size_hw: tuple[int, int]) -> tuple[int, int] | None:
    """Return about three quarters of an input size; None where it is as small as it gets.

    Example:
        >>> smaller_size((256, 320)), smaller_size((32, 32))
        ((192, 256), None)
    """
    small = tuple(max(STRIDE, round(side * INPUT_SHARE / STRIDE) * STRIDE) for side in size_hw)
    return (small[0], small[1]) if small != tuple(size_hw) else None


def smaller_backbone(name: str) -> str | None:
    """Return the largest backbone of the same family with at most SHARE of the parameters; None without one.

    Example:
        >>> smaller_backbone("mobilenet_075"), smaller_backbone("mobilenet_025")
        ('mobilenet_050', None)
    """
    from zoo import registry

    own = registry.BACKBONES.get(name)
    if own is None:
        return None
    fitting = {
        other: row.params_millions
        for other, row in registry.BACKBONES.items()
        if row.family == own.family and row.params_millions <= SHARE * own.params_millions
    }
    return max(fitting, key=lambda other: fitting[other], default=None)
