"""Runs that continue each other, and one of them missing."""

import pytest

from cityzoo import tasks
from cityzoo.continual.lineage import read_lineage
from cityzoo.errors import InputError


def write_run(folder, earlier=None):
    """A run folder that holds nothing but its settings."""
    folder.mkdir()
    spec = tasks.find("vehicle_classify").make_spec({"task": "vehicle_classify", "continue_": earlier})
    spec.write(folder / "spec.json")
    return str(folder)


def test_the_first_run_comes_first(tmp_path):
    first = write_run(tmp_path / "a")
    last = write_run(tmp_path / "c", write_run(tmp_path / "b", first))
    found, missing = read_lineage(tmp_path / "c")
    assert [each.name for each in found] == ["a", "b", "c"] and missing is None
    (tmp_path / "a" / "spec.json").unlink()
    found, missing = read_lineage(tmp_path / "c")
    assert [each.name for each in found] == ["b", "c"] and missing == first
    assert last.endswith("c")


def test_a_circle_is_refused(tmp_path):
    write_run(tmp_path / "a", str(tmp_path / "b"))
    write_run(tmp_path / "b", str(tmp_path / "a"))
    with pytest.raises(InputError, match="itself"):
        read_lineage(tmp_path / "a")
