"""A handful of images with boxes, and the flags of a training on them that takes seconds."""

import numpy as np
from PIL import Image

SMALL = ["--backbone", "tiny", "--weights", "random", "--image-size", "64", "--batch-size", "4"]
COMMAND = "cityzoo/__main__.py"


def write_street(folder):
    """Eight training and four held-out images, a bright rectangle on each."""
    folder.mkdir()
    rng, rows = np.random.default_rng(0), []
    for i in range(12):
        pixels = rng.integers(0, 60, (64, 64, 3), dtype=np.uint8)
        pixels[10:40, 10:40, 2 * (i % 2)] = 250
        Image.fromarray(pixels).save(folder / f"{i}.png")
        rows.append(f"{i}.png,10,10,40,40,{('car', 'bus')[i % 2]}\n")
    (folder / "train.csv").write_text("".join(rows[:8]))
    (folder / "val.csv").write_text("".join(rows[8:]))
