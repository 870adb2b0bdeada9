"""Read data sets: `load` gives checked train and val splits, `load_pictures` bare pictures."""

from cityzoo.data.findings import Findings
from cityzoo.data.load import Dataset, brings_val, load, load_pictures

__all__ = ["Dataset", "Findings", "brings_val", "load", "load_pictures"]
