"""Read texts: `load` gives checked train and val splits."""

from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.load import load
from cityzoo.data.text.texts import TextDataset, TextExample, TextSet

__all__ = ["TextDataset", "TextExample", "TextFindings", "TextSet", "load"]
