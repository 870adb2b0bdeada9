#!/usr/bin/env python3
"""Draw every transform of augment/ at five strengths on one image, as in augment/README.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
if (
    Path(sys.path[0]).resolve() == ROOT / "benchmarks"
):  # where `augment` would be a benchmark, not the package
    sys.path[0] = str(ROOT)

import augment  # noqa: E402
from cityzoo.data.image.decode import read_image  # noqa: E402
from cityzoo.visualize.sheets import image_grid  # noqa: E402


def strengths(image: np.ndarray, size_hw: tuple[int, int] = (84, 112), columns: int = 2) -> np.ndarray:
    """Draw every transform that works on one image at strengths 0, .25, .5, .75 and 1.

    Args:
        image: (H, W, 3) uint8 RGB.
        size_hw: height and width in pixels of each image on the sheet.
        columns: number of transforms in a row.

    Returns:
        (sheet height, sheet width, 3) uint8 RGB.
    """
    import tensorflow as tf

    from augment.registry import load_transforms

    sample, seed = {"images": tf.constant(image)}, tf.constant([2, 7])
    large_hw = tuple(3 * side for side in size_hw)  # effects are made at the size of a network's input
    cells, captions = [], []
    for name, transform in load_transforms().items():
        if transform.stage == "mix":
            continue
        for strength in (0.0, 0.25, 0.5, 0.75, 1.0):
            policy = augment.Policy(name, (augment.Step(name, {"strength": (strength, strength)}),))
            cells.append(augment.apply(sample, policy, large_hw, seed)["images"].numpy())
            captions.append(f"{name} {strength:g}")
    return image_grid(cells, 5 * columns, size_hw, captions)


def main() -> None:
    """Write the sheet of an image: python benchmarks/transform_sheet.py OUT IMAGE."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", help="image file to write, e.g. transforms.jpg")
    parser.add_argument("image", help="image to draw them on")
    args = parser.parse_args()
    Image.fromarray(strengths(read_image(args.image))).save(args.out, quality=65)


if __name__ == "__main__":
    main()
