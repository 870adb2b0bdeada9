"""The command watch on a video of a white square that crosses the middle, in a process of its own."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.cityzoo.redact.conftest import white_cells
from tests.cityzoo.watch.red_images import red_images

__all__ = ["red_images", "white_cells"]
ROOT = Path(__file__).resolve().parents[3]
FPS, CELL = 4, 8
LINE = ["--line", "mid:0.5,0,0.5,1:east:west"]  # drawn downwards: the left hand is in the east


def watch(*arguments):
    """Run the command; return the finished process."""
    command = [sys.executable, "-m", "cityzoo", "watch", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def start(*arguments):
    """Start the command."""
    command = [sys.executable, "-m", "cityzoo", "watch", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def write_crossings(path, columns, red=()):
    """Write a lossless MP4 of 32 x 64 pixels: the cell of a column is white, none for -1, frames of `red` are red."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS, options={"qscale": "1"})
        stream.bit_rate = 4_000_000
        stream.height, stream.width, stream.pix_fmt = 32, 64, "yuv420p"
        for index, column in enumerate(columns):
            image = np.zeros((32, 64, 3), np.uint8)
            image[..., 0] = 255 * (index in red)
            if column >= 0:
                image[CELL : 2 * CELL, CELL * column : CELL * (column + 1)] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def detector(white_cells, tmp_path_factory):
    """The detector of white cells with an operating point in its report."""
    folder = tmp_path_factory.mktemp("exported") / "cells"
    shutil.copytree(white_cells, folder)
    about = json.loads((folder / "preprocessing.json").read_text())
    (folder / "preprocessing.json").write_text(json.dumps(about | {"thresholds": {"best F1": 0.8}}))
    return folder


