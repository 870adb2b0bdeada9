"""Pretrained backbones of `keras.applications`: RGB 0..255 in, pyramid levels out, split and frozen by stage.

Names are loaded when first used, so that `import zoo` does not load TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Backbone": "registry",
    "Built": "backbone",
    "Delta": "peft.delta",
    "Freeze": "freezing",
    "Origin": "pretrained",
    "ParameterShares": "peft.adapt",
    "adapt": "peft.adapt",
    "build": "backbone",
    "cached": "pretrained",
    "calibrate": "lsuv",
    "fingerprint": "peft.rewrite",
    "freeze": "freezing",
    "freeze_base": "peft.adapt",
    "get": "registry",
    "load_delta": "peft.delta",
    "merge": "peft.merge",
    "names": "registry",
    "operate": "surgery.operations",
    "prefix": "split",
    "rank_allocation": "peft.rank_allocation",
    "read_delta": "peft.delta",
    "rows": "registry",
    "save_delta": "peft.delta",
    "shares": "peft.adapt",
    "stage_of_layers": "feature_pyramid",
    "stages": "feature_pyramid",
    "suffix": "split",
    "pyramid_outputs": "feature_pyramid",
    "transplant": "peft.merge",
    "up_to": "split",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zoo' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"zoo.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
