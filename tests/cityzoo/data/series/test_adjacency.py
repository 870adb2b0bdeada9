import pickle
import subprocess
import sys

import numpy as np
import pytest

from cityzoo.data.series.adjacency import from_distances, read_adjacency, read_places
from cityzoo.errors import InputError

NAMES = ("773869", "767541", "767542")
ROADS = [[1, 0.5, 0], [0.25, 1, 0], [0, 0.75, 1]]


def test_matrices_with_and_without_names(write_table, tmp_path):
    bare = write_table(*(",".join(map(str, row)) for row in ROADS), name="adj.csv")
    np.testing.assert_allclose(read_adjacency(bare, NAMES), ROADS)
    assert read_adjacency(bare, NAMES).dtype == np.float32
    np.save(tmp_path / "adj.npy", np.array(ROADS))
    np.testing.assert_allclose(read_adjacency(str(tmp_path / "adj.npy"), NAMES), ROADS)
    np.testing.assert_allclose(read_adjacency(np.array(ROADS), NAMES), ROADS)


def test_a_matrix_is_put_into_the_order_of_the_sensors_by_its_names(write_table):
    order = [2, 0, 1]
    mixed = np.array(ROADS)[np.ix_(order, order)]
    names = [NAMES[number] for number in order]
    headed = write_table(",".join(names), *(",".join(map(str, row)) for row in mixed), name="adj.csv")
    np.testing.assert_allclose(read_adjacency(headed, NAMES), ROADS)
    both = write_table(
        ",".join(["", *names]),
        *(",".join([n, *map(str, row)]) for n, row in zip(names, mixed, strict=True)),
        name="b.csv",
    )
    np.testing.assert_allclose(read_adjacency(both, NAMES), ROADS)
    np.testing.assert_allclose(read_adjacency(both, NAMES[:2]), np.array(ROADS)[:2, :2])


def dcrnn(distances, sensors, weakest=0.1):
    """What get_adjacency_matrix of DCRNN's gen_adj_mx.py computes, in its steps."""
    matrix = np.full((len(sensors), len(sensors)), np.inf, np.float32)
    for origin, end, cost in distances:
        if origin in sensors and end in sensors:
            matrix[sensors.index(origin), sensors.index(end)] = cost
    finite = matrix[~np.isinf(matrix)].flatten()
    weights = np.exp(-np.square(matrix / finite.std()))
    weights[weights < weakest] = 0
    return weights


def test_distances_become_weights_as_in_dcrnn(write_table):
    rng = np.random.default_rng(0)
    names = [str(each) for each in range(700, 712)]
    listed = [
        (one, two, 0.0 if one == two else round(rng.uniform(100, 9000), 1)) for one in names for two in names
    ]
    listed = [each for each in listed if each[0] == each[1] or rng.random() < 0.4] + [("999", "700", 5.0)]
    table = write_table("from,to,cost", *(",".join(map(str, row)) for row in listed), name="distances.csv")
    weights = read_adjacency(table, names)
    np.testing.assert_allclose(weights, dcrnn(listed, names), atol=1e-6)
    assert 0 < (weights > 0).mean() < 1 and (weights != weights.T).any() and (np.diag(weights) == 1).all()


def test_the_kernel_by_hand():
    # 2 and 4 have the standard deviation 1: exp(-4) = 0.018 is below 0.1.
    found = from_distances(["a", "b"], ["b", "a"], np.array([2.0, 4.0]), ("a", "b", "c"), weakest=0.01)
    np.testing.assert_allclose(found, [[1, np.exp(-4), 0], [0, 1, 0], [0, 0, 1]])
    equal = from_distances(["a"], ["b"], np.array([3.0]), ("a", "b"))
    np.testing.assert_allclose(equal, [[1, np.exp(-1)], [0, 1]])


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "adj_mx.pkl"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(
        InputError, match=r"is a pickle, which runs code .* numpy.save\('.*adj_mx.npy'"
    ) as raised:
        read_adjacency(str(path), NAMES)
    assert not (tmp_path / "sprung").exists() and "\n" not in str(raised.value)


def test_the_way_to_convert_works(tmp_path):
    path = tmp_path / "adj_mx.pkl"
    path.write_bytes(
        pickle.dumps([list(NAMES), {name: n for n, name in enumerate(NAMES)}, np.array(ROADS)], protocol=2)
    )
    with pytest.raises(InputError) as raised:
        read_adjacency(str(path), NAMES)
    code = str(raised.value).partition('-c "')[2].partition('" and give')[0]
    subprocess.run([sys.executable, "-c", code], check=True)
    np.testing.assert_allclose(read_adjacency(str(tmp_path / "adj_mx.npy"), NAMES), ROADS)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("1,0", "0,1"), "is 2 x 2, the series has 3 sensors, expected 3 x 3"),
        (("1,0,0", "0,1,0", "0,-1,1"), "row 3, column 2 is -1.0, expected a weight of 0 or more"),
        (("1,0,0", "0,1,", "0,1,1"), "row 2, column 3 is nan"),
        (("1,0,0", "0,1,x", "0,1,1"), r"adj.csv:2, column '3': 'x' is not a number"),
        (("from,to,cost", "773869,767541,-3"), "adj.csv:2: cost is -3.0, expected a distance of 0 or more"),
        (("from,to,cost", "1,2,3"), "names none of the 3 sensors .'1' is not '773869'."),
        (("from,to,colour", "1,2,3"), "no column of distances"),
        (("1",), "not a CSV with two rows"),
    ],
)
def test_what_cannot_be_used(write_table, lines, said):
    with pytest.raises(InputError, match=said):
        read_adjacency(write_table(*lines, name="adj.csv"), NAMES)


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="does not exist: give a .csv or .npy"):
        read_adjacency(str(tmp_path / "adj.csv"), NAMES)
    (tmp_path / "adj.npy").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="numpy.save"):
        read_adjacency(str(tmp_path / "adj.npy"), NAMES)


def test_places_are_found_by_name(write_table):
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
        (("sensor,lat,lon", "a,95,5"), r"roads.csv:2: \[95.0, 5.0\] is not a location"),
        (("sensor,lat,lon", "b,5,5"), "names none of the 1 sensors .'b' is not 'a'."),
        (
            ("sensor,x,y", "a,5,5"),
            "has no such columns: give a CSV with the columns sensor,latitude,longitude",
        ),
    ],
)
def test_places_that_cannot_be_used(write_table, lines, said):
    with pytest.raises(InputError, match=said):
        read_places(write_table(*lines), ("a",))
    with pytest.raises(InputError, match="does not exist"):
        read_places("nowhere.csv", ("a",))
