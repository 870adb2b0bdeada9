"""Cached features: what the prefix says, made once, never trusted half-finished."""

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.errors import InputError
from cityzoo.fit import features
from cityzoo.fit.feature_cache import META, Cache
from cityzoo.outputs.detection import Detection


@pytest.fixture
def prefix(small_zoo):
    """Everything of a small backbone up to C4, which hands P3 and P4 on."""
    keras.utils.set_random_seed(0)
    return zoo.prefix(zoo.build("slim", (64, 64)).model, "C4")


@pytest.fixture
def views(street):
    """Views of the eight training images."""
    return AugmentedViews(
        street.train, Detection(street.train.class_names), "none", (64, 64), max_rows=2, seed=0
    )


@pytest.fixture
def cache(tmp_path):
    """An empty one."""
    (tmp_path / "cache").mkdir()
    return Cache(tmp_path / "cache", asked=True)


def test_features_are_what_the_prefix_says_of_each_view(prefix, views, cache):
    """To the accuracy of float16; targets and matrices exactly; in the order of the rows asked for."""
    views = replace(views, policy="light")
    made = features.compute(prefix, views, 2, cache)
    ((images, targets, matrices),) = views.batches(sequential_order(8, 2), 16).as_numpy_iterator()
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


def test_the_size_is_known_before_it_is_written(prefix, views, cache):
    """But for the few bytes that each file begins with."""
    features.compute(prefix, views, 2, cache)
    written = sum(file.stat().st_size for file in cache.folder.glob("*/*.npy"))
    assert 0 <= written - features.bytes_needed(prefix, views, 2) <= 4 * 128


@pytest.fixture
def passes(monkeypatch):
    """How many views ran through a prefix, each time that one was needed."""
    counts, fill = [], features._fill

    def counting(prefix, batches, arrays, start, save):
        counts.append(len(arrays["targets"]) - start)
        fill(prefix, batches, arrays, start, save)

    monkeypatch.setattr(features, "_fill", counting)
    return counts


def test_what_was_made_is_used_again_and_every_change_makes_it_anew(prefix, views, cache, passes):
    """Views, policy, seed, labels, weights: each is part of the key."""
    first = features.compute(prefix, views, 1, cache)
    again = features.compute(prefix, views, 1, cache)
    assert passes == [8] and (again.tensors["P3"] == first.tensors["P3"]).all()
    features.compute(prefix, views, 2, cache)
    features.compute(prefix, replace(views, policy="light"), 1, cache)
    features.compute(prefix, replace(views, policy="light", seed=1), 1, cache)
    images = views.examples.examples
    moved = replace(images[0], boxes_xyxy=images[0].boxes_xyxy + 1)
    features.compute(
        prefix, replace(views, examples=replace(views.examples, examples=(moved, *images[1:]))), 1, cache
    )
    prefix.set_weights([weight + 1 for weight in prefix.get_weights()])
    features.compute(prefix, views, 1, cache)
    assert passes == [8, 16, 8, 8, 8, 8]


def test_two_runs_at_once_make_them_once(prefix, views, cache, passes):
    """The second waits for the first and uses what that has made."""
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(features.compute, prefix, views, 1, cache) for _ in range(2)]
        first, second = (run.result() for run in runs)
    assert passes == [8]
    assert (first.tensors["P3"] == second.tensors["P3"]).all() and np.asarray(first.tensors["P3"]).std() > 0


def test_a_run_outlives_its_deleted_cache(prefix, views, cache, passes):
    """Open features stay readable; the next run computes them again."""
    made = features.compute(prefix, views, 1, cache)
    expected = np.array(made.tensors["P3"])
    shutil.rmtree(cache.folder)
    ((found, _),) = made.batches(lambda: iter([(row, 0) for row in range(8)]), 8).as_numpy_iterator()
    assert (found["P3"] == expected.astype("float32")).all()
    assert (features.compute(prefix, views, 1, cache).tensors["P3"] == expected).all() and passes == [8, 8]


def test_an_image_that_changed_on_disk_makes_them_anew(prefix, views, cache, passes):
    features.compute(prefix, views, 1, cache)
    os.utime(views.examples.examples[3].path, (1, 1))
    features.compute(prefix, views, 1, cache)
    assert passes == [8, 8]


def test_an_interrupted_set_is_finished_where_it_stopped(prefix, views, cache, passes, monkeypatch):
    """After two of four batches: the other two are made, and all is as in one go."""
    views = replace(views, policy="light")
    monkeypatch.setattr(features, "BATCH", 4)
    monkeypatch.setattr(features, "SAVED_EVERY", 1)
    expected = features.compute(prefix, views, 2, Cache(cache.folder / "whole", asked=True))
    write_meta = features.write_meta

    def stopped(folder, key, done, total):
        write_meta(folder, key, done, total)
        if done == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(features, "write_meta", stopped)
    with pytest.raises(KeyboardInterrupt):
        features.compute(prefix, views, 2, cache)
    monkeypatch.setattr(features, "write_meta", write_meta)
    found = features.compute(prefix, views, 2, cache)
    assert passes == [16, 16, 8]
    for name in ("P3", "P4"):
        assert (found.tensors[name] == expected.tensors[name]).all()
    assert (found.targets == expected.targets).all() and (found.matrices == expected.matrices).all()


@pytest.mark.parametrize("meta", ["", "{", "[]", '{"format": 0, "key": "a", "done": 8}'])
def test_what_says_nothing_sensible_about_itself_is_made_anew(prefix, views, cache, passes, meta):
    features.compute(prefix, views, 1, cache)
    (folder,) = (path for path in cache.folder.iterdir() if path.is_dir())
    (folder / META).write_text(meta)
    features.compute(prefix, views, 1, cache)
    assert passes == [8, 8]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve disk space")
def test_a_full_disk_is_said_before_work_begins(prefix, views, cache, passes, monkeypatch):
    """One line with what to do."""

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match="No space left on device.*lower --views or --image-size") as caught:
        features.compute(prefix, views, 1, cache)
    assert "\n" not in str(caught.value) and passes == []


def test_what_float16_cannot_hold_is_clipped(views, cache):
    """Not turned into infinity."""
    images = keras.Input((64, 64, 3))
    loud = keras.Model(images, {"P3": keras.layers.Rescaling(1e4, -1e5)(images)})
    made = features.compute(loud, views, 1, cache).tensors["P3"]
    assert made.max() == 65504 and made.min() == -65504
