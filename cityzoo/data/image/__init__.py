"""Read data sets: `load` gives checked train and val splits, `load_images` bare images."""

from cityzoo.data.image.findings import Findings
from cityzoo.data.image.load import Dataset, has_val_split, load, load_images, read_image_labels

__all__ = ["Dataset", "Findings", "has_val_split", "load", "load_images", "read_image_labels"]
