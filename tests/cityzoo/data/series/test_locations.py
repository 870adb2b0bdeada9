import numpy as np
import pytest

from cityzoo.data.series.locations import read_places
from cityzoo.errors import InputError


def test_rows_are_found_by_name(write_table):
    table = write_table(
        "index,sensor_id,latitude,longitude", "0,773869,34.15,-118.31", "1,767541,34.11,-118.23"
    )
    np.testing.assert_allclose(
        read_places(table, ("767541", "5", "773869"))[[0, 2]], [[34.11, -118.23], [34.15, -118.31]]
    )
    assert np.isnan(read_places(table, ("767541", "5"))[1]).all()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("sensor,lat,lon", "a,95,5"), r"roads.csv:2: \[95.0, 5.0\] is no place"),
        (("sensor,lat,lon", "b,5,5"), "names none of the 1 sensors .'b' is no 'a'."),
        (
            ("sensor,x,y", "a,5,5"),
            "has no such columns: give a CSV with the columns sensor,latitude,longitude",
        ),
    ],
)
def test_what_cannot_be_used(write_table, lines, said):
    with pytest.raises(InputError, match=said):
        read_places(write_table(*lines), ("a",))
    with pytest.raises(InputError, match="does not exist"):
        read_places("nowhere.csv", ("a",))
