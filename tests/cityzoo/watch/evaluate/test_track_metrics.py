"""HOTA, IDF1 and MOTA by hand, and against the package `trackers`, which agrees with TrackEval."""

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


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_metrics_equal_those_of_trackers(seed):
    peers = pytest.importorskip("trackers.eval")
    true, found = scene(seed)
    frames = range(1, 61)
    ids = [[rows.select(frame)[0] for frame in frames] for rows in (true, found)]
    for rows in ids:
        numbers = {
            number: k for k, number in enumerate(sorted({n for frame in rows for n in frame.tolist()}))
        }
        rows[:] = [np.array([numbers[n] for n in frame.tolist()], int) for frame in rows]
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


def test_rows_without_class_and_score_are_read(tmp_path):
    (tmp_path / "tracks.txt").write_text("2,5,1,2,3,4\n1,5,0,0,3,4\n")
    rows = read_mot_rows(tmp_path / "tracks.txt")
    assert rows.select(2)[1].tolist() == [[1, 2, 4, 6]]
    assert rows.select(3)[1].shape == (0, 4)
