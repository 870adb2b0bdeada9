"""What a report says of a classifier beyond its figures: curves, first answers, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.calibration import calibration
from cityzoo.metrics.classification_curves import curves, full_report, top_k
from cityzoo.sample import ImageSet


def details(truth: ImageSet, results: Sequence[np.ndarray], several: bool) -> dict[str, Any]:
    """Return `curves`, `classification_report`, `calibration` and, of one class an image, `top_k`.

    Args:
        truth: images with targets (C,).
        results: (C,) probabilities of each.
        several: whether several classes can hold at once.
    """
    found = calibration(truth, results, several)
    table = {
        "expected calibration error": {"as_it_is": found["ece"], "scaled": found["ece_scaled"]},
        "log loss": {"as_it_is": found["loss"], "scaled": found["loss_scaled"]},
    }
    rest = {} if several else {"top_k": top_k(truth, results)}
    return {
        "curves": curves(truth, results),
        "classification_report": full_report(truth, results, several),
        "calibration": {**found, "table": table},
        **rest,
    }
