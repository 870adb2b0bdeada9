"""Pretrained backbones of `keras.applications`: RGB 0..255 in, pyramid levels out, split and frozen by stage.

Names are loaded when first used, so that `import zoo` does not load TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "backbone": ("Built", "build"),
    "feature_pyramid": ("prefix", "pyramid_outputs", "stage_of_layers", "stages", "suffix", "up_to"),
    "freezing": ("Freeze", "freeze"),
    "lsuv": ("calibrate",),
    "peft.adapt": ("ParameterShares", "adapt", "freeze_base", "merge", "shares", "transplant"),
    "peft.delta": ("Delta", "load_delta", "read_delta", "save_delta"),
    "peft.rank_allocation": ("rank_allocation",),
    "peft.rewrite": ("fingerprint",),
    "pretrained": ("Origin", "cached"),
    "pruning.channels": ("group_channels", "trace_channels"),
    "pruning.cut": ("cut", "find_part", "mask"),
    "registry": ("Backbone", "get", "names", "rows"),
    "surgery.operations": ("operate",),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zoo' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"zoo.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
