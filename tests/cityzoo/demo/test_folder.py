"""Folders of demo data: complete or absent, and written once."""

import pytest

from cityzoo.demo.folder import write_once
from cityzoo.errors import InputError

MADE = {"demo": "test", "seed": 0}


def test_a_folder_is_filled_once(tmp_path):
    calls = []

    def fill(draft):
        calls.append(draft)
        (draft / "x").write_text("1")

    assert write_once(tmp_path / "d", MADE, fill) == write_once(tmp_path / "d", MADE, fill) == tmp_path / "d"
    assert len(calls) == 1 and (tmp_path / "d" / "x").is_file()
    with pytest.raises(InputError, match="is not empty: expected a new or empty folder"):
        write_once(tmp_path / "d", {**MADE, "seed": 1}, fill)


def test_what_fails_leaves_nothing_behind(tmp_path):
    def fill(draft):
        (draft / "x").write_text("1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_once(tmp_path / "d", MADE, fill)
    assert list(tmp_path.iterdir()) == []
