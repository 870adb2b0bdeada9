"""Read tables whose rows have an image, a text, a window of sensors, a sound, or some of them; `load` checks them."""

from cityzoo.data.multimodal.examples import MODALITIES, MultimodalDataset, MultimodalRow, MultimodalSet
from cityzoo.data.multimodal.findings import MultimodalFindings
from cityzoo.data.multimodal.load import load

__all__ = ["MODALITIES", "MultimodalDataset", "MultimodalFindings", "MultimodalRow", "MultimodalSet", "load"]
