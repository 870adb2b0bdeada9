"""Views: made again from their seed, letterboxed where nothing is augmented, in the order of their epoch."""

import numpy as np
import pytest

from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageExample, ImageSet

KIND = Detection(("car", "bus"))


@pytest.fixture
def three(painted):
    """Images of different shapes, the last one without boxes."""
    wide = painted("wide.png", (32, 64), (8, 4, 40, 20), label=1)
    tall = painted("tall.png", (96, 48), (6, 30, 30, 60))
    bare = painted("bare.png", (64, 64), (0, 0, 2, 2))
    return ImageSet("train", KIND.class_names, (wide, tall, ImageExample(bare.path, bare.size_hw)))


def look(images, rows, policy="standard", seed=0, size_hw=(64, 64)):
    """Images, targets and matrices as arrays."""
    batches = AugmentedViews(images, KIND, policy, size_hw, max_rows=2, seed=seed).batches(rows, 4)
    return tuple(np.concatenate(column) for column in zip(*batches.as_numpy_iterator(), strict=True))


def test_a_view_is_the_same_whenever_it_is_made(three):
    """In whatever order, whatever came before it."""
    rows = [*sequential_order(3, views=2)(), (2, 1), (0, 0), (1, 1), (0, 1), (2, 0), (1, 0)]
    for column in look(three, lambda: iter(rows)):
        assert (column[:6] == column[6:][[1, 5, 4, 3, 2, 0]]).all()


def test_another_view_another_image_or_another_seed_is_drawn_anew(three):
    """Matrices say what was drawn: six of one run and six of another, no two alike."""
    matrices = np.concatenate(
        [look(three, sequential_order(3, views=2), "light", seed)[2] for seed in (0, 1)]
    )
    assert len({matrix.tobytes() for matrix in matrices}) == 12


def test_without_a_policy_images_are_letterboxed(three):
    """64 x 32 into 64 x 64: a bar of 16 pixels above and below, the painted box where its target says."""
    images, targets, matrices = look(three, sequential_order(3), policy="none")
    assert (images.dtype, images.shape) == (np.uint8, (3, 64, 64, 3))
    assert matrices[0] == pytest.approx(np.array([[1, 0, 0], [0, 1, 16], [0, 0, 1]]), abs=1e-5)
    assert targets[0] == pytest.approx(np.array([[8, 20, 40, 36, 1], [-1] * 5]), abs=1e-4)
    ys, xs = np.nonzero(images[0].min(axis=-1) > 200)
    assert [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] == [8, 20, 40, 36]
    assert len(np.unique(images[0, :16])) == len(np.unique(images[0, 48:])) == 1


def test_a_tall_image_is_scaled_down_to_fit(three):
    """96 x 48 into 64 x 64: two thirds, with 16 pixels to the left."""
    _, targets, matrices = look(three, sequential_order(3), policy="none")
    assert matrices[1] == pytest.approx(np.array([[2 / 3, 0, 16], [0, 2 / 3, 0], [0, 0, 1]]), abs=1e-5)
    assert targets[1, 0] == pytest.approx([6 * 2 / 3 + 16, 20, 30 * 2 / 3 + 16, 40, 0], abs=1e-4)


def test_targets_move_with_the_image(three):
    """The painted rectangle of an augmented image lies within its box, and fills it where nothing is turned."""
    images, targets, _ = look(three, lambda: iter([(0, view) for view in range(12)]), policy="light")
    for image, target in zip(images, targets, strict=True):
        ys, xs = np.nonzero(image.min(axis=-1) > 0.8 * image.max())
        x1, y1, x2, y2, label = target[0]
        assert label == 1
        assert [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] == pytest.approx([x1, y1, x2, y2], abs=1.5)


def test_an_image_without_boxes_is_all_padding(three):
    """Whatever is done to it."""
    targets = look(three, lambda: iter([(2, 0), (2, 1)]))[1]
    assert (targets == -1).all() and targets.shape == (2, 2, 5)
