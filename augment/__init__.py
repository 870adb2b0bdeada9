"""Geometry as one affine warp, colours, and named policies for tf.data.

Importing the package loads no TensorFlow: `apply` and `pad_boxes` bring it with them.
"""

from __future__ import annotations

import importlib
from typing import Any

from augment.geometry import invert, letterbox, move_boxes, stretch
from augment.policy import POLICIES, Policy, Step, get_policy

_LAZY = {"apply": "pipeline", "pad_boxes": "pipeline"}

__all__ = [
    "POLICIES",
    "Policy",
    "Step",
    "apply",
    "get_policy",
    "invert",
    "letterbox",
    "move_boxes",
    "pad_boxes",
    "stretch",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'augment' has no attribute '{name}'")
    return getattr(importlib.import_module(f"augment.{_LAZY[name]}"), name)
