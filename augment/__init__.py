"""Image augmentation for tf.data: one affine warp, one color matrix, weather, mixes, and named policies.

Importing the package does not load TensorFlow; functions on tensors do when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from augment.affine import invert, letterbox, move_boxes, stretch
from augment.epoch_order import sequential_order, sharded, shuffled
from augment.policy import POLICIES, Policy, Step, get_policy
from augment.registry import TRANSFORMS

_LAZY = {
    "DecodedCache": "decode",
    "apply": "apply_policy",
    "load_batch": "input_pipeline",
    "pad_boxes": "apply_policy",
    "pipeline": "input_pipeline",
    "policy_from_list": "policy_file",
    "read_file": "decode",
    "read_policy": "policy_file",
}

__all__ = ["POLICIES", "TRANSFORMS", "Policy", "Step", "get_policy", "invert", "letterbox", "move_boxes"]
__all__ += ["sequential_order", "sharded", "shuffled", "stretch", *_LAZY]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'augment' has no attribute '{name}'")
    return getattr(importlib.import_module(f"augment.{_LAZY[name]}"), name)
