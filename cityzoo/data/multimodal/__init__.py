"""Read tables whose rows have an image, a text, windows of numbers, a sound, or some of them; `load` checks."""

from cityzoo.data.multimodal.examples import (
    MODALITIES,
    WINDOWS,
    MultimodalDataset,
    MultimodalRow,
    MultimodalSet,
)
from cityzoo.data.multimodal.findings import MultimodalFindings
from cityzoo.data.multimodal.load import load, load_unlabelled

__all__ = [
    "MODALITIES",
    "WINDOWS",
    "MultimodalDataset",
    "MultimodalFindings",
    "MultimodalRow",
    "MultimodalSet",
    "load",
    "load_unlabelled",
]