@pytest.fixture(scope="module")
def watched(detector, tmp_path_factory):
    """Two squares go from left to right, one comes back: 30 s, watched in intervals of 10 s."""
    folder = tmp_path_factory.mktemp("watched")
    rest = [-1] * 12
    columns = [*range(8), *rest, *range(8), *rest, *range(7, -1, -1), *[-1] * 72]
    video = write_crossings(folder / "road.mp4", columns)
    start_time = "2026-03-01T08:00:00+00:00"
    arguments = [video, "--run", detector, *LINE, "--interval", "10s", "--start", start_time, "--tracks"]
    done = watch(*arguments, "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return done, folder / "out"


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def events(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_crossing_is_an_event_a_count_and_a_line_of_the_table(watched):
    done, out = watched
    crossings = events(out / "events.jsonl")
    assert [event["to"] for event in crossings] == ["east", "east", "west"]
    assert [event["class"] for event in crossings] == ["plate"] * 3
    assert crossings[0]["time"].startswith("2026-03-01T08:00:00.")
    assert len({event["id"] for event in crossings}) == 3
    counted = [(row["time"][11:19], row["sensor"], row["counted"]) for row in rows(out / "counts.csv")]
    assert counted == [
        ("08:00:00", "road.mid.west", "0"),
        ("08:00:00", "road.mid.east", "2"),
        ("08:00:10", "road.mid.west", "1"),
        ("08:00:10", "road.mid.east", "0"),
        ("08:00:20", "road.mid.west", "0"),
        ("08:00:20", "road.mid.east", "0"),
    ]
    assert {row["observed_share"] for row in rows(out / "counts.csv")} == {"1.0"}
    assert [(row["class"], row["counted"]) for row in rows(out / "counts_by_class.csv")] == [
        ("plate", "2"),
        ("plate", "1"),
    ]
    assert "mid   east        2       2..2  plate 2 (2..2)" in done.stdout
    assert "3/4 of the best F1 (0.80)" in done.stdout


def test_the_summary_says_what_was_watched_with_what(watched):
    summary = json.loads((watched[1] / "watched.json").read_text())
    assert summary["state"] == "ended"
    assert summary["threshold"]["start"] == pytest.approx(0.6)
    (camera,) = summary["cameras"]
    assert (camera["frames"], camera["observed_share"], camera["seconds"]) == (120, 1.0, 30.0)
    assert [total["counted"] for total in camera["totals"]] == [1, 2]
    kinds = [event["what"] for event in events(watched[1] / "health.jsonl")]
    assert kinds == ["connected", "ended"]
    first = (watched[1] / "tracks.txt").read_text().splitlines()[0].split(",")
    assert (first[0], first[1], len(first)) == ("1", "1", 9)


def test_a_hand_counted_clip_gives_the_range_of_later_counts(detector, watched, tmp_path):
    row = {"line": "mid", "direction": "back", "counted": 8, "missed": 4, "extra": 0}
    row |= {"true": 12, "ratio": 1.5}
    (tmp_path / "calibration.json").write_text(json.dumps({"lines": [row]}))
    given = ["--run", detector, *LINE, "--calibration", tmp_path / "calibration.json", "--interval", "10s"]
    done = watch(watched[1].parent / "road.mp4", *given, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    first, second = rows(tmp_path / "out/counts.csv")[:2]
    assert (first["sensor"], first["value"], first["low"], first["high"]) == (
        "road.mid.west",
        "0.0",
        "0",
        "0",
    )
    assert (second["counted"], second["value"]) == ("2", "3.0")
    assert 1 <= float(second["low"]) <= 2 < float(second["high"]) <= 6
    assert "95 % range by the hand-counted clip" in done.stdout


def test_counts_are_read_by_a_forecast_as_they_are(watched):
    from cityzoo.data.series.load import load_series

    loaded = load_series(str(watched[1] / "counts.csv"))
    assert loaded.series.values.shape[:2] == (3, 2)
    np.testing.assert_array_equal(loaded.series.values[:, :, 0].sum(axis=0), [1, 2])


def test_unusable_input_is_one_line(detector, watched, tmp_path):
    video = watched[1].parent / "road.mp4"
    run = ["--run", detector]
    (tmp_path / "scene.yaml").write_text("lines: []\nlnes: []\n")
    (tmp_path / "notes.mp4").write_text("no video")
    run_folder = tmp_path / "runs"
    run_folder.mkdir()
    (run_folder / "spec.json").write_text("{}")
    cases = {
        (video, *run): "nothing to count at 'road'",
        (video, *run, "--line", "mid:0.1,0.5"): "is not understood",
        (video, *run, "--line", "mid:0.1,0.5,1.9,0.5"): "outside the image",
        (video, *run, "--scene", tmp_path / "scene.yaml"): "lnes",
        (tmp_path / "notes.mp4", *run, *LINE): "finds no video",
        (tmp_path / "none.mp4", *run, *LINE): "does not exist",
        (video, "--run", run_folder, *LINE): "python -m cityzoo export",
        (video, *run, *LINE, "--out", watched[1]): "exists",
        (video, video, *run, *LINE): "two sources have the name 'road'",
        (video, *run, *LINE, "--interval", "5"): "not a time of 1 s or more",
        (video, "rtsp://127.0.0.1:9/x", *run, *LINE): "cannot be watched together",
    }
    from cityzoo import cli
    from cityzoo.commands.watch import main

    for arguments, words in cases.items():
        out = [] if "--out" in arguments else ["--out", tmp_path / "out"]
        with pytest.MonkeyPatch.context() as patch:
            said = []
            patch.setattr(sys.stderr, "write", said.append)
            try:
                code = cli.run(main, [*map(str, arguments), *map(str, out)], "watch")
            except SystemExit as left:
                code = left.code
        text = "".join(said)
        assert code == 2, (arguments, text)
        assert words in text, text
        assert text.count("\n") == 1, text


def test_a_score_that_nothing_reaches_is_refused_with_the_counts_written(detector, tmp_path):
    video = write_crossings(tmp_path / "dark.mp4", [-1] * 8)
    done = watch(video, "--run", detector, *LINE, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "nothing would be counted: the highest score is" in done.stderr
    assert [row["counted"] for row in rows(tmp_path / "out/counts.csv")] == ["0", "0"]


def test_a_classifier_raises_alarms_with_evidence(detector, red_images, tmp_path):
    """Red from 5 to 10 s at 4 frames a second, 2 of which are classified: the fifth is at 7 s."""
    video = write_crossings(tmp_path / "road.mp4", [-1] * 100, range(20, 40))
    about = ["--run", detector, "--incidents", red_images, "--redact", "none", "--start", "2026-03-01T08:00Z"]
    done = watch(video, *about, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    raised, released = events(tmp_path / "out/alarms.jsonl")
    assert (raised["type"], raised["state"], raised["rule"]) == ("fire", "raised", "fire in 5 of 8 frames")
    assert (raised["stream_seconds"], raised["score"]) == (7.0, pytest.approx(0.99, abs=0.01))
    assert (released["state"], released["incident"]) == ("released", raised["incident"])
    assert (tmp_path / "out" / raised["evidence"]).stat().st_size > 1000
    summary = json.loads((tmp_path / "out/watched.json").read_text())
    assert summary["incidents"]["thresholds"] == {"fire": 0.6}  # smoke has none


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_watch_with_everything_written(detector, tmp_path, number):
    """A stream that is never up, watched until the signal: its time is not observed."""
    out = tmp_path / "out"
    process = start("rtsp://127.0.0.1:9/road", "--run", detector, *LINE, "--interval", "1s", "--out", out)
    deadline = time.time() + 60
    while time.time() < deadline and not (out / "watched.json").exists():
        time.sleep(0.05)
    time.sleep(2.5)
    os.kill(process.pid, number)
    printed, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "0 % observed" in printed
    assert "127.0.0.1-9-road: lost connection refused: nothing listens there" in said
    summary = json.loads((out / "watched.json").read_text())
    assert summary["state"] == "stopped"
    assert {(row["value"], row["observed_share"]) for row in rows(out / "counts.csv")} == {("", "0.0")}
    kinds = [event["what"] for event in events(out / "health.jsonl")]
    assert kinds[0] == "lost"
    assert kinds[-2:] == ["gap", "ended"]


def test_a_video_without_a_frame_leaves_no_folder(detector, tmp_path):
    video = write_crossings(tmp_path / "road.mp4", [0] * 4)
    content = video.read_bytes()
    first, last = content.index(b"mdat") + 4, content.rindex(b"moov") - 4
    (tmp_path / "broken.mp4").write_bytes(content[:first] + bytes(last - first) + content[last:])
    done = watch(tmp_path / "broken.mp4", "--run", detector, *LINE, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "no frame that can be decoded" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
