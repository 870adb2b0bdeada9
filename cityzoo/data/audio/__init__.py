"""Read sounds: `load` gives checked train and val splits."""

from cityzoo.data.audio.clips import AudioDataset, AudioExample, AudioSet
from cityzoo.data.audio.findings import AudioFindings
from cityzoo.data.audio.load import load, load_unlabelled

__all__ = ["AudioDataset", "AudioExample", "AudioFindings", "AudioSet", "load", "load_unlabelled"]
