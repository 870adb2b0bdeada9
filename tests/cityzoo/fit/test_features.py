"""Cached features: what the prefix says, made once, never trusted half-finished."""

import errno
import os
import shutil
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import zoo
from cityzoo.errors import InputError
from cityzoo.fit import features
from cityzoo.kinds.detection import Detection
from cityzoo.views import Views, in_order


@pytest.fixture
def prefix(small_zoo):
    """Everything of a small backbone up to C4, which hands P3 and P4 on."""
    keras.utils.set_random_seed(0)
    return zoo.prefix(zoo.build("slim", (64, 64)).model, "C4")


@pytest.fixture
def views(street):
    """Views of the eight training pictures."""
    return Views(street.train, Detection(street.train.class_names), "none", (64, 64), max_rows=2, seed=0)


def test_features_are_what_the_prefix_says_of_each_view(prefix, views, tmp_path):
    """To the accuracy of float16; targets and matrices exactly; in the order of the rows asked for."""
    views = replace(views, policy="light")
    made = features.compute(prefix, views, 2, tmp_path / "f", "key")
    ((images, targets, matrices),) = views.batches(in_order(8, 2), 16).as_numpy_iterator()
    expected = prefix(images.astype("float32"))
    assert set(made.tensors) == {"P3", "P4"}
    for name, tensor in expected.items():
        assert made.tensors[name].dtype == np.float16
        assert np.asarray(made.tensors[name], "float32") == pytest.approx(
            np.asarray(tensor), rel=1e-3, abs=1e-3
        )
        assert np.asarray(tensor).std() > 0
    assert (made.targets == targets).all()
    assert (made.matrices == matrices).all()

    rows = [(3, 1), (0, 0), (7, 1)]
    batches = list(made.batches(lambda: iter(rows), 2).as_numpy_iterator())
    assert [len(targets) for _, targets in batches] == [2, 1]
    for key in ("P3", "P4"):
        found = np.concatenate([tensors[key] for tensors, _ in batches])
        assert found.dtype == np.float32
        assert (found == np.asarray(made.tensors[key][[11, 0, 15]], "float32")).all()
    assert (np.concatenate([targets for _, targets in batches]) == made.targets[[11, 0, 15]]).all()


def test_the_size_is_known_before_it_is_written(prefix, views, tmp_path):
    """But for the few bytes that each file begins with."""
    features.compute(prefix, views, 2, tmp_path / "f", "key")
    written = sum(file.stat().st_size for file in (tmp_path / "f").glob("*.npy"))
    assert 0 <= written - features.bytes_needed(prefix, views, 2) <= 4 * 128


@pytest.fixture
def counted(monkeypatch):
    """Count how often a prefix runs over the pictures; write quickly made numbers."""
    calls = []

    def fill(prefix, batches, tensors, targets, matrices):
        calls.append(1)
        targets[:] = len(calls)

    monkeypatch.setattr(features, "_fill", fill)
    return calls


def test_a_finished_folder_of_the_same_key_is_used_again(prefix, views, tmp_path, counted):
    """Another key, or another number of views in its key, is made anew."""
    folder = tmp_path / "f"
    for key, runs in (("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)):
        made = features.compute(prefix, views, 1, folder, key)
        assert len(counted) == runs
        assert (made.targets == runs).all()


@pytest.mark.parametrize("mark", [None, "", '"a', '"ab"'])
def test_an_unfinished_folder_is_not_trusted(prefix, views, tmp_path, counted, mark):
    """The mark that comes last is missing, half written or of another key."""
    folder = tmp_path / "f"
    features.compute(prefix, views, 1, folder, "a")
    (folder / features.MARK).unlink()
    (folder / "left over.npy").write_bytes(b"")
    if mark is not None:
        (folder / features.MARK).write_text(mark)
    made = features.compute(prefix, views, 1, folder, "a")
    assert len(counted) == 2 and (made.targets == 2).all()
    assert not (folder / "left over.npy").exists()


def test_an_interruption_leaves_nothing_that_is_trusted(prefix, views, tmp_path, counted, monkeypatch):
    """Ctrl-C in the middle of the first pass."""
    fill = features._fill

    def interrupted(*arguments):
        fill(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(features, "_fill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        features.compute(prefix, views, 1, tmp_path / "f", "a")
    monkeypatch.setattr(features, "_fill", fill)
    features.compute(prefix, views, 1, tmp_path / "f", "a")
    assert len(counted) == 2


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve disk space")
def test_a_full_disk_is_said_before_work_begins_and_leaves_nothing(
    prefix, views, tmp_path, counted, monkeypatch
):
    """One line with what to do."""

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match="No space left on device.*lower --views or --image-size") as caught:
        features.compute(prefix, views, 1, tmp_path / "f", "a")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "f").exists() and counted == []


def test_what_float16_cannot_hold_is_clipped(views, tmp_path):
    """Not turned into infinity."""
    images = keras.Input((64, 64, 3))
    loud = keras.Model(images, {"P3": keras.layers.Rescaling(1e4, -1e5)(images)})
    made = features.compute(loud, views, 1, tmp_path / "f", "a").tensors["P3"]
    assert made.max() == 65504 and made.min() == -65504


@pytest.mark.parametrize(
    ("free_gib", "needed_gib", "fits"), [(5, 1.9, True), (5, 2.1, False), (0.5, 0.001, False)]
)
def test_half_of_the_disk_but_a_gibibyte_may_be_used(monkeypatch, tmp_path, free_gib, needed_gib, fits):
    """Nobody's machine is filled to the brim."""
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free_gib * 2**30))
    assert features.fits(int(needed_gib * 2**30), tmp_path) is fits
