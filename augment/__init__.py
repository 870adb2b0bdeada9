"""Geometry as one affine warp, colours as one matrix, weather, mixes, and named policies for tf.data.

Importing the package loads no TensorFlow: what works on tensors brings it with it.
"""

from __future__ import annotations

import importlib
from typing import Any

from augment.geometry import invert, letterbox, move_boxes, stretch
from augment.policy import POLICIES, Policy, Step, get_policy
from augment.rows import in_order, sharded, shuffled
from augment.transform import TRANSFORMS

_LAZY = {
    "Kept": "source",
    "apply": "sample",
    "pad_boxes": "sample",
    "pipeline": "batches",
    "policy_from_list": "policy_file",
    "read_file": "source",
    "read_policy": "policy_file",
}

__all__ = [
    "POLICIES",
    "TRANSFORMS",
    "Kept",
    "Policy",
    "Step",
    "apply",
    "get_policy",
    "in_order",
    "invert",
    "letterbox",
    "move_boxes",
    "pad_boxes",
    "pipeline",
    "policy_from_list",
    "read_file",
    "read_policy",
    "sharded",
    "shuffled",
    "stretch",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'augment' has no attribute '{name}'")
    return getattr(importlib.import_module(f"augment.{_LAZY[name]}"), name)
