"""The redactor: names of its parts, and that what it returns is covered."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.redact import Redactor
from cityzoo.redact.regions import Region


class Corner:
    """Finds the left upper corner."""

    def find(self, image):
        return [Region("plate", (0.0, 0.0, 10.0, 10.0), 0.9)]


def test_what_a_finder_finds_is_covered_with_a_margin():
    """The input stays as it was."""
    image = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    before = image.copy()
    covered, regions = Redactor([Corner()], "fill", grow=0.2).redact(image)
    assert [region.box_xyxy for region in regions] == [(0, 0, 12, 12)]
    assert (covered[:12, :12] == 114).all()
    assert (covered[12:] == image[12:]).all()
    assert (image == before).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "finds nothing"),
        ("fill", "finds nothing"),
        ("nowhere:plate", "'nowhere' is no exported folder"),
    ],
)
def test_wrong_names_are_refused(name, message):
    """With what is allowed."""
    with pytest.raises(InputError, match=message):
        Redactor.from_name(name)
