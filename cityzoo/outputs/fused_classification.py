"""Classification of rows with several modalities: one class per row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.outputs import ClosedFormInput
from cityzoo.outputs.classification import Classification

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class FusedClassification(Classification):
    """Classification of fused features; the head of late fusion is one classifier per modality.

    Attributes:
        sizes: number of features of each modality, once they are known.
    """

    pooling: str = "mean"
    flips: bool = False
    robust_groups: str | None = None
    independent_of: str | None = None
    sizes: tuple[int, ...] = ()
    page: ClassVar[str] = "multimodal"
    supports_unlabelled: ClassVar[bool] = False
    supports_attribution: ClassVar[bool] = False

    def with_train_statistics(self, train: Any, may_lack_classes: bool = False) -> FusedClassification:
        """Return the output with the class counts and the sizes of the features; errors as of `Classification`."""
        counted = super().with_train_statistics(train, may_lack_classes)
        return replace(self, counts=counted.counts, sizes=tuple(train.sizes.values()))

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, classes) float32 logits."""
        if "late" not in features:
            return super().build_head(features)
        from heads import late_fusion

        return late_fusion.build_head(features["late"], len(self.sizes), len(self.class_names))

    def fit_closed_form(self, given: ClosedFormInput) -> dict[str, Any]:
        """Compute the layer of logits: of late fusion for each modality apart."""
        rows, targets = np.asarray(given.inputs, np.float32), np.asarray(given.targets)
        if given.layer.kernel.shape[0] != sum(self.sizes) + len(self.sizes):
            return super().fit_closed_form(given)
        from heads import late_fusion

        found = late_fusion.fit(rows, self.sizes, targets, given.groups, given.seed)
        given.layer.set_weights([found.kernel, found.bias])
        return found.facts
