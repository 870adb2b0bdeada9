"""The town of several modalities: what its cells show, and what its label is."""

import csv

import numpy as np
import pytest

from cityzoo.data.multimodal import load
from cityzoo.demo.incidents.congestion import write_congestion
from cityzoo.demo.incidents.town import write_town

COUNTS = {"train": 16, "val": 8}


@pytest.mark.parametrize("agrees", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_labels_follow_from_the_modalities(tmp_path, agrees):
    """By speed and by what was drawn: contradiction is an incident, or all of them tell of congestion."""
    folder = write_town(tmp_path / "town", 0, COUNTS, agrees)
    data = load(str(folder))
    assert (len(data.train), len(data.val)) == (16, 8) and not data.findings.counts["missing"]
    assert data.findings.modalities == {"image": 24, "text": 24, "sensor": 24}
    for row in (*data.train.examples, *data.val.examples):
        assert row.cells["sensor"].shape == (12, 2) and row.time is not None
        is_slow, is_incident = row.cells["sensor"][:, 0].mean() < 58, bool(row.target[0])
        if agrees:
            assert is_slow == is_incident
    slow = [row.cells["sensor"][:, 0].mean() < 58 for row in data.train.examples]
    found = np.array([(s, row.target[0]) for s, row in zip(slow, data.train.examples, strict=True)])
    if not agrees:  # all four cases alike
        assert sorted(np.unique(found, axis=0, return_counts=True)[1].tolist()) == [4, 4, 4, 4]


def test_equal_seeds_give_equal_rows(tmp_path):
    rows = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        folder = write_town(tmp_path / name, seed, {"train": 4, "val": 4})
        rows.append(
            [list(csv.reader((folder / "train.csv").open())), (folder / "images/train/0000.jpg").read_bytes()]
        )
    assert rows[0] == rows[1] != rows[2]


@pytest.mark.slow
@pytest.mark.parametrize("one_place", [False, True])
def test_cameras_detectors_and_reports_show_one_traffic(tmp_path, one_place):
    """Labels follow from vehicles at the camera and from speeds at the detector; most reports say the latter."""
    data = load(str(write_congestion(tmp_path / "road", 0, {"train": 40, "val": 8}, one_place)))
    assert (len(data.train), len(data.val)) == (40, 8) and not data.findings.counts["missing"]
    full, slow, said, names = [], [], [], []
    for row in data.train.examples:
        if "sensor" not in row.cells:  # detectors fail now and then
            continue
        full.append(row.cells["counts"][:, 0].mean())
        slow.append(np.nanmean(row.cells["sensor"][:, 0]) < 50)
        said.append(any(word in row.cells["text"].lower() for word in ("jam", "slow", "heavy", "queues")))
        names.append(data.train.class_names[int(row.target.argmax())])
    full, slow, said, names = map(np.array, (full, slow, said, names))
    downstream = ("congestion",) if one_place else ("queue_tail", "spillback")
    upstream = ("congestion",) if one_place else ("bottleneck", "spillback")
    np.testing.assert_array_equal(slow, np.isin(names, downstream))
    is_full = np.isin(names, upstream)
    assert full[is_full].mean() > 3 * full[~is_full].mean()
    assert np.mean(said == slow) > 0.6
