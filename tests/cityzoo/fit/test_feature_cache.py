"""Room for features: bounded where nobody asked, never taken away where somebody did."""

import fcntl
import os
import shutil
from types import SimpleNamespace

import pytest

from cityzoo.errors import InputError
from cityzoo.fit import feature_cache
from cityzoo.fit.feature_cache import Cache, choose, make_room


def entry(folder, name, size, used):
    """A set of features of some bytes, last used at some second."""
    (folder / name).mkdir(parents=True)
    (folder / name / "P3.npy").write_bytes(b"x" * size)
    (folder / name / ".lock").touch()
    meta = folder / name / feature_cache.META
    meta.write_text("")
    os.utime(meta, (used, used))


@pytest.fixture
def small_disk(monkeypatch):
    """A disk with 1,000 bytes to spare, and a cap of 250."""
    monkeypatch.setattr(feature_cache, "CAP_BYTES", 250)
    free = feature_cache.SPARE_BYTES + 1000
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))


def test_the_longest_unused_make_room_but_not_those_in_use(tmp_path, small_disk):
    for name, used in (("old", 1), ("older", 0), ("new", 2)):
        entry(tmp_path, name, 80, used)
    with open(tmp_path / "older" / ".lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert make_room(Cache(tmp_path, asked=False), "k" * 64, 80)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "older"]


def test_more_than_the_cap_is_not_kept(tmp_path, small_disk):
    assert not make_room(Cache(tmp_path, asked=False), "k" * 64, 251)


def test_from_a_folder_of_the_users_nothing_is_removed(tmp_path, small_disk):
    entry(tmp_path, "old", 800, 0)
    assert make_room(Cache(tmp_path, asked=True), "k" * 64, 900)
    assert (tmp_path / "old").is_dir()
    with pytest.raises(InputError, match="has 0.0 GB to spare: free some, lower --views.* --cache off"):
        make_room(Cache(tmp_path, asked=True), "k" * 64, 1001)


def test_what_lies_there_needs_no_room(tmp_path, small_disk):
    (tmp_path / ("k" * 32)).mkdir()
    assert make_room(Cache(tmp_path, asked=True), "k" * 64, 10**12)


def test_the_flag_is_a_word_or_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))
    assert choose("off") is None
    assert choose("auto") == Cache(tmp_path / "home" / "features", asked=False)
    assert choose(str(tmp_path / "mine")) == Cache(tmp_path / "mine", asked=True)
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be cached in .*file.*give --cache another folder"):
        choose(str(tmp_path / "file" / "features"))
