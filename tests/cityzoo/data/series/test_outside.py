"""Sensor data that names files outside of its folder: refused, or read and counted by --allow-outside."""

import os

import pytest

from cityzoo.data import files
from cityzoo.data.series.load import load_series
from cityzoo.errors import InputError

TABLE = "time,a,b\n" + "".join(f"2012-03-01 00:{5 * n:02d},{60 + n},{50 + n}\n" for n in range(6))


@pytest.fixture
def data(tmp_path):
    """Return a folder with a table of two sensors and a link to a table that lies next to the folder."""
    (tmp_path / "data").mkdir()
    (tmp_path / "roads_adj.csv").write_text("a,b\n0,1\n1,0\n")
    (tmp_path / "data" / "speed.csv").write_text(TABLE)
    return tmp_path / "data"


@pytest.mark.parametrize("place", ["../roads_adj.csv", "link.csv", "absolute"])
def test_side_file_names_roads_outside(data, place):
    """By `..`, by a link, by an absolute path."""
    (data / "link.csv").symlink_to("../roads_adj.csv")
    place = place if place != "absolute" else data.parent / "roads_adj.csv"
    (data / "speed.yaml").write_text(f"channel: speed\nunit: mph\nadjacency: {place}\n")
    with pytest.raises(InputError, match="--allow-outside"):
        load_series(str(data / "speed.csv"))
    with files.allow_outside(True):
        loaded = load_series(str(data / "speed.csv"))
    assert loaded.findings.counts["read outside"] == 1
    assert loaded.series.adjacency.shape == (2, 2)


def test_roads_that_the_user_names_may_lie_anywhere(data):
    """--adjacency is a path of the user, not of the data."""
    roads = str(data.parent / "roads_adj.csv")
    assert load_series(str(data), channel="speed", unit="mph", adjacency=roads).series.adjacency.shape == (
        2,
        2,
    )


def test_linked_tables_are_refused(data):
    """A table of the folder that is a link out of it."""
    (data / "other.csv").symlink_to("../speed.csv")
    (data / "speed.csv").rename(data.parent / "speed.csv")
    with pytest.raises(InputError, match="--allow-outside"):
        load_series(str(data), channel="speed", unit="mph")


def test_a_pipe_as_data_is_refused(data):
    """It would be waited for, forever."""
    os.mkfifo(data.parent / "pipe.csv")
    with pytest.raises(InputError, match="not a regular file"):
        load_series(str(data.parent / "pipe.csv"))
