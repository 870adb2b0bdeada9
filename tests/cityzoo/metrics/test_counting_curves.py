"""Points of a scatter plot, and the error by the size of what is counted, worked out by hand."""

import numpy as np
import pytest

from cityzoo.metrics.counting_curves import error_by_size, scatter
from cityzoo.outputs.counting import CountResult
from cityzoo.sample import ImageExample, ImageSet


def truth_of(rows):
    """Images with so many boxes of such a side."""
    made = (
        ImageExample(f"{i}.jpg", (99, 99), np.tile([0.0, 0, side, side], (n, 1)), [0] * n)
        for i, (n, side) in enumerate(rows)
    )
    return ImageSet("val", ("car",), tuple(made))


def test_every_image_of_few_is_a_point():
    truth = truth_of([(3, 9), (0, 9), (1, 9)])
    found = scatter(truth, [CountResult(2.5), CountResult(0.25), CountResult(1.0)])
    assert found == {"all": {"true": [0, 1, 3], "counted": [0.25, 1, 2.5]}}


def test_many_images_are_thinned_evenly():
    """1,001 images, of which one in ten is full: the emptiest, the fullest and the same shares stay."""
    counts = np.where(np.arange(1001) % 10 == 0, 8, np.arange(1001) % 3)
    said = [CountResult(float(n)) for n in counts]
    points = scatter(truth_of([(n, 9) for n in counts]), said)["all"]
    assert len(points["true"]) == 500 and points["true"] == points["counted"]
    assert points["true"][0] == 0 and points["true"][-1] == 8
    assert np.mean(np.equal(points["true"], 8)) == pytest.approx(np.mean(counts == 8), abs=0.005)


def test_error_by_size_by_hand():
    """Six images in pairs of sides 4 and 5, 10 and 12, 40 and 80; an empty one has no size."""
    truth = truth_of([(2, 4), (4, 5), (1, 10), (3, 12), (5, 40), (5, 80), (0, 1)])
    rows = error_by_size(truth, [CountResult(n) for n in (0.0, 3.0, 1.0, 4.0, 5.0, 8.0, 50.0)])
    assert rows["small"] == {
        "side": "4 to 5",
        "n": 2,
        "mean_count": 3,
        "mae": 1.5,
        "bias": -1.5,
        "relative": 0.5,
    }
    assert rows["medium"] == {
        "side": "10 to 12",
        "n": 2,
        "mean_count": 2,
        "mae": 0.5,
        "bias": 0.5,
        "relative": 0.25,
    }
    assert rows["large"] == {
        "side": "40 to 80",
        "n": 2,
        "mean_count": 5,
        "mae": 1.5,
        "bias": 1.5,
        "relative": 0.3,
    }


def test_sizes_that_do_not_differ_are_not_parted():
    rows = error_by_size(truth_of([(1, 9)] * 4), [CountResult(1.0)] * 4)
    assert {name: row["n"] for name, row in rows.items()} == {"small": 4}
    assert error_by_size(truth_of([(0, 9)]), [CountResult(1.0)]) == {}


def test_the_size_of_an_image_is_its_median_box():
    """Boxes of 10, 20 by 5 (the same area) and 90: one large box does not make large objects."""
    boxes = [[0, 0, 10, 10], [0, 0, 20, 5], [0, 0, 90, 90]]
    truth = ImageSet("val", ("car",), (ImageExample("a.jpg", (99, 99), boxes, [0] * 3),))
    assert error_by_size(truth, [CountResult(3.0)])["small"]["side"] == "10 to 10"
