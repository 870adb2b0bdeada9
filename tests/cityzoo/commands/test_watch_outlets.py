"""The command with evidence, sinks and plans: a painted person walks past, and no stored frame shows the paint."""

import json
import shutil
from fractions import Fraction

import numpy as np
import pytest

from cityzoo.commands.watch import main
from cityzoo.errors import InputError
from tests.cityzoo.redact.conftest import white_cells
from tests.cityzoo.watch.sinks.conftest import receiver

__all__ = ["receiver", "white_cells"]
av = pytest.importorskip("av")
SCENE = """
lines: [{name: road, points: [[0.5, 0.0], [0.5, 1.0]], from: west, to: east}]
rules: ["person in 2 of 3 frames, severity high"]
"""
PLANS = (
    "plans: [{name: seen, on: {type: '*'}, do: [{signals: {junction: J, program: all_red}}, {person: Ada}]}]"
)


@pytest.fixture
def walk(white_cells, tmp_path, monkeypatch):
    """A detector of bright cells as persons, and a video in which one with colored stripes walks to the right."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(white_cells, "run")
    about = json.loads((tmp_path / "run/preprocessing.json").read_text())
    (tmp_path / "run/preprocessing.json").write_text(json.dumps(about | {"class_names": ["person", "car"]}))
    with av.open("walk.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "4", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 128, 256, "yuv420p"
        for index in range(40):
            image = np.full((128, 256, 3), 8, np.uint8)
            x = index // 4 * 32 - 32
            for row in range(32, 96):
                image[row, max(x, 0) : max(x + 32, 0)] = 255 if row % 4 < 2 else (150, 170, 150)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (tmp_path / "scene.yaml").write_text(SCENE)
    (tmp_path / "plans.yaml").write_text(PLANS)
    return ["walk.mp4", "--run", "run", "--scene", "scene.yaml", "--threshold", "0.5", "--out", "out"]


def count_stripes(path):
    """Return how often brightness changes along a column of a video: 30 times for the person's stripes."""
    most = 0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            gray = frame.to_ndarray(format="gray").astype(float)
            most = max(most, int((np.abs(np.diff(gray[32:96], axis=0)) > 20).sum(axis=0).max()))
    return most


def read_lines(path):
    """Return the documents of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("flags", [[], ["--redact", "fill"], ["--redact", "background"]])
def test_no_stored_file_shows_a_person(walk, tmp_path, flags):
    assert count_stripes("walk.mp4") >= 25
    assert main([*walk, "--video", *flags]) == 0
    videos = sorted((tmp_path / "out").rglob("*.mp4"))
    assert len(videos) >= 2
    assert all(count_stripes(video) < 18 for video in videos), [count_stripes(video) for video in videos]
    kinds = {path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert kinds <= {".mp4", ".jsonl", ".csv", ".json"}  # no other file could hold an image
    raised = [alarm for alarm in read_lines(tmp_path / "out/alarms.jsonl") if alarm["state"] == "raised"]
    assert raised
    assert all((tmp_path / "out" / alarm["evidence"]).exists() for alarm in raised)


def test_none_stores_what_the_camera_saw(walk, tmp_path):
    main([*walk, "--redact", "none"])
    (video,) = (tmp_path / "out/evidence").rglob("*.mp4")
    assert count_stripes(video) >= 25


def test_alarms_counts_and_plans_leave_the_house(walk, tmp_path, receiver):
    more = ["--webhook", receiver.url, "--json-lines", "all.jsonl", "--ngsi-ld", "flow.jsonl"]
    main([*walk, *more, "--position", "48.2,16.4", "--interval", "2s", "--response", "plans.yaml", "--act"])
    alarms = read_lines(tmp_path / "out/alarms.jsonl")
    assert [json.loads(body) for _, _, body in receiver.requests] == alarms
    everything = read_lines(tmp_path / "all.jsonl")
    assert {event["type"] for event in everything} >= {"person", "counts", "source"}
    flows = read_lines(tmp_path / "flow.jsonl")
    assert {flow["type"] for flow in flows} == {"TrafficFlowObserved"}
    counted = [float(row.split(",")[2]) for row in (tmp_path / "out/counts.csv").read_text().splitlines()[1:]]
    assert [flow["intensity"]["value"] for flow in flows] == counted
    requests = read_lines(tmp_path / "out/signal_requests.jsonl")
    raised = [alarm["id"] for alarm in alarms if alarm["state"] == "raised"]
    assert [request["alarm"] for request in requests] == raised
    responses = read_lines(tmp_path / "out/responses.jsonl")
    expected = [("signals", "done"), ("person", "done")] * len(raised)
    assert [(row["action"], row["result"]) for row in responses] == expected
    summary = json.loads((tmp_path / "out/watched.json").read_text())
    assert all(sink["lost"] == 0 for sink in summary["sinks"])


def test_plans_are_a_dry_run_and_a_dead_receiver_is_a_health_event(walk, tmp_path, monkeypatch):
    monkeypatch.setattr("cityzoo.watch.watching.FAREWELL", 0.3)
    main([*walk, "--no-evidence", "--video", "--webhook", "http://127.0.0.1:9", "--response", "plans.yaml"])
    assert [path.name for path in (tmp_path / "out").rglob("*.mp4")] == ["watched.mp4"]
    assert "evidence" not in read_lines(tmp_path / "out/alarms.jsonl")[0]
    assert {row["result"] for row in read_lines(tmp_path / "out/responses.jsonl")} == {"dry run"}
    assert read_lines(tmp_path / "out/signal_requests.jsonl") == []
    told = [event for event in read_lines(tmp_path / "out/health.jsonl") if event["type"] == "sink"]
    assert [event["what"] for event in told] == ["fails", "lost"]
    assert told[-1]["lost"] >= 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--act"], "--response"),
        (["--mail", "a@b.example"], "--mail-server"),
        (["--redact", "none+fill"], "alone"),
        (["--redact", "nowhere"], "nowhere"),
        (["--video", "--encryption-key", "key"], "key"),
        (["--mqtt", "mqtt://user:word@host"], "CITYZOO_MQTT_USER"),
        (["--response", "scene.yaml"], "did you mean"),
    ],
)
def test_wrong_flags_leave_no_folder(walk, tmp_path, flags, words):
    with pytest.raises(InputError, match=words):
        main([*walk, *flags])
    assert not (tmp_path / "out").exists()
