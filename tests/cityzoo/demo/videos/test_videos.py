"""Videos of a street: equal from equal seeds, boxes that move as vehicles do, crossings and incidents as planned."""

import json
import time

import numpy as np
import pytest

from cityzoo.demo.videos import VIDEOS, Part, plan_video, write_video
from cityzoo.demo.videos.frames import box_of_outline, draw_frame
from cityzoo.demo.videos.truth import (
    WAYS,
    count_intervals,
    crossings_of,
    incidents_of,
    line_of,
    line_position,
    truth_of,
)
from cityzoo.errors import InputError

SMALL = (144, 192)
PARTS = (Part(12, "day", 1500.0), Part(2, "rain", 1500.0))
FPS = 5.0


@pytest.fixture(scope="module")
def plan():
    """The plan of the ten minutes with all incidents."""
    return plan_video(VIDEOS["incidents"])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A short video on disk."""
    return write_video(tmp_path_factory.mktemp("video") / "short", PARTS, fps=FPS, size_hw=SMALL)


@pytest.fixture(scope="module")
def rows(written):
    """Its rows of tracks: frame, id, left, top, width, height, 1, class, visible share."""
    return np.loadtxt(written / "tracks.txt", delimiter=",")


def test_equal_seeds_give_equal_frames_and_others_do_not():
    frames = [draw_frame(plan_video(PARTS, seed, SMALL), 30, FPS) for seed in (3, 3, 4)]
    assert frames[0].image.tobytes() == frames[1].image.tobytes()
    assert frames[0].ids == frames[1].ids
    assert frames[0].image.tobytes() != frames[2].image.tobytes()


def test_the_traffic_does_not_depend_on_the_frame_rate():
    plan = plan_video(PARTS, 0, SMALL)
    slow, fast = draw_frame(plan, 40, 5.0), draw_frame(plan, 80, 10.0)
    assert slow.ids == fast.ids
    np.testing.assert_array_equal(slow.boxes_xyxy, fast.boxes_xyxy)


def test_boxes_move_as_vehicles_do(rows):
    assert len(set(rows[:, 1])) >= 4
    for track in set(rows[:, 1]):
        own = rows[(rows[:, 1] == track) & (rows[:, 8] > 0.95)]
        middle = own[:, 2:4] + own[:, 4:6] / 2
        for k in np.flatnonzero(np.diff(own[:, 0]) == 1):
            assert np.abs(middle[k + 1] - middle[k]).max() < max(own[k, 4:6].max(), own[k + 1, 4:6].max())
        assert len(set(own[:, 7])) <= 1


def test_boxes_lie_within_the_outline_of_their_vehicle():
    plan = plan_video(PARTS, 0, SMALL)
    frame = draw_frame(plan, 40, FPS)
    tracks = {track.number: track for track in plan.tracks}
    outlines = box_of_outline([tracks[i].place(plan.road, frame.seconds) for i in frame.ids], plan.camera) / 2
    assert len(outlines)
    assert (frame.boxes_xyxy[:, :2] >= outlines[:, :2] - 2).all()
    assert (frame.boxes_xyxy[:, 2:] <= outlines[:, 2:] + 2).all()


def test_visible_boxes_cross_the_line_when_the_truth_says(written, rows):
    truth = json.loads((written / "truth.json").read_text())
    high, wide = truth["size_hw"]
    (x1, y1), (x2, y2) = np.array(truth["line"]["points"]) * (wide, high)
    checked = 0
    for crossing in truth["crossings"]:
        own = rows[(rows[:, 1] == crossing["track"]) & (rows[:, 8] > 0.95)]
        middle, seconds = own[:, 2:4] + own[:, 4:6] / 2, (own[:, 0] - 1) / FPS
        below = (x2 - x1) * (middle[:, 1] - y1) - (y2 - y1) * (middle[:, 0] - x1)
        for k in np.flatnonzero(np.diff(below > 0)):
            at = seconds[k] + below[k] / (below[k] - below[k + 1]) * (seconds[k + 1] - seconds[k])
            assert at == pytest.approx(crossing["seconds"], abs=0.25)
            assert crossing["source"] == ("near" if below[k] > 0 else "far")
            checked += 1
    assert checked >= 3


def test_every_vehicle_crosses_once_in_its_direction(plan):
    crossings = crossings_of(plan)
    tracks = {track.number: track for track in plan.tracks}
    assert len({c.track for c in crossings}) == len(crossings)
    for crossing in crossings:
        track = tracks[crossing.track]
        assert (
            f"{crossing.source}-{crossing.target}" == WAYS[(track.lane.direction < 0) != track.ride.against]
        )
        thing = track.place(plan.road, crossing.road_seconds)
        x, y, _ = plan.road.position(line_position(plan), 0.0)
        _, _, heading = plan.road.position(line_position(plan), 0.0)
        ahead = (thing.x - x) * np.sin(heading) + (thing.y - y) * np.cos(heading)
        assert abs(ahead) < 0.05
    passed = {t.number for t in plan.tracks if t.end_s < plan.seconds - 1}
    assert passed <= {c.track for c in crossings}


def test_counts_of_intervals_add_up_to_the_crossings(plan):
    crossings = crossings_of(plan)
    intervals = count_intervals(crossings, plan.seconds)
    assert len(intervals) == 10
    assert sum(sum(row["total"].values()) for row in intervals) == len(crossings) > 300
    for row in intervals:
        assert row["total"] == {way: sum(row["classes"][way].values()) for way in WAYS}


def test_the_planned_incidents_happen_and_no_others(plan):
    stopped, wrong_way, jam = incidents_of(plan)
    assert (stopped.kind, wrong_way.kind, jam.kind) == ("stopped", "wrong_way", "jam")
    assert 100 < stopped.start_s < stopped.end_s < 190
    assert stopped.end_s - stopped.start_s == pytest.approx(45, abs=2)
    assert 270 < wrong_way.start_s < wrong_way.start_s + 5 < wrong_way.end_s < 350
    assert 450 < jam.start_s < jam.start_s + 60 < jam.end_s <= 600
    normal = plan_video((Part(300, "day"), Part(300, "rain")), seed=1)
    assert incidents_of(normal) == []


def test_the_wrong_way_vehicle_meets_nobody(plan):
    (wrong,) = [track for track in plan.tracks if track.ride.against]
    same_lane = [t for t in plan.tracks if t.lane == wrong.lane and t is not wrong]
    assert not any(t.ride.start_s < wrong.end_s and t.end_s > wrong.ride.start_s for t in same_lane)


def test_the_line_spans_the_road_inside_the_image(plan):
    line = line_of(plan)
    assert ((line > 0) & (line < 1)).all()
    assert line[0, 0] < line[1, 0]
    assert line_position(plan) == 30
    assert truth_of(plan, 5.0)["line"]["sides"] == ["near", "far"]


@pytest.mark.parametrize("place_seed", [1, 3, 16])
def test_the_line_moves_away_where_the_road_is_wide(place_seed):
    line = line_of(plan_video(PARTS, 0, SMALL, place_seed))
    assert ((line > 0) & (line < 1)).all()


def test_a_video_is_written_once(written, rows):
    cv2 = pytest.importorskip("cv2")
    capture = cv2.VideoCapture(str(written / "video.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 14 * FPS
    assert capture.get(cv2.CAP_PROP_FPS) == FPS
    ok, first = capture.read()
    assert ok
    assert first.shape == (*SMALL, 3)
    assert rows[:, 0].max() <= 14 * FPS
    changed = (written / "video.mp4").stat().st_mtime_ns
    assert write_video(written, PARTS, fps=FPS, size_hw=SMALL) == written
    assert (written / "video.mp4").stat().st_mtime_ns == changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": "sunset"}, "sunset"),
        ({"parts": ()}, "0 parts"),
        ({"parts": (Part(5, "day", incident="flood"),)}, "stopped, wrong_way, jam"),
        ({"parts": (Part(5, "sunny"),)}, "sunny"),
        ({"fps": 0}, "expected 1 to 60"),
        ({"seed": -1}, "seed -1"),
        ({"size_hw": (33, 64)}, "even sides"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path, changes, message):
    with pytest.raises(InputError, match=message) as error:
        write_video(**({"folder": tmp_path / "new", "parts": "short"} | changes))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "new").exists()


def test_a_frame_costs_little(plan):
    draw_frame(plan, 100, 5.0)
    started = time.process_time()
    for index in (500, 1000, 2600):  # day, stopped car, jam
        draw_frame(plan, index, 5.0)
    assert (time.process_time() - started) / 3 < 0.4  # seconds of CPU; measured: 0.06
