"""The three forms of a truth."""

import json

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.evaluate.truth import Incident, Passage, read_truth
from cityzoo.watch.scene import Line

LINES = [Line("north", ((0.0, 0.5), (1.0, 0.5)), ("city", "harbour"))]


def read(path, size=(100, 200)):
    return read_truth(path, LINES, 10.0, size)


def test_hand_counts_by_time_or_frame(tmp_path):
    file = tmp_path / "truth.csv"
    file.write_text("time,line,direction,class\n1:05.5,north,city-harbour,car\n2,north,back,\n")
    truth = read(file)
    assert truth.passages == (Passage(2.0, "north", "back"), Passage(65.5, "north", "forward", "car"))
    assert truth.incidents is None
    file.write_text("frame,direction\n11,forward\n")
    assert read(file).passages == (Passage(1.0, "north", "forward"),)


def test_the_truth_of_a_demo_video(tmp_path):
    crossing = {"seconds": 3.5, "track": 1, "label": "bus", "source": "harbour", "target": "city"}
    content = {
        "line": {"name": "north"},
        "crossings": [crossing],
        "incidents": [{"kind": "jam", "start_s": 5.0, "end_s": 9.0}],
    }
    (tmp_path / "truth.json").write_text(json.dumps(content))
    truth = read(tmp_path / "truth.json")
    assert truth.passages == (Passage(3.5, "north", "back", "bus"),)
    assert truth.incidents == (Incident("congestion", 5.0, 9.0),)
    assert truth.tracks is None


def test_crossings_of_labeled_tracks_are_counted(tmp_path):
    rows = [f"{frame},4,90,{4 * frame - 5},20,10,1,1,1\n" for frame in range(1, 25)]
    (tmp_path / "tracks.txt").write_text("".join(rows))
    (passage,) = read(tmp_path / "tracks.txt").passages
    assert (passage.line, passage.direction) == ("north", "forward")
    assert passage.seconds == pytest.approx(1.15, abs=0.01)  # y = 4 frame reaches 50 at frame 12.5


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "time,direction\n5,sideways\n", "line 2.*sideways"),
        ("a.csv", "time,line,direction\n5,south,back\n", "line 2.*south"),
        ("a.csv", "time,direction\n-5,back\n", "line 2.*expected columns"),
        ("a.csv", "hour\n5\n", "line 2.*expected columns"),
        ("a.csv", "", "no rows"),
        ("a.json", "{}", "not the truth of a demo video"),
        ("a.txt", "1,2,x\n", "no rows of MOTChallenge"),
    ],
)
def test_a_damaged_truth_is_one_clear_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_truth_that_is_not_there(tmp_path):
    for name in ("a.csv", "a.json", "a.txt"):
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path / name)
