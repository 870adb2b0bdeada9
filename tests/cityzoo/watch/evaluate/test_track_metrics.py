"""HOTA, IDF1 and MOTA by hand, against the package `trackers` and against TrackEval, the reference."""

import numpy as np
import pytest

from cityzoo.watch.evaluate.mot_rows import MotRows, read_mot_rows
from cityzoo.watch.evaluate.track_metrics import evaluate_tracks
from cityzoo.watch.tracking.assignment import compute_overlaps


def scene(seed=0, objects=12, frames=60):
    """True and found rows: jitter, misses, false boxes, ids that are exchanged."""
    random = np.random.default_rng(seed)
    start, speed = random.uniform(0, 200, (objects, 2)), random.uniform(-3, 3, (objects, 2))
    true, found = [], []
    for frame in range(1, frames + 1):
        corner = start + speed * frame
        for k in range(objects):
            if (frame + 7 * k) % 50 > 4:
                true.append([frame, k + 1, *corner[k], 30, 20, 1, 1])
            if random.random() > 0.1:
                number = k + 1 if frame < 30 or k > 3 else (k + 1) % 4 + 1
                found.append(
                    [
                        frame,
                        number + 100 * (random.random() < 0.02),
                        *(corner[k] + random.normal(0, 3, 2)),
                        30,
                        20,
                        1,
                        1,
                    ]
                )
        if random.random() < 0.3:
            found.append([frame, 900 + frame, *random.uniform(0, 200, 2), 30, 20, 1, 1])
    return MotRows(np.array(true, float)), MotRows(np.array(found, float))


def test_perfect_tracks_have_full_marks():
    true, _ = scene()
    found = evaluate_tracks(true, true, range(1, 61))
    assert found == {"HOTA": 1, "DetA": 1, "AssA": 1, "IDF1": 1, "MOTA": 1, "id_switches": 0}


def test_missed_and_false_boxes_by_hand():
    rows = np.array([[frame, 1, 0, 0, 10, 10, 1, 1] for frame in range(1, 11)], float)
    more = np.concatenate([rows[:8], [[1, 2, 50, 50, 10, 10, 1, 1]]])  # 8 hits, 2 missed, 1 false
    found = evaluate_tracks(MotRows(rows), MotRows(more), range(1, 11))
    assert found["DetA"] == pytest.approx(8 / 11)
    assert found["AssA"] == pytest.approx(8 / 10)
    assert found["HOTA"] == pytest.approx((8 / 11 * 8 / 10) ** 0.5)
    assert found["IDF1"] == pytest.approx(16 / 19)
    assert found["MOTA"] == pytest.approx((8 - 1) / 10)


def number_ids(rows, frames):
    """Ids of the objects of each frame, counted from 0."""
    ids = [rows.select(frame)[0] for frame in frames]
    places = np.unique(np.concatenate(ids))
    return [np.searchsorted(places, each) for each in ids], len(places)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_metrics_equal_those_of_trackers(seed):
    peers = pytest.importorskip("trackers.eval")
    true, found = scene(seed)
    frames = range(1, 61)
    ids = [number_ids(rows, frames)[0] for rows in (true, found)]
    overlaps = [compute_overlaps(true.select(frame)[1], found.select(frame)[1]) for frame in frames]
    own = evaluate_tracks(true, found, frames)
    hota = peers.compute_hota_metrics(*ids, overlaps)
    clear = peers.compute_clear_metrics(*ids, overlaps)
    assert [own[name] for name in ("HOTA", "DetA", "AssA")] == pytest.approx(
        [hota[name] for name in ("HOTA", "DetA", "AssA")], abs=1e-6
    )
    assert own["IDF1"] == pytest.approx(peers.compute_identity_metrics(*ids, overlaps)["IDF1"], abs=1e-6)
    assert own["MOTA"] == pytest.approx(clear["MOTA"], abs=1e-6)
    assert own["id_switches"] == clear["IDSW"]


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_those_of_trackeval(seed):
    peers = pytest.importorskip("trackeval.metrics")  # pip install --no-deps trackeval==1.3.0
    true, found = scene(seed, objects=8 + 4 * seed)
    frames = range(1, 61)
    (true_ids, true_count), (found_ids, found_count) = number_ids(true, frames), number_ids(found, frames)
    data = {
        "gt_ids": true_ids,
        "tracker_ids": found_ids,
        "num_gt_ids": true_count,
        "num_tracker_ids": found_count,
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, found_ids)),
        "num_timesteps": len(frames),
        "similarity_scores": [
            compute_overlaps(true.select(frame)[1], found.select(frame)[1]) for frame in frames
        ],
    }
    hota, clear, identity = (
        metric.eval_sequence(data)
        for metric in (
            peers.HOTA(),
            peers.CLEAR({"PRINT_CONFIG": False}),
            peers.Identity({"PRINT_CONFIG": False}),
        )
    )
    wanted = {name: hota[name].mean() for name in ("HOTA", "DetA", "AssA")}
    wanted |= {"IDF1": identity["IDF1"], "MOTA": clear["MOTA"], "id_switches": clear["IDSW"]}
    assert evaluate_tracks(true, found, frames) == pytest.approx(wanted, abs=1e-9)


def test_rows_without_class_and_score_are_read(tmp_path):
    (tmp_path / "tracks.txt").write_text("2,5,1,2,3,4\n1,5,0,0,3,4\n")
    rows = read_mot_rows(tmp_path / "tracks.txt")
    assert rows.select(2)[1].tolist() == [[1, 2, 4, 6]]
    assert rows.select(3)[1].shape == (0, 4)
