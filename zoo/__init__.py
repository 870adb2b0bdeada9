"""Pretrained backbones of `keras.applications`: RGB 0..255 in, pyramid levels out, cut and frozen by stage.

Names are loaded when first used, so that `import zoo` does not load TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Backbone": "registry",
    "Built": "backbone",
    "Delta": "adaptation.delta",
    "Freeze": "freezing",
    "Origin": "weights",
    "Shares": "adaptation.adapting",
    "adapt": "adaptation.adapting",
    "build": "backbone",
    "cached": "weights",
    "calibrate": "lsuv",
    "fingerprint": "adaptation.fingerprints",
    "freeze": "freezing",
    "freeze_base": "adaptation.adapting",
    "get": "registry",
    "load_delta": "adaptation.delta",
    "merge": "adaptation.merging",
    "names": "registry",
    "operate": "surgery.operations",
    "prefix": "split",
    "rank_allocation": "adaptation.rank_allocation",
    "read_delta": "adaptation.delta",
    "rows": "listing",
    "save_delta": "adaptation.delta",
    "shares": "adaptation.adapting",
    "stage_of_layers": "cutpoints",
    "stages": "cutpoints",
    "subgraph": "cutpoints",
    "suffix": "split",
    "taps": "cutpoints",
    "transplant": "adaptation.merging",
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
