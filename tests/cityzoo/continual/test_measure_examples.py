"""Examples that are nearly the same, and those of one name."""

import numpy as np

from cityzoo.continual.measure_examples import count_distinct, name_examples
from cityzoo.sample import ImageExample, ImageSet


def test_a_frozen_image_counts_once():
    """Thirty frames of a camera that hangs, and three that move on."""
    rows = np.concatenate([np.zeros((30, 4)), np.eye(4)[:3]]) + np.random.default_rng(0).normal(
        0, 0.01, (33, 4)
    )
    assert count_distinct(rows, np.ones(4)) == 4


def test_crops_of_one_image_have_names_of_their_own():
    """They would hide each other in the report."""
    examples = tuple(ImageExample(path, (8, 8)) for path in ("a/x.png", "b/x.png", "a/y.png"))
    assert name_examples(ImageSet("val", (), examples)) == ("x.png", "x.png (2)", "y.png")
