"""A watch against its truth, from folder to page."""

import json

import numpy as np
import pytest

from cityzoo import cli
from cityzoo.__main__ import main as cityzoo_main
from cityzoo.watch.counting.calibration import read_calibration
from cityzoo.watch.evaluate.baselines import BoxCounter, run_baselines
from cityzoo.watch.evaluate.evaluation import evaluate_watch
from cityzoo.watch.scene import Line

SIZE, FPS, SECONDS = (96, 128), 10, 30
LINE = {"name": "road", "points": [[0.0, 0.5], [1.0, 0.5]], "from": "far", "to": "near"}
TIMES = (8.0, 12.0, 17.0, 23.0, 26.0)  # of the true crossings, all from far to near
SPEED = 24.0  # pixels per second


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Squares that move down over the line at TIMES."""
    import cv2

    path = tmp_path_factory.mktemp("video") / "road.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE[::-1])
    random = np.random.default_rng(0)
    for frame in range(SECONDS * FPS):
        image = random.integers(90, 100, (*SIZE, 3)).astype(np.uint8)
        for number, seconds in enumerate(TIMES):
            y = round(SIZE[0] / 2 + (frame / FPS - seconds) * SPEED)
            cv2.rectangle(image, (20 + 20 * number, y - 8), (32 + 20 * number, y + 8), (250, 250, 250), -1)
        writer.write(image)
    writer.release()
    return path


@pytest.fixture
def watched(tmp_path, video):
    """A watch that counted four of the five, one of them twice, and raised two alarms."""
    folder = tmp_path / "watched"
    folder.mkdir()
    about = {
        "camera": "road",
        "seconds": SECONDS,
        "observed_share": 1.0,
        "frames": SECONDS * FPS,
        "lines": [LINE],
    }
    way = {"line": "road", "direction": "forward", "to": "near", "sensor": "road.road.near"}
    facts = {
        "sources": [str(video)],
        "detector": "gone",
        "threshold": {"start": 0.3},
        "interval_seconds": 10.0,
    }
    facts |= {"start": "2026-01-01T00:00:00+00:00", "cameras": [about | {"totals": [way]}]}
    (folder / "watched.json").write_text(json.dumps(facts))
    event = {"type": "crossing", "camera": "road", "line": "road", "direction": "forward", "class": "car"}
    times = (8.1, 12.1, 17.1, 17.3, 23.1)
    events = [json.dumps(event | {"stream_seconds": seconds}) for seconds in times]
    (folder / "events.jsonl").write_text("\n".join(events))
    alarm = {"type": "stopped", "camera": "road", "state": "raised", "rule": "stopped for 3s"}
    alarms = [alarm | {"stream_seconds": 6.5, "evidence": "evidence/1.mp4"}, alarm | {"stream_seconds": 25.0}]
    (folder / "alarms.jsonl").write_text("\n".join(map(json.dumps, alarms)))
    rows = ["time,sensor,value,low,high,observed_share,counted"]
    rows += [
        f"2026-01-01T00:00:{10 * k:02}+00:00,road.road.near,{n},{n - 1},{n},1.0,{n}"
        for k, n in enumerate((1, 3, 1))
    ]
    (folder / "counts.csv").write_text("\n".join(rows))
    crossings = [
        {"seconds": seconds, "label": "car", "source": "far", "target": "near", "track": k}
        for k, seconds in enumerate(TIMES)
    ]
    incident = {"kind": "stopped", "start_s": 4.0, "end_s": 9.0}
    truth = {"line": {"name": "road"}, "crossings": crossings, "incidents": [incident]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return folder


def test_a_watch_is_compared_with_its_truth(watched, tmp_path):
    report = evaluate_watch(watched, tmp_path / "truth.json")
    assert report["counts"] == {"counted": 5, "true": 5, "error": 0, "relative": 0, "geh": 0}
    assert [row["error"] for row in report["by_interval"]] == [0, 1, -1]
    assert [(row["low"], row["high"]) for row in report["by_interval"]] == [(0, 1), (2, 3), (0, 1)]
    assert report["covered_share"] == pytest.approx(2 / 3)
    assert (report["crossings"]["matched"], report["crossings"]["extra"]) == (4, 1)
    assert report["alarms"]["incidents"][0]["seconds_to_alarm"] == 2.5
    assert report["alarms"]["false"] == 1
    background = report["methods"]["background subtraction, same tracker and counter"]
    assert (background["counted"], background["recall"]) == (5, 1.0)
    assert report["warnings"] == ["The baseline without a tracker was not computed: 'gone' is not there."]
    rates = read_calibration(watched / "evaluation" / "calibration.json")["road", "forward"]
    assert (rates["counted"], rates["missed"], rates["extra"], rates["ratio"]) == (5, 1, 1, 1.0)


def test_the_page_is_whole_and_links_evidence(watched, tmp_path, capsys):
    arguments = [
        "watch",
        "--evaluate",
        str(watched),
        "--truth",
        str(tmp_path / "truth.json"),
        "--interval",
        "15s",
    ]
    assert cli.run(cityzoo_main, arguments, "python -m cityzoo") == 0
    printed = capsys.readouterr().out
    assert "this watch" in printed and "stopped from 0:04 to 0:09: alarm after 2.5 s" in printed
    page = (watched / "evaluation" / "report.html").read_text()
    assert '<a href="../evidence/1.mp4">1.mp4</a>' in page
    assert "data:image/jpeg;base64" in page  # the timeline
    assert 'id="made"' not in page and "nan" not in page
    report = json.loads((watched / "evaluation" / "report.json").read_text())
    assert len(report["by_interval"]) == 2


def test_boxes_on_the_line_count_each_time_they_appear():
    counter = BoxCounter([Line("road", ((0.0, 0.5), (1.0, 0.5)))], (100, 100), None, 0.3)
    for frame, y in enumerate((30, 50, 50, 30, 50, 70)):  # flicker counts twice
        counter.count(np.array([[40.0, y - 5, 60, y + 5]]), frame)
    assert [passage.seconds for passage in counter.passages] == [1, 4]


def test_baselines_end_where_the_watch_ended(video):
    found = run_baselines(video, [Line("road", ((0.0, 0.5), (1.0, 0.5)))], None, 0.3, FPS, 15.0)
    assert [round(passage.seconds) for passage in found["background"]] == [8, 12]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--evaluate", "none", "--truth", "x.csv"), "'none' is not the folder of a watch"),
        (("--evaluate", "WATCHED", "--truth", "x.csv"), "'x.csv' cannot be read"),
        (("--evaluate", "WATCHED", "--truth", "x.csv", "--camera", "b"), "has the cameras road"),
        (("--evaluate", "WATCHED", "--truth", "x.csv", "--video", "b.mp4"), "'b.mp4' is not there"),
    ],
)
def test_bad_input_is_one_clear_line(watched, capsys, arguments, message):
    given = [str(watched) if word == "WATCHED" else word for word in arguments]
    assert cli.run(cityzoo_main, ["watch", *given], "python -m cityzoo") == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
