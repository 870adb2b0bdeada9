"""The baselines that a fused model must beat: the mean of calibrated classifiers of each modality, and each of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.multimodal import MultimodalSet
from cityzoo.errors import DAMAGE
from cityzoo.outputs.classification import Classification
from heads import late_fusion

LOG = logging.getLogger(__name__)
FILE = "late_fusion.npz"
LATE = "late fusion: mean of calibrated classifiers"


def fit_baseline(folder: Path, train: MultimodalSet, output: Any, seed: int = 0) -> None:
    """Fit the classifiers on the training rows of a run, and write them into its folder."""
    if not isinstance(output, Classification) or output.several:
        return
    targets = np.stack([row.target for row in train.examples])
    groups = np.unique([row.group or row.path for row in train.examples], return_inverse=True)[1]
    found = late_fusion.fit(train.features(), list(train.sizes.values()), targets, groups, seed)
    np.savez_compressed(folder / FILE, allow_pickle=False, kernel=found.kernel, bias=found.bias)


def predict_baseline(run: Path, examples: MultimodalSet, output: Any) -> Mapping[str, Sequence[Any]]:
    """Return the probabilities of late fusion and of each modality's classifier, by name; without any: {}."""
    if not (run / FILE).is_file():
        return {}
    try:
        with np.load(run / FILE, allow_pickle=False) as arrays:
            found = late_fusion.LateFusion(arrays["kernel"], arrays["bias"], {})
        each = late_fusion.predict(found, examples.features(), len(examples.sizes))
    except DAMAGE as error:
        LOG.warning("the baseline '%s' is damaged (%s): left out", run / FILE, error)
        return {}
    unknown = np.full(each.shape[2], 1 / each.shape[2])
    present = examples.present()
    mean = [
        rows[here].mean(axis=0) if here.any() else unknown for rows, here in zip(each, present, strict=True)
    ]
    alone = {
        f"{name} alone": list(np.where(present[:, number, None], each[:, number], unknown))
        for number, name in enumerate(examples.sizes)
    }
    return {LATE: mean, **alone}
