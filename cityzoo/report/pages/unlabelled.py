"""What unlabeled images gained, and what was found in them."""

from __future__ import annotations

from cityzoo.report.layout import Table

UNLABELLED = Table(
    "Gain from unlabeled images",
    "unlabelled",
    {
        "labelled_only": ("without them", "score"),
        "with_unlabelled": ("with them", "score"),
        "gain": ("change", "signed"),
    },
    "Trained with and without unlabeled images, with the same seed and held-out images.",
)
PSEUDO_LABELS = Table(
    "Pseudo-labels",
    "pseudo_labels/boxes",
    {"": ("boxes in unlabeled images", "count")},
    "Found by a model of the labeled images, by the score of its best F1; images without any are left out.",
)
