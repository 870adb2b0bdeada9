"""Delta files: only the weights that an adaptation changed, for use with the same base weights.

A delta is a `.npz` (a zip of NumPy arrays with checksums, no pickle): `header`, the JSON below as bytes;
`learned.00000` and so on, the variables that training changes in graph order; `extra.NAME`, the caller's arrays.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.peft.adapt import Adaptation, adapt, adaptation_of
from zoo.peft.rewrite import array_of, fingerprint

FORMAT = "cityzoo-delta-1"
LEARNED, EXTRA = "learned.", "extra."
# Raised by NumPy, zipfile, zlib and json on truncated, modified or other files.
UNREADABLE = (
    AttributeError,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Delta:
    """Contents of a delta file: backbone, method, lowest adapted stage, and the arrays."""

    backbone: str
    how: str
    above: str | None
    base_sha256: str
    learned: list[np.ndarray] = field(repr=False)
    extra: dict[str, np.ndarray] = field(repr=False)


def save_delta(
    backbone: keras.Model,
    path: str | os.PathLike,
    base_sha256: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write the trained weights of an adapted backbone to a small file, atomically.

    Args:
        backbone: a backbone from `adapt`.
        path: the file, usually ".npz".
        base_sha256: `fingerprint` of the base weights. Default: of those given to `adapt`.
        extra: additional arrays or variables by name, such as the head's weights.

    Raises:
        ValueError: not adapted.
    """
    adaptation = adaptation_of(backbone)
    header = {
        "format": FORMAT,
        "backbone": backbone.name,
        "how": adaptation.how,
        "above": adaptation.above,
        "base_sha256": base_sha256 or adaptation.base_sha256,
    }
    arrays: dict[str, Any] = {
        f"{LEARNED}{i:05d}": _numpy(weight) for i, weight in enumerate(adaptation.learned)
    }
    arrays.update({EXTRA + name: _numpy(weight) for name, weight in (extra or {}).items()})
    path = Path(path)
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        with part.open("wb") as file:
            np.savez_compressed(file, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_delta(path: str | os.PathLike) -> Delta:
    """Read a delta file.

    Raises:
        ValueError: missing, damaged or not a delta file.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"delta file '{path}' does not exist: give a file that save_delta wrote")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop("header").tobytes())
        if header.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        learned = [arrays[name] for name in sorted(arrays) if name.startswith(LEARNED)]
        extra = {n.removeprefix(EXTRA): array for n, array in arrays.items() if n.startswith(EXTRA)}
        return Delta(**header, learned=learned, extra=extra)
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def load_delta(
    backbone: keras.Model, path: str | os.PathLike, base_sha256: str | None = None
) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """Load a delta file into a backbone.

    Args:
        backbone: the plain backbone with the base weights, which is then adapted as in the file, or one already
            adapted in the same way.
        path: a file that `save_delta` wrote.
        base_sha256: `fingerprint` of the base weights. Default: it is computed.

    Returns:
        (the adapted backbone, the extra weights by name).

    Raises:
        ValueError: damaged file, or other backbone, base weights or adaptation. No weight is changed then.
    """
    delta = read_delta(path)
    if delta.backbone != backbone.name:
        raise ValueError(f"delta file '{path}' belongs to backbone '{delta.backbone}', not '{backbone.name}'")
    given = base_sha256 or fingerprint(backbone)
    if given != delta.base_sha256:
        raise ValueError(
            f"delta file '{path}' needs other base weights (SHA-256 {delta.base_sha256[:12]}..., these are "
            f"{given[:12]}...): build '{delta.backbone}' with the weights that it was trained on"
        )
    adapted = backbone if hasattr(backbone, "adaptation") else adapt(backbone, delta.how, delta.above)
    _fill(adapted.adaptation, delta, path)
    return adapted, delta.extra


def _fill(adaptation: Adaptation, delta: Delta, path: str | os.PathLike) -> None:
    if (adaptation.how, adaptation.above) != (delta.how, delta.above):
        wanted, has = (f"'{each.how}' above {each.above}" for each in (delta, adaptation))
        raise ValueError(f"delta file '{path}' is for {wanted}, the backbone is adapted by {has}")
    shapes = [tuple(weight.shape) for weight in adaptation.learned]
    if shapes != [array.shape for array in delta.learned]:
        raise _damaged(path, "its arrays do not fit its header")
    for weight, array in zip(adaptation.learned, delta.learned, strict=True):
        weight.assign(array)


def _damaged(path: str | os.PathLike, reason: object) -> ValueError:
    text = " ".join(str(reason).split())[:120] or type(reason).__name__
    return ValueError(f"'{path}' is damaged or not a delta file ({text}): save or copy it again")


def _numpy(weight: Any) -> np.ndarray:
    return array_of(weight) if isinstance(weight, keras.Variable) else np.asarray(weight)
