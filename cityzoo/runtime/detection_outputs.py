"""The outputs of the three variants of an exported detector, turned into those of the Keras model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from heads.detection_decode import class_wise_nms

PLAIN, RAW, DECODED, NMS = "plain", "raw", "decoded", "nms"
VARIANTS = (RAW, DECODED, NMS)  # of detectors; other outputs have one tensor and are exported as they are
NOTHING = -100.0  # logit of a class that an exported detection does not have
TINY = 1e-12


def levels_of(names: Any) -> list[str]:
    """Return the names of the levels of raw outputs, finest first.

    Example:
        >>> levels_of(["logits_P4", "distances_P3", "logits_P3", "distances_P4"])
        ['P3', 'P4']
    """
    return sorted({name.partition("_")[2] for name in names})


def grid(cells_hw: Mapping[str, tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the centers of all cells and their strides.

    Args:
        cells_hw: level -> rows and columns of its outputs, finest first.

    Returns:
        (N, 2) float32 x and y in pixels of the network's input; (N, 1) float32 strides in pixels.

    Example:
        >>> centers, strides = grid({"P3": (1, 2)})
        >>> centers.tolist(), strides.tolist()
        ([[4.0, 4.0], [12.0, 4.0]], [[8.0], [8.0]])
    """
    centers, strides = [], []
    for level, (rows, columns) in cells_hw.items():
        stride = 2.0 ** int(level[1:])
        y, x = np.mgrid[:rows, :columns]
        centers.append((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride)
        strides.append(np.full((rows * columns, 1), stride))
    return np.concatenate(centers).astype(np.float32), np.concatenate(strides).astype(np.float32)


def fused_from_raw(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return (B, N, 4 + classes), boxes and logits as `heads.detection_decode` takes them, from raw outputs."""
    levels = levels_of(found)
    centers, strides = grid({level: found[f"logits_{level}"].shape[1:3] for level in levels})
    rows = {
        kind: np.concatenate([_rows(found[f"{kind}_{level}"]) for level in levels], axis=1)
        for kind in ("distances", "logits")
    }
    sides = np.logaddexp(0.0, rows["distances"]) * strides
    boxes = [centers - sides[..., :2], centers + sides[..., 2:]]
    return np.concatenate([*boxes, rows["logits"]], axis=-1).astype(np.float32)


def _rows(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32).reshape(len(array), -1, array.shape[-1])


def fused_from_decoded(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the same array from boxes and scores.

    Example:
        >>> fused_from_decoded({"boxes": np.ones((1, 1, 4)), "scores": np.full((1, 1, 1), 0.5)})[0, 0].tolist()
        [1.0, 1.0, 1.0, 1.0, 0.0]
    """
    scores = np.clip(np.asarray(found["scores"], np.float64), TINY, 1 - TINY)
    return np.concatenate([found["boxes"], np.log(scores / (1 - scores))], axis=-1).astype(np.float32)


def fused_from_nms(found: Mapping[str, np.ndarray], classes: int) -> np.ndarray:
    """Return the same array with one row for each detection; rows of padding have no class.

    Example:
        >>> one = {"boxes": np.ones((1, 1, 4)), "scores": np.full((1, 1), 0.5), "classes": np.array([[1]])}
        >>> fused_from_nms(one, 2)[0, 0].tolist()
        [1.0, 1.0, 1.0, 1.0, -100.0, 0.0]
    """
    scores = np.clip(np.asarray(found["scores"], np.float64), TINY, 1 - TINY)
    here = np.asarray(found["classes"])[..., None] == np.arange(classes)
    logits = np.where(here, np.log(scores / (1 - scores))[..., None], NOTHING)
    return np.concatenate([found["boxes"], logits], axis=-1).astype(np.float32)


def detections(
    decoded: Mapping[str, np.ndarray], score: float, iou: float, most: int
) -> dict[str, np.ndarray]:
    """Return what a file with NMS returns for boxes and scores of all points; see `onnx_nms.append_nms`."""
    boxes, scores = decoded["boxes"], decoded["scores"]
    rows = min(most, math.prod(scores.shape[1:]))
    kept = [class_wise_nms(*pair, score, iou, rows) for pair in zip(boxes, scores, strict=True)]

    def padded(place: int) -> np.ndarray:
        columns = [each[place] for each in kept]
        fills = [((0, rows - len(column)), *[(0, 0)] * (column.ndim - 1)) for column in columns]
        return np.stack([np.pad(c, f, constant_values=-1) for c, f in zip(columns, fills, strict=True)])

    counts = np.array([len(each[0]) for each in kept], np.int64)
    return {"boxes": padded(0), "scores": padded(1), "classes": padded(2), "num_detections": counts}


def restorer(variant: str, classes: int) -> Callable[[Mapping[str, np.ndarray]], Any] | None:
    """Return what makes the Keras model's output of a file's outputs; None where it is the file's only output."""
    if variant == NMS:
        return lambda found: fused_from_nms(found, classes)
    return {RAW: fused_from_raw, DECODED: fused_from_decoded}.get(variant)
